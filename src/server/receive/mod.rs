//! A body that is being received, and where its content goes.
//!
//! It processes bytes as they arrive and keeps none. Work that must block on the disk (a commit) is a [`Job`], which
//! the connection hands to the job threads, so that the workers go on.

pub(super) mod interim;
pub(super) mod small_body;

use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use crate::http::body::{BodyDecoder, BodyError, Framing};
use crate::http::status::Status;
use crate::server::receive::interim::Interim;
use crate::server::response::Response;
use crate::server::state::State;
use crate::server::timing::Deadline;

/// Where content goes: a file, an upload, the files of a form, or memory.
pub(super) trait Sink: fmt::Debug + Send {
    /// Takes the next bytes. After [`Flow::Work`] it takes no more before [`Sink::work`] has been called.
    fn write(&mut self, content: &[u8], state: &State) -> Result<Flow, Response>;

    /// Does the pending work: after [`Flow::Work`], or because the content has `ended`. It may block on the disk.
    fn work(self: Box<Self>, ended: bool, state: &State) -> Worked;

    /// What a connection has to know about it.
    fn traits(&self) -> SinkTraits;
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

/// How a sink uses the disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct SinkTraits {
    /// Whether it may block on the disk.
    pub needs_disk: bool,
    /// Whether it opens its first file only when content arrives.
    pub opens_later: bool,
    /// What happens to the part received if the rest does not arrive, for the log.
    pub fate: &'static str,
}

/// Work that may block on the disk.
pub(super) type Job = Box<dyn FnOnce(&State) -> JobOutcome + Send>;

/// The result of a job.
pub(super) enum JobOutcome {
    /// The response to the request, and the file that was saved, for the recorder.
    Respond(Response, Option<PathBuf>),
    /// The body continues.
    Receive(Box<Receiving>),
    /// There is more to do, after the jobs of other clients.
    Again(Job),
}

/// A body, as far as it has been received.
#[derive(Debug)]
pub(super) struct Receiving {
    decoder: BodyDecoder,
    sink: Box<dyn Sink>,
    flow: Flow,
    /// The response to send before the body ends, if the body takes long.
    interim: Option<Interim>,
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Need {
    /// Receive more bytes.
    Bytes,
    /// Run a job before anything else.
    Job,
    /// Run the rest at once: the body is complete and does not block on the disk.
    Nothing,
}

impl Receiving {
    /// A body of this framing, for this sink.
    pub(super) fn new(framing: Framing, sink: Box<dyn Sink>) -> Self {
        Self { decoder: BodyDecoder::new(framing), sink, flow: Flow::More, interim: None }
    }

    /// Adds an interim response to send in the meantime.
    pub(super) fn with(self, interim: Interim) -> Self {
        Self { interim: Some(interim), ..self }
    }

    /// The interim response, once it is due. Call it when all available input was read and the body is incomplete.
    pub(super) fn take_interim(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.interim.take_if(|interim| interim.is_due(now)).map(Interim::into_bytes)
    }

    /// When the interim response is due, if there is one.
    pub(super) fn interim_deadline(&self) -> Option<Deadline> {
        self.interim.as_ref().map(Interim::deadline)
    }

    /// What happens to the part received if the rest does not arrive, for the log.
    pub(super) fn fate(&self) -> &'static str {
        self.sink.traits().fate
    }

    /// Whether content is written to the disk.
    pub(super) fn needs_disk(&self) -> bool {
        self.sink.traits().needs_disk
    }

    /// Whether nothing is opened before content arrives.
    pub(super) fn opens_later(&self) -> bool {
        self.sink.traits().opens_later
    }

    /// How many descriptors it keeps open: the file that is written, and its directory.
    pub(super) fn descriptors(&self) -> u32 {
        if self.needs_disk() { 2 } else { 0 }
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
    pub(super) fn absorb(&mut self, input: &[u8], state: &State) -> Result<(usize, Need), Response> {
        let mut used = 0;
        while used < input.len() && !self.decoder.is_done() && self.flow == Flow::More {
            let rest = &input[used..];
            let found = self.decoder.decode(rest).map_err(malformed)?;
            self.flow = self.sink.write(&rest[found.content], state)?;
            used += found.used;
        }
        if let Some(interim) = &mut self.interim {
            interim.body_arrived(used);
        }
        let need = if !self.is_done() && self.flow == Flow::More {
            Need::Bytes
        } else if self.needs_disk() {
            Need::Job
        } else {
            Need::Nothing
        };
        Ok((used, need))
    }

    /// The pending job.
    pub(super) fn into_job(self: Box<Self>) -> Job {
        Box::new(move |state| {
            let Self { decoder, sink, interim, .. } = *self;
            match sink.work(decoder.is_done(), state) {
                Worked::Respond(response, saved) => JobOutcome::Respond(response, saved),
                Worked::Resume(sink, flow) => {
                    let rest = Box::new(Self { decoder, sink, flow, interim });
                    match flow {
                        Flow::More => JobOutcome::Receive(rest),
                        Flow::Work => JobOutcome::Again(rest.into_job()),
                    }
                }
            }
        })
    }
}

fn malformed(error: BodyError) -> Response {
    Response::text(Status::BAD_REQUEST, format_args!("{error}\n"))
}
