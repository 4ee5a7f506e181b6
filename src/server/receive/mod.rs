//! A body that is being received, and where its content goes.
//!
//! It processes bytes as they arrive and keeps none. Work that must block on the disk (a commit) is a
//! [`Job`], which the connection hands to the job threads, so that no worker blocks.

pub(super) mod interim;
pub(super) mod small_body;

use std::fmt;
use std::path::PathBuf;

#[cfg(feature = "accounts")]
use zeroize::Zeroizing;

use crate::blocking::Blocking;
use crate::http::body::{BodyDecoder, BodyError, Framing};
use crate::http::status::Status;
use crate::server::accounts::PasswordCheck;
use crate::server::disk::Disk;
use crate::server::jobs::deferred::Deferred;
use crate::server::jobs::{Chores, JobKind};
use crate::server::moment::Moment;
use crate::server::password_verdict::PasswordVerdict;
use crate::server::receive::interim::Interim;
use crate::server::receive::small_body::SmallBody;
use crate::server::response::Response;
use crate::server::state::State;
use crate::server::timing::Deadline;

/// What happens to an incomplete body that is useless without the rest, for the log.
const DISCARDED: &str = "the part received is discarded";

/// Where content goes on the disk: a file, an upload, or the files of a form.
pub(super) trait Sink: fmt::Debug + Send {
    /// Takes the next bytes. After [`Flow::Work`] it takes no more before [`Sink::work`] has been called.
    fn write(&mut self, content: &[u8], state: &State, disk: Blocking<'_>) -> Result<Flow, Response>;

    /// Does the pending work: after [`Flow::Work`], or because the content has `ended`.
    fn work(self: Box<Self>, ended: bool, state: &State, disk: Blocking<'_>) -> Worked;

    /// Whether it opens its first file only when content arrives.
    fn opens_later(&self) -> bool {
        false
    }

    /// What happens to the part received if the rest does not arrive, for the log.
    fn fate(&self) -> &'static str {
        DISCARDED
    }
}

/// Whether a sink can take more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// It can.
    More,
    /// It has to work first.
    Work,
}

/// The result of a sink's work.
pub(super) enum Worked {
    /// It continues: with more content, or with more work.
    Resume(Box<dyn Sink>, Flow),
    /// The response to the request, and the file that was saved, for the recorder.
    Respond(Response, Option<PathBuf>),
}

/// Work that may block on the disk.
pub(super) type Job = Box<dyn FnOnce(&State, Blocking<'_>) -> JobOutcome + Send>;

/// The result of a job.
pub(super) enum JobOutcome {
    /// The response to the request, and the file that was saved, for the recorder.
    Respond(Response, Option<PathBuf>),
    /// The body continues.
    Receive(Box<Receiving>),
    /// There is more to do, after the jobs of other clients.
    Again(Job),
    /// A password has to be checked, which keeps a processor busy for a while; then this function makes the
    /// response.
    #[cfg_attr(not(feature = "accounts"), allow(dead_code, reason = "no password is ever checked"))]
    CheckPassword(Box<PasswordCheck>, AfterCheck),
    /// The rest waits for the store that servers share, so it is a job of that kind.
    #[cfg_attr(not(feature = "accounts"), allow(dead_code, reason = "only accounts are in the store"))]
    AskStore(Job),
}

/// Continues once a password has been checked, on the password thread.
pub(super) type AfterCheck = Box<dyn FnOnce(&PasswordVerdict, &State, Blocking<'_>) -> CheckOutcome + Send>;

/// What follows the check of a password.
pub(super) enum CheckOutcome {
    /// This response. That to a failure is sent later, when it is due.
    #[cfg_attr(not(feature = "accounts"), allow(dead_code, reason = "no password is ever checked"))]
    Respond(Response),
    /// A job that waits for the store that servers share. The password thread must not: all other checks would wait too.
    #[cfg_attr(not(feature = "accounts"), allow(dead_code, reason = "no password is ever checked"))]
    AskStore(Job),
}

impl From<CheckOutcome> for JobOutcome {
    fn from(outcome: CheckOutcome) -> Self {
        match outcome {
            CheckOutcome::Respond(response) => Self::Respond(response, None),
            CheckOutcome::AskStore(job) => Self::AskStore(job),
        }
    }
}

/// A body, as far as it has been received.
#[derive(Debug)]
pub(super) struct Receiving {
    decoder: BodyDecoder,
    destination: Destination,
    /// The response to send before the body ends, if the body takes a long time.
    interim: Option<Interim>,
}

/// Where the content of a body goes.
#[derive(Debug)]
enum Destination {
    Disk(Deferred<Box<dyn Sink>>, Flow),
    Memory(SmallBody, AfterBody),
}

/// What is done with a body in memory once it is complete.
pub(super) enum AfterBody {
    /// A worker makes the response from it.
    Respond(Box<dyn FnOnce(&[u8], &State) -> Response + Send>),
    /// A thread that may wait for the disk makes the response from it, with a bounded amount of work: a worker, or a job.
    #[cfg_attr(not(feature = "dav"), allow(dead_code, reason = "only PROPFIND reads after a body"))]
    Read(BodyReader),
    /// A job takes the body, to save something.
    Work(BodyJob),
    /// A job takes the body, and saves nothing.
    #[cfg_attr(not(feature = "archive"), allow(dead_code, reason = "only zips are made after a body"))]
    Collect(BodyJob),
    /// Like `Work`, but the job waits for the store that servers share.
    AskStore(BodyJob),
    /// The body contains a password. A job takes the body, or `None` as soon as the body is larger than allowed. Then
    /// the response is the same as to a wrong password.
    #[cfg(feature = "accounts")]
    CheckPassword(PasswordForm),
}

/// Makes the response from a body, and from what it reads.
pub(super) type BodyReader = Box<dyn FnOnce(Vec<u8>, &State, Blocking<'_>) -> Response + Send>;

/// What is done with a body in a job.
pub(super) type BodyJob = Box<dyn FnOnce(Vec<u8>, &State, Blocking<'_>) -> JobOutcome + Send>;

/// What is done with a form that has a password, or with `None` if it is larger than allowed.
#[cfg(feature = "accounts")]
pub(super) type PasswordForm =
    Box<dyn FnOnce(Option<Zeroizing<Vec<u8>>>, &State, Blocking<'_>) -> JobOutcome + Send>;

/// What to do next.
#[derive(Debug)]
pub(super) enum Need {
    /// Receive more bytes.
    Bytes,
    /// Take another turn, on a thread that may wait for the disk.
    Disk,
    /// Finish: the body is complete, or work is due.
    Finish,
}

/// What finishes a body.
pub(super) enum Finish {
    /// This job.
    Job(Deferred<Job>, JobKind),
    /// Nothing: this is the response.
    Respond(Response),
}

impl Receiving {
    /// A body of this framing, for this sink.
    pub(super) fn new(framing: Framing, sink: Box<dyn Sink>, chores: &Chores) -> Self {
        Self::into_destination(framing, Destination::Disk(Deferred::new(sink, chores), Flow::More))
    }

    /// A body of this framing that is kept in memory. It never waits for the disk.
    pub(super) fn in_memory(framing: Framing, body: SmallBody, then: AfterBody) -> Self {
        Self::into_destination(framing, Destination::Memory(body, then))
    }

    fn into_destination(framing: Framing, destination: Destination) -> Self {
        Self { decoder: BodyDecoder::new(framing), destination, interim: None }
    }

    /// Adds an interim response to send in the meantime.
    pub(super) fn with(self, interim: Interim) -> Self {
        Self { interim: Some(interim), ..self }
    }

    /// The interim response, once it is due. Call it when all available input was read and the body is incomplete.
    pub(super) fn take_interim(&mut self, now: Moment) -> Option<Vec<u8>> {
        self.interim.take_if(|interim| interim.is_due(now)).map(Interim::into_bytes)
    }

    /// When the interim response is due, if there is one.
    pub(super) fn interim_deadline(&self) -> Option<Deadline> {
        self.interim.as_ref().map(Interim::deadline)
    }

    /// What happens to the part received if the rest does not arrive, for the log.
    pub(super) fn fate(&self) -> &'static str {
        match &self.destination {
            Destination::Disk(sink, _) => sink.fate(),
            Destination::Memory(..) => DISCARDED,
        }
    }

    /// Whether nothing is opened before content arrives.
    pub(super) fn opens_later(&self) -> bool {
        matches!(&self.destination, Destination::Disk(sink, _) if sink.opens_later())
    }

    /// How many descriptors it keeps open: the file that is written, and its directory.
    pub(super) fn descriptors(&self) -> u32 {
        match self.destination {
            Destination::Disk(..) => 2,
            Destination::Memory(..) => 0,
        }
    }

    /// Decodes the rest of the body; `None` once it is complete.
    pub(super) fn rest(&self) -> Option<BodyDecoder> {
        (!self.is_done()).then(|| self.decoder.clone())
    }

    /// Whether the body is complete.
    pub(super) fn is_done(&self) -> bool {
        self.decoder.is_done()
    }

    /// Processes input; returns how many bytes belong to the body, and what to do next. A body that cannot be
    /// accepted is refused at once, and nothing of it is kept.
    pub(super) fn absorb(
        &mut self,
        input: &[u8],
        disk: &mut Disk,
        state: &State,
    ) -> Result<(usize, Need), Response> {
        let mut used = 0;
        let is_working = match &mut self.destination {
            Destination::Disk(sink, flow) => {
                let Some(disk) = disk.may_wait(state) else { return Ok((0, Need::Disk)) };
                while used < input.len() && !self.decoder.is_done() && *flow == Flow::More {
                    let rest = &input[used..];
                    let found = self.decoder.decode(rest).map_err(malformed)?;
                    *flow = sink.write(&rest[found.content], state, disk)?;
                    used += found.used;
                }
                *flow == Flow::Work
            }
            Destination::Memory(body, then) => {
                while used < input.len() && !self.decoder.is_done() {
                    let rest = &input[used..];
                    let found = self.decoder.decode(rest).map_err(malformed)?;
                    let written = body.write(&rest[found.content]);
                    used += found.used;
                    match written {
                        Ok(()) => {}
                        Err(_) if then.takes_too_large() => return Ok((used, Need::Finish)),
                        Err(refused) => return Err(refused),
                    }
                }
                false
            }
        };
        if let Some(interim) = &mut self.interim {
            interim.body_arrived(used);
        }
        Ok((used, if is_working || self.is_done() { Need::Finish } else { Need::Bytes }))
    }

    /// Drops the part received: at once if this thread may wait for the disk.
    pub(super) fn close(self, disk: &mut Disk, state: &State) {
        if let Destination::Disk(sink, _) = self.destination
            && let Some(disk) = disk.may_wait(state)
        {
            sink.close(disk);
        }
    }

    /// Finishes the body, or does the work that is due before the rest.
    pub(super) fn finish(self, disk: &mut Disk, state: &State) -> Finish {
        let Self { decoder, destination, interim } = self;
        match destination {
            Destination::Disk(sink, _) => {
                Finish::Job(sink.map(|sink| job(decoder, sink, interim)), JobKind::Saves)
            }
            Destination::Memory(body, AfterBody::Respond(then)) => {
                Finish::Respond(then(&body.into_bytes(), state))
            }
            Destination::Memory(body, AfterBody::Read(then)) => {
                if let Some(disk) = disk.may_wait(state) {
                    return Finish::Respond(then(body.into_bytes(), state, disk));
                }
                let job: BodyJob =
                    Box::new(|body, state, disk| JobOutcome::Respond(then(body, state, disk), None));
                Finish::Job(body_job(body, job, state), JobKind::General)
            }
            Destination::Memory(body, AfterBody::Work(then)) => {
                Finish::Job(body_job(body, then, state), JobKind::Saves)
            }
            Destination::Memory(body, AfterBody::Collect(then)) => {
                Finish::Job(body_job(body, then, state), JobKind::General)
            }
            Destination::Memory(body, AfterBody::AskStore(then)) => {
                Finish::Job(body_job(body, then, state), JobKind::AsksStore)
            }
            #[cfg(feature = "accounts")]
            Destination::Memory(body, AfterBody::CheckPassword(then)) => {
                let job: Job = Box::new(move |state, disk| then(body.into_secret(), state, disk));
                Finish::Job(Deferred::new(job, &state.chores), JobKind::Saves)
            }
        }
    }
}

impl AfterBody {
    /// Whether it makes the response to a body that is too large.
    fn takes_too_large(&self) -> bool {
        match self {
            Self::Respond(_) | Self::Read(_) | Self::Work(_) | Self::Collect(_) | Self::AskStore(_) => false,
            #[cfg(feature = "accounts")]
            Self::CheckPassword(_) => true,
        }
    }
}

impl fmt::Debug for AfterBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Respond(_) => "Respond",
            Self::Read(_) => "Read",
            Self::Work(_) => "Work",
            Self::Collect(_) => "Collect",
            Self::AskStore(_) => "AskStore",
            #[cfg(feature = "accounts")]
            Self::CheckPassword(_) => "CheckPassword",
        })
    }
}

fn body_job(body: SmallBody, then: BodyJob, state: &State) -> Deferred<Job> {
    let job: Job = Box::new(move |state, disk| then(body.into_bytes(), state, disk));
    Deferred::new(job, &state.chores)
}

/// The pending job of a sink.
fn job(decoder: BodyDecoder, sink: Box<dyn Sink>, interim: Option<Interim>) -> Job {
    Box::new(move |state, disk| match sink.work(decoder.is_done(), state, disk) {
        Worked::Respond(response, saved) => JobOutcome::Respond(response, saved),
        Worked::Resume(sink, Flow::Work) => JobOutcome::Again(job(decoder, sink, interim)),
        Worked::Resume(sink, flow @ Flow::More) => {
            let destination = Destination::Disk(Deferred::new(sink, &state.chores), flow);
            JobOutcome::Receive(Box::new(Receiving { decoder, destination, interim }))
        }
    })
}

fn malformed(error: BodyError) -> Response {
    Response::text(Status::BAD_REQUEST, format_args!("{error}\n"))
}
