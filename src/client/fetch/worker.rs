//! One worker: fetches a file after the other, each over breaks.
//!
//! ```text
//! here and unchanged (RFC 9110 §9.3.2: HEAD) ──> nothing to do
//! a part of a known version ── Range, If-Range ──> the rest, or the whole if the file has changed
//! nothing ── GET ──> the whole
//! ```
//!
//! How a large file comes in several ranges at once is `split`'s.

use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Instant, SystemTime};

use super::digest::{self, Sum};
use super::downloads::{DIRECTORY_PAGE, facts};
use super::incoming::Incoming;
use super::part::{Found, Version};
use super::sessions::{Sessions, path_of};
use super::settle::Landed;
use super::trial::{Failure, Trials};
use super::verdict::{self, Verdict, judge};
use super::{Common, Fetched, Order};
use crate::client::address::Resource;
use crate::client::board::Slot;
use crate::client::error::Error;
use crate::client::refusal;
use crate::client::session::{Method, PourError, Response};
use crate::figures::Time;
use crate::http::body::Framing;
use crate::http::date::Date;
use crate::http::response::Received;
use crate::http::status::Status;
use crate::printable::Printable;

/// Whoever fetches one file at a time.
pub(super) struct Worker<'a> {
    pub(super) sessions: Sessions,
    pub(super) common: &'a Common<'a>,
    pub(super) slot: &'a Slot,
}

/// What became of a file.
pub(super) enum End {
    /// It came, and is to be settled.
    Landed(Landed),
    /// It was here.
    Unchanged(Fetched),
}

/// What one question led to.
enum Step {
    /// All of it is here.
    Arrived(Box<Arrived>),
    /// The part was of nothing that is there.
    Anew,
}

/// A file whose bytes are all here.
pub(super) struct Arrived {
    pub(super) incoming: Incoming,
    pub(super) head: Received,
    /// Where it was found in the end.
    pub(super) at: Resource,
    pub(super) resumed: u64,
    /// Whether it was put together from several answers.
    pub(super) is_joined: bool,
}

impl Worker<'_> {
    /// Fetches a file; tries again where that may help.
    pub(super) fn fetch(&mut self, number: usize, order: &Order) -> Result<End, Error> {
        let begun = Instant::now();
        if let Some(unchanged) = self.unchanged(order)? {
            return Ok(End::Unchanged(unchanged));
        }
        let mut trials = Trials::new(self.common.manner.retries);
        loop {
            if let Some(error) = self.common.is_given_up(&order.resource.server) {
                return Err(error);
            }
            let mut reached = 0;
            let failure = match self.attempt(number, order, begun, &mut reached) {
                Ok(landed) => return Ok(End::Landed(landed)),
                Err(failure) => failure,
            };
            match trials.next(failure, reached) {
                Ok(pause) => thread::sleep(pause),
                Err(error) => {
                    if error.is_servers() {
                        self.common.give_up(&order.resource.server, &error);
                    }
                    return Err(error);
                }
            }
        }
    }

    /// The file that is here, if it has the length and the time that the server tells: from a listing, or asked for.
    fn unchanged(&mut self, order: &Order) -> Result<Option<Fetched>, Error> {
        let Common { manner, downloads, .. } = self.common;
        let Some(spot) = downloads.find(&order.local)?.filter(|_| !manner.force) else { return Ok(None) };
        // A directory may be here where the server has one, too: its page goes into it.
        let Ok(Some(stat)) = spot.look() else { return Ok(None) };
        let here = facts(&stat);
        let told = order.told.or_else(|| self.ask_for_facts(&order.resource));
        let is_same = told
            .is_some_and(|(length, modified)| (length, Date::from(modified)) == (here.0, Date::from(here.1)));
        Ok(is_same.then_some(Fetched::Unchanged { path: spot.path, length: here.0 }))
    }

    /// The length and time that the server tells. Where it does not, the file is fetched.
    fn ask_for_facts(&mut self, resource: &Resource) -> Option<(u64, SystemTime)> {
        let told = self.sessions.ask(Method::Head, resource, &[], |_, response| {
            let head = &response.head;
            let length = head.field("Content-Length").and_then(|length| length.parse().ok());
            let told = length.zip(verdict::modified(head)).filter(|_| head.status == Status::OK);
            Ok(response.body.discard().map(|_| told)?)
        });
        told.ok().flatten()
    }

    /// Fetches a file once. `reached` is how much of it another try need not fetch again.
    fn attempt(
        &mut self,
        number: usize,
        order: &Order,
        begun: Instant,
        reached: &mut u64,
    ) -> Result<Landed, Failure> {
        let arrived = match self.in_ranges(order, reached)? {
            Some(arrived) => arrived,
            None => loop {
                if let Step::Arrived(arrived) = self.ask(number, order, reached)? {
                    break *arrived;
                }
            },
        };
        let Arrived { mut incoming, head, at, resumed, is_joined } = arrived;
        if let Some(expected) = self.expected_sum(&head, &at, is_joined)
            && incoming.sum()? != expected
        {
            *reached = 0;
            incoming.discard();
            return Err(Error::Digest.into());
        }
        let fetched = Fetched::Saved {
            status: head.status,
            path: incoming.spot().path.clone(),
            length: incoming.length(),
            resumed,
            took: Time(begun.elapsed()),
        };
        Ok(Landed { incoming, fetched, modified: verdict::modified(&head) })
    }

    /// Asks for a file, or for the rest of it, and receives what comes.
    fn ask(&mut self, number: usize, order: &Order, reached: &mut u64) -> Result<Step, Failure> {
        let spot = self.common.downloads.find(&order.local)?;
        let found = spot.map(|spot| Found::look(&spot, &order.from)).transpose()?.flatten();
        let asked =
            found.as_ref().map(|found| (format!("bytes={}-", found.offset), found.version.validator.clone()));
        let fields: Vec<_> = asked
            .iter()
            .flat_map(|(range, validator)| [("Range", range.as_str()), ("If-Range", validator.as_str())])
            .collect();
        let (common, board) = (self.common, self.slot);
        self.sessions.ask(Method::Get, &order.resource, &fields, |at, response| {
            let asked = found.as_ref().map(|found| (&found.version, found.offset));
            let (incoming, version) = match judge(&response.head, asked)? {
                Verdict::Refused => return Err(refuse(response)),
                Verdict::Anew => {
                    if let Some(found) = found {
                        found.discard();
                    }
                    return Ok(Step::Anew);
                }
                Verdict::GoesOn => go_on(found)?,
                Verdict::Begins => begin(common, number, order, at, &response.head, found)?,
            };
            let arrived = receive(response, incoming, version.as_ref(), at, board, &order.shown(), reached)?;
            Ok(Step::Arrived(Box::new(arrived)))
        })
    }

    /// The sum that what came must have, where the server gives one.
    fn expected_sum(&mut self, head: &Received, at: &Resource, is_joined: bool) -> Option<Sum> {
        digest::told(head).or_else(|| {
            let etag = head.field("ETag").filter(|_| is_joined && digest::is_wharf(head))?;
            digest::ask(&mut self.sessions, at, &etag)
        })
    }
}

pub(super) fn refuse(response: Response<'_>) -> Failure {
    let head = response.head.clone();
    Failure::refused(refusal::read(response), &head, SystemTime::now())
}

/// The part that was found, to go on with.
fn go_on(found: Option<Found>) -> Result<(Incoming, Option<Version>), Error> {
    let found = found.ok_or(Error::WrongRange)?;
    let version = found.version.clone();
    Ok((Incoming::Part(found.go_on()?), Some(version)))
}

/// A new file, in the place of the part that was found.
fn begin(
    common: &Common<'_>,
    number: usize,
    order: &Order,
    at: &Resource,
    head: &Received,
    found: Option<Found>,
) -> Result<(Incoming, Option<Version>), Error> {
    let version = verdict::version(head, &order.from);
    // Only a slash is taken over from a redirect: what a file is called here is not the server's to say.
    let is_directory = path_of(&at.target).strip_suffix('/') == Some(path_of(&order.resource.target));
    if !is_directory && let Some(found) = found {
        return Ok((Incoming::Part(found.begin(version.as_ref())?), version));
    }
    let page = order.local.join(DIRECTORY_PAGE);
    let local: &Path = if is_directory { &page } else { &order.local };
    common.claim(number, local)?;
    let spot = common.downloads.make(local)?;
    spot.look()?;
    Ok((Incoming::begin(spot, version.as_ref(), length(head))?, version))
}

/// How long the content of an answer is, in bytes, where it says so.
fn length(head: &Received) -> Option<u64> {
    match head.framing {
        Framing::Empty => Some(0),
        Framing::Sized(length) => Some(length),
        Framing::Chunked | Framing::UntilClose => None,
    }
}

/// Reads the content of an answer to its end.
fn receive(
    response: Response<'_>,
    mut incoming: Incoming,
    version: Option<&Version>,
    at: &Resource,
    slot: &Slot,
    name: &str,
    reached: &mut u64,
) -> Result<Arrived, Failure> {
    let resumed = incoming.length();
    let total = version.map(|version| version.length).or_else(|| response.body.length());
    slot.begin(name, resumed, total);
    let Response { head, body } = response;
    let poured = body.pour(&mut Counted { incoming: &mut incoming, slot });
    slot.end();
    let ended = poured.map_err(|error| match error {
        PourError::Source(error) => error,
        PourError::Sink(error) => Error::Local("write", incoming.spot().path.clone(), error),
    });
    let checked = ended.and_then(|_| match total {
        Some(total) if total != incoming.length() => Err(Error::CutShort(incoming.length(), Some(total))),
        _ => Ok(()),
    });
    match checked {
        Ok(()) => Ok(Arrived { incoming, head, at: at.clone(), resumed, is_joined: resumed > 0 }),
        Err(error) => {
            *reached = incoming.leave();
            Err(error.into())
        }
    }
}

/// A file that is written to while others look.
struct Counted<'a> {
    incoming: &'a mut Incoming,
    slot: &'a Slot,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.incoming.write(bytes)?;
        self.slot.came(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Order {
    /// Its name, safe for a terminal.
    pub(super) fn shown(&self) -> String {
        use std::os::unix::ffi::OsStrExt as _;
        Printable(self.local.as_os_str().as_bytes()).to_string()
    }
}
