//! Observers: what happens in addition to a response. No observer changes it.
//!
//! A new observer is a file here, a field of [`Observers`], and a call in [`Observers::note`].

pub(super) mod access_log;
mod recorder;
pub(super) mod request_line;

use std::path::Path;

pub use recorder::Recorder;

use crate::http::status::Status;
use crate::server::moment::Moment;
use crate::server::request::ClientAddress;
use access_log::LoggedUser;

/// The observers that are turned on. The access log is a target of the log.
#[derive(Debug, Default)]
pub(super) struct Observers {
    /// Records requests, if enabled.
    pub recorder: Option<Recorder>,
}

/// A request and its response, when the last byte was sent or the connection has failed.
#[derive(Debug)]
pub(super) struct FinishedRequest<'e> {
    /// The client that sent the request.
    pub client: ClientAddress,
    /// Its user; `None` if the server has no accounts.
    pub user: Option<LoggedUser<'e>>,
    /// The request line as it is logged; empty if no observer [needs](Observers::need_line) it.
    pub line: &'e [u8],
    /// The status of the response.
    pub status: Status,
    /// How many bytes of its content were sent.
    pub bytes: u64,
    /// When the request began to arrive.
    pub began: Moment,
    /// The file that was saved, if the recorder needs it.
    pub saved: Option<&'e Path>,
}

impl Observers {
    /// The observers that are on; `recorder` records requests.
    pub(super) const fn new(recorder: Option<Recorder>) -> Self {
        Self { recorder }
    }

    /// Whether any of them needs the request line.
    pub(super) fn need_line(&self) -> bool {
        access_log::is_on() || self.recorder.is_some()
    }

    /// Reports a response to them. A request whose connection fails before its response begins is not
    /// reported.
    pub(super) fn note(&self, request: &FinishedRequest<'_>) {
        if request.line.is_empty() {
            return;
        }
        // Some systems look for files of their own in every directory, again and again.
        let is_probe = request.status == Status::NOT_FOUND && request_line::names_litter(request.line);
        if !is_probe {
            access_log::write(
                request.client,
                request.user,
                request.line,
                request.status,
                request.bytes,
                request.began.elapsed(),
            );
        }
        if let Some(recorder) = &self.recorder {
            recorder.note(request.line, request.saved, request.status);
        }
    }
}
