//! A body that is being received, and where it goes.
//!
//! It takes bytes as they come and keeps none. What must wait for the disk to be sure (a commit) is a [`Job`], which
//! the connection hands to the second pool; the workers go on meanwhile.

use std::time::Instant;

use super::answer::Answer;
use super::error_response;
use super::form::FormUpload;
use super::interim::Interim;
use super::resumable::ResumableUpload;
use super::small_body::SmallBody;
use super::state::State;
use super::timing::Deadline;
use super::upload::FileUpload;
use crate::http::body::{BodyDecoder, BodyError, Framing};
use crate::http::status::Status;

/// A body, as far as it has been received.
#[derive(Debug)]
pub struct Receiving {
    decoder: BodyDecoder,
    sink: BodySink,
    /// What the client is to be sent before the body has ended, if that takes long.
    interim: Option<Interim>,
}

/// Where content goes.
#[derive(Debug)]
pub enum BodySink {
    /// Into one file.
    File(Box<FileUpload>),
    /// Into an upload that can be gone on with.
    Resumable(Box<ResumableUpload>),
    /// Into a file for each part of a form.
    Form(Box<FormUpload>),
    /// Into memory.
    Small(Box<SmallBody>),
}

/// Work that waits for the disk.
pub type Job = Box<dyn FnOnce(&State) -> JobOutcome + Send>;

/// What came of a job.
pub enum JobOutcome {
    /// The answer to the request, and the file that was saved on the way, for whoever keeps records.
    Answer(Answer, Option<std::path::PathBuf>),
    /// The body goes on.
    Receive(Box<Receiving>),
    /// There is more to do, after what other jobs have to do.
    Again(Job),
}

/// What is to be done next.
#[derive(Debug)]
pub enum Need {
    /// More bytes.
    Bytes,
    /// A job, before anything else.
    Job,
    /// Nothing: it is whole, and waits for no disk.
    Nothing,
}

impl Receiving {
    /// A body of this framing on its way into this sink.
    pub fn new(framing: Framing, sink: BodySink) -> Self {
        Self { decoder: BodyDecoder::new(framing), sink, interim: None }
    }

    /// The same, with an interim response to send meanwhile.
    pub fn with(self, interim: Interim) -> Self {
        Self { interim: Some(interim), ..self }
    }

    /// The interim response, once it is due. To be asked when all has been read that has arrived, and it was not the whole.
    pub fn take_interim(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.interim.take_if(|interim| interim.is_due(now)).map(Interim::into_bytes)
    }

    /// When the interim response is due, if there is one.
    pub fn interim_deadline(&self) -> Option<Deadline> {
        self.interim.as_ref().map(Interim::deadline)
    }

    /// What becomes of what has arrived when the rest does not, for the log.
    pub fn fate(&self) -> &'static str {
        match self.sink {
            BodySink::Resumable(_) => "the part received is kept",
            BodySink::File(_) | BodySink::Form(_) | BodySink::Small(_) => "the part received is discarded",
        }
    }

    /// Whether what comes is written to the disk.
    pub fn needs_disk(&self) -> bool {
        !matches!(self.sink, BodySink::Small(_))
    }

    /// Whether it is a form, for which nothing is opened before its first file begins.
    pub fn is_form(&self) -> bool {
        matches!(self.sink, BodySink::Form(_))
    }

    /// How many descriptors it keeps open: the file that is written, and the directory for it.
    pub fn descriptors(&self) -> u32 {
        if self.needs_disk() { 2 } else { 0 }
    }

    /// What is still to come of the body; `None` where it is whole.
    pub fn rest(&self) -> Option<BodyDecoder> {
        (!self.is_done()).then(|| self.decoder.clone())
    }

    /// Whether the whole body is here.
    pub fn is_done(&self) -> bool {
        self.decoder.is_done()
    }

    /// Takes what has arrived; says how much of it belongs to the body, and what is needed next. A body that
    /// cannot be taken is answered at once, and nothing of it stays.
    pub fn absorb(&mut self, input: &[u8], state: &State) -> Result<(usize, Need), Answer> {
        let mut used = 0;
        self.sink.go_on(state)?;
        while used < input.len() && !self.decoder.is_done() && !self.sink.has_work() {
            let rest = &input[used..];
            let found = self.decoder.decode(rest).map_err(malformed)?;
            self.sink.write(&rest[found.content], state)?;
            used += found.used;
        }
        if let Some(interim) = &mut self.interim {
            interim.body_arrived(used);
        }
        let need = match self.sink {
            BodySink::Small(_) if self.is_done() => Need::Nothing,
            _ if self.is_done() || self.sink.has_work() => Need::Job,
            _ => Need::Bytes,
        };
        Ok((used, need))
    }

    /// The job that is due.
    pub fn into_job(self: Box<Self>) -> Job {
        Box::new(move |state| {
            let Self { decoder, sink, interim } = *self;
            match sink {
                BodySink::File(upload) => upload.commit(state),
                BodySink::Resumable(upload) => upload.finish(state),
                BodySink::Small(small) => JobOutcome::Answer(small.finish(state), None),
                BodySink::Form(form) if decoder.is_done() && !form.has_finished_file() => form.finish(),
                // The next file begins here, too: to create one may take as long as to commit one.
                BodySink::Form(mut form) => {
                    match form.commit_finished(state).and_then(|()| form.go_on(state)) {
                        Ok(()) => {
                            let is_next = form.has_finished_file();
                            let rest = Box::new(Self { decoder, sink: BodySink::Form(form), interim });
                            if is_next {
                                JobOutcome::Again(rest.into_job())
                            } else {
                                JobOutcome::Receive(rest)
                            }
                        }
                        Err(answer) => JobOutcome::Answer(answer, None),
                    }
                }
            }
        })
    }
}

impl BodySink {
    fn write(&mut self, content: &[u8], state: &State) -> Result<(), Answer> {
        match self {
            Self::File(upload) => upload.write(content).map_err(|error| error_response::of(&error)),
            Self::Resumable(upload) => upload.write(content, state),
            Self::Form(form) => form.write(content, state),
            Self::Small(small) => small.write(content),
        }
    }

    /// Goes on with what could not be written before some work was done.
    fn go_on(&mut self, state: &State) -> Result<(), Answer> {
        match self {
            Self::File(_) | Self::Resumable(_) | Self::Small(_) => Ok(()),
            Self::Form(form) => form.go_on(state),
        }
    }

    /// Whether something waits for the disk before anything else is written.
    fn has_work(&self) -> bool {
        match self {
            Self::File(_) | Self::Resumable(_) | Self::Small(_) => false,
            Self::Form(form) => form.has_finished_file(),
        }
    }
}

fn malformed(error: BodyError) -> Answer {
    Answer::text(Status::BAD_REQUEST, format_args!("{error}\n"))
}
