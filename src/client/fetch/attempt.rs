//! Fetches one file, with retries.
//!
//! ```text
//! here and unchanged (HEAD, RFC 9110 §9.3.2) ──> nothing to do
//! a part of a known version ── Range, If-Range ──> the rest, or the whole file if it has changed
//! nothing ── GET ──> the whole file
//! a response with a different range from the one requested ──> once more from the start
//! ```
//!
//! `split` fetches large files in several ranges at once.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Instant, SystemTime};

use super::context::FetchContext;
use super::digest::{self, Sum};
use super::downloads::DIRECTORY_PAGE;
use super::fetched::Fetched;
use super::incoming::IncomingDownload;
use super::order::FetchOrder;
use super::part::{ExistingPart, Version};
use super::response_check::{self, ResponseCheck, check};
use super::sessions::{path_of, refused};
use super::settle::Landed;
use super::spot::facts;
use super::worker::{End, FetchState, ReceivedFile, Worker};
use crate::client::address::Resource;
use crate::client::error::ClientError;
use crate::client::response::{HttpResponse, PourError};
use crate::client::transfer::WorkerProgress;
use crate::client::transfer::retry::{FailedAttempt, retry};
use crate::format::Time;
use crate::http::body::Framing;
use crate::http::date::Date;
use crate::http::request::Method;
use crate::http::response::Received;
use crate::http::status::Status;

/// The result of one request.
enum Step {
    /// The file is complete.
    Received(Box<ReceivedFile>),
    /// The part belonged to another version, and is discarded.
    Restart,
}

impl Worker<'_> {
    /// Fetches a file, with retries.
    pub(super) fn fetch(&mut self, number: usize, order: &FetchOrder) -> Result<End, ClientError> {
        let begun = Instant::now();
        if let Some(unchanged) = self.unchanged(order)? {
            return Ok(End::Unchanged(unchanged));
        }
        let mut state = FetchState::default();
        let server = &order.resource.server;
        let fetched = retry(self.context.options.retries, |reached| {
            if let Some(error) = self.context.is_given_up(server) {
                return Err(error.into());
            }
            state.reached = 0;
            let landed = self.attempt(number, order, begun, &mut state);
            *reached = state.reached;
            landed
        });
        if let Err(error) = &fetched
            && error.is_servers()
        {
            self.context.give_up(server, error);
        }
        fetched.map(|landed| End::Landed(Box::new(landed)))
    }

    /// The local file, if it has the length and time that the server gives in a listing or a response to HEAD. An error if
    /// it is another file that must not be replaced.
    fn unchanged(&mut self, order: &FetchOrder) -> Result<Option<Fetched>, ClientError> {
        let FetchContext { options, downloads, .. } = self.context;
        let Some(spot) = downloads.find(&order.local, &order.from)? else { return Ok(None) };
        // The name may be a directory both locally and on the server: then the server's page is saved in the local
        // directory.
        let Ok(Some(stat)) = spot.look() else { return Ok(None) };
        let may_be_taken = spot.may_be_taken();
        if options.again && may_be_taken.is_ok() {
            return Ok(None);
        }
        let here = facts(&stat);
        let remote = order.listed.or_else(|| self.ask_for_facts(&order.resource));
        let is_same = remote
            .is_some_and(|(length, modified)| (length, Date::from(modified)) == (here.0, Date::from(here.1)));
        if is_same {
            return Ok(Some(Fetched::Unchanged { path: spot.path, length: here.0 }));
        }
        may_be_taken.map(|_| None)
    }

    /// The length and time that the server gives; if it gives none, the file is fetched.
    fn ask_for_facts(&mut self, resource: &Resource) -> Option<(u64, SystemTime)> {
        let remote = self.sessions.ask(Method::Head, resource, &[], |_, response| {
            let head = &response.head;
            let remote = head
                .content_length()
                .zip(response_check::modified(head))
                .filter(|_| head.status == Status::OK);
            Ok(response.body.discard().map(|_| remote)?)
        });
        remote.ok().flatten()
    }

    /// Fetches a file once, or twice if the server sent a different range from the one requested.
    fn attempt(
        &mut self,
        number: usize,
        order: &FetchOrder,
        begun: Instant,
        state: &mut FetchState,
    ) -> Result<Landed, FailedAttempt> {
        let received = match self.receive_file(number, order, state) {
            Err(FailedAttempt { error: ClientError::WrongRange, .. })
                if state.is_ranged && !state.restarted =>
            {
                state.restarted = true;
                self.receive_file(number, order, state)?
            }
            other => other?,
        };
        let ReceivedFile { mut incoming, head, at, resumed, is_joined } = received;
        if let Some(expected) = self.expected_sum(&head, &at, is_joined)
            && incoming.sum()? != expected
        {
            state.reached = 0;
            incoming.discard();
            return Err(ClientError::Digest.into());
        }
        let fetched = Fetched::Saved {
            status: head.status,
            path: incoming.spot().path.clone(),
            length: incoming.length(),
            resumed,
            took: Time(begun.elapsed()),
            restarted: state.restarted,
            is_directory_page: incoming.spot().path.ends_with(DIRECTORY_PAGE)
                && !order.local.ends_with(DIRECTORY_PAGE),
        };
        Ok(Landed { incoming, fetched, modified: response_check::modified(&head) })
    }

    /// Fetches all bytes of a file.
    fn receive_file(
        &mut self,
        number: usize,
        order: &FetchOrder,
        state: &mut FetchState,
    ) -> Result<ReceivedFile, FailedAttempt> {
        if let Some(received) = self.in_ranges(order, state)? {
            return Ok(received);
        }
        loop {
            if let Step::Received(received) = self.ask(number, order, state)? {
                return Ok(*received);
            }
        }
    }

    /// The part of a file, if there is one and a range may be requested.
    fn find_part(&self, order: &FetchOrder, state: &FetchState) -> Result<Option<ExistingPart>, ClientError> {
        let spot = self.context.downloads.find(&order.local, &order.from)?;
        let existing = spot.map(|spot| ExistingPart::look(&spot)).transpose()?.flatten();
        match existing {
            Some(existing) if state.restarted => {
                existing.discard();
                Ok(None)
            }
            existing => Ok(existing),
        }
    }

    /// Requests a file or the rest of it, and receives the content.
    fn ask(
        &mut self,
        number: usize,
        order: &FetchOrder,
        state: &mut FetchState,
    ) -> Result<Step, FailedAttempt> {
        let existing = self.find_part(order, state)?;
        state.is_ranged |= existing.is_some();
        let asked = existing
            .as_ref()
            .map(|existing| (format!("bytes={}-", existing.offset), existing.version.validator.clone()));
        let fields: Vec<_> = asked
            .iter()
            .flat_map(|(range, validator)| [("Range", range.as_str()), ("If-Range", validator.as_str())])
            .collect();
        let (context, progress) = (self.context, self.progress);
        self.sessions.ask(Method::Get, &order.resource, &fields, |at, response| {
            let asked = existing.as_ref().map(|existing| (&existing.version, existing.offset));
            let (incoming, version) = match check(&response.head, asked)? {
                ResponseCheck::Refused => return Err(refused(response)),
                ResponseCheck::Stale => {
                    if let Some(existing) = existing {
                        existing.discard();
                    }
                    return Ok(Step::Restart);
                }
                ResponseCheck::Rest => resume(existing)?,
                ResponseCheck::Whole => begin(context, number, order, at, &response.head, existing)?,
            };
            let received = receive(
                response,
                incoming,
                version.as_ref(),
                at,
                progress,
                &order.shown(),
                &mut state.reached,
            )?;
            Ok(Step::Received(Box::new(received)))
        })
    }

    /// The SHA-256 that the file must have, if the server gives one.
    fn expected_sum(&mut self, head: &Received, at: &Resource, is_joined: bool) -> Option<Sum> {
        digest::in_head(head).or_else(|| {
            let etag = head.field("ETag").filter(|_| is_joined && digest::is_wharf(head))?;
            digest::ask(&mut self.sessions, at, &etag)
        })
    }
}

/// Resumes the existing part.
fn resume(existing: Option<ExistingPart>) -> Result<(IncomingDownload, Option<Version>), ClientError> {
    let existing = existing.ok_or(ClientError::WrongRange)?;
    let version = existing.version.clone();
    Ok((IncomingDownload::Part(existing.resume()?), Some(version)))
}

/// Begins a new file, in place of the existing part.
fn begin(
    context: &FetchContext<'_>,
    number: usize,
    order: &FetchOrder,
    at: &Resource,
    head: &Received,
    existing: Option<ExistingPart>,
) -> Result<(IncomingDownload, Option<Version>), ClientError> {
    let version = response_check::version(head, &order.from);
    // If a redirect has only added a slash, the content is the page of a directory, and is saved in this directory. No
    // other redirect changes the local name, because a server must not choose it.
    let is_directory = path_of(&at.target).strip_suffix('/') == Some(path_of(&order.resource.target));
    if !is_directory && let Some(existing) = existing {
        return Ok((IncomingDownload::Part(existing.begin(version.as_ref())?), version));
    }
    let page = order.local.join(DIRECTORY_PAGE);
    let local: &Path = if is_directory { &page } else { &order.local };
    context.downloads.claim(number, local)?;
    let spot = context.downloads.make(local, &order.from)?;
    spot.may_be_taken()?;
    Ok((IncomingDownload::begin(spot, version.as_ref(), length(head))?, version))
}

/// The length of a response's content in bytes, if it is known.
fn length(head: &Received) -> Option<u64> {
    match head.framing {
        Framing::Empty => Some(0),
        Framing::Sized(length) => Some(length),
        Framing::Chunked | Framing::UntilClose => None,
    }
}

/// Reads the content of a response to its end.
fn receive(
    response: HttpResponse<'_>,
    mut incoming: IncomingDownload,
    version: Option<&Version>,
    at: &Resource,
    progress: &WorkerProgress,
    name: &str,
    reached: &mut u64,
) -> Result<ReceivedFile, FailedAttempt> {
    let resumed = incoming.length();
    let total = version.map(|version| version.length).or_else(|| response.body.length());
    progress.begin(name, resumed, total);
    let HttpResponse { head, body, .. } = response;
    let poured = body.pour(&mut Counted { incoming: &mut incoming, progress });
    progress.end();
    let ended = poured.map_err(|error| match error {
        PourError::Source(error) => error,
        PourError::Sink(error) => ClientError::Local("write", incoming.spot().path.clone(), error),
    });
    let checked = ended.and_then(|_| match total {
        Some(total) if total > incoming.length() => {
            Err(ClientError::CutShort(incoming.length(), Some(total)))
        }
        Some(total) if total < incoming.length() => Err(ClientError::WrongRange),
        _ => Ok(()),
    });
    match checked {
        Ok(()) => Ok(ReceivedFile { incoming, head, at: at.clone(), resumed, is_joined: resumed > 0 }),
        // The file is longer than its notes say, so a later run could not recognise it as a part.
        Err(ClientError::WrongRange) => {
            incoming.discard();
            Err(ClientError::WrongRange.into())
        }
        Err(error) => {
            *reached = incoming.leave();
            Err(error.into())
        }
    }
}

/// Counts what is written to a file, for the progress.
struct Counted<'a> {
    incoming: &'a mut IncomingDownload,
    progress: &'a WorkerProgress,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.incoming.write(bytes)?;
        self.progress.came(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
