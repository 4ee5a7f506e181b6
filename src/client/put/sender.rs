//! A sender: its connection, and the request that sends a file whole.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::memory::{Memory, UploadKey};
use super::server::PutServer;
use crate::client::content::RequestContent;
use crate::client::error::{ClientError, shown};
use crate::client::fetch::sessions::refused;
use crate::client::request::HttpRequest;
use crate::client::response::HttpResponse;
use crate::client::session::Session;
use crate::client::timeouts::Timeouts;
use crate::client::transfer::WorkerProgress;
use crate::client::transfer::retry::FailedAttempt;
use crate::http::request::Method;
use crate::http::status::Status;

/// How files are sent.
#[derive(Debug, Clone, Copy)]
pub struct PutOptions {
    /// How often a file is retried without progress.
    pub retries: u32,
    /// Whether files are sent even if the server has them unchanged.
    pub force: bool,
    /// When to give up on a connection.
    pub timeouts: Timeouts,
}

/// Sends one file after another, over one connection.
pub struct FileSender<'a> {
    pub(super) session: Session,
    pub(super) server: &'a PutServer,
    pub(super) memory: &'a Memory,
    pub(super) options: PutOptions,
    /// The progress of this sender.
    pub(super) progress: Arc<WorkerProgress>,
}

/// A file that is being sent, and its target.
pub(super) struct OutgoingFile<'o> {
    pub(super) file: &'o Path,
    pub(super) target: String,
    pub(super) length: u64,
    pub(super) key: UploadKey,
    /// How much of it the server had at first.
    pub(super) resumed: Option<u64>,
    /// Whether the file is sent whole, because the server refused a resumable upload.
    pub(super) is_plain: bool,
}

/// The field with the time of the file, in seconds since 1970. wharf, ownCloud and Nextcloud servers keep this time.
pub(super) const MODIFIED: &str = "X-OC-MTime";

impl<'a> FileSender<'a> {
    /// A sender without a connection.
    pub fn new(
        server: &'a PutServer,
        memory: &'a Memory,
        options: PutOptions,
        progress: &Arc<WorkerProgress>,
    ) -> Self {
        let session = Session::with_timeouts(server.address.server.clone(), options.timeouts);
        let session = session.undoable(&server.undo);
        Self { session, server, memory, options, progress: Arc::clone(progress) }
    }

    /// Sends it whole, now and in all later attempts.
    pub(super) fn put_instead(
        &mut self,
        outgoing: &mut OutgoingFile<'_>,
        content: &RequestContent,
    ) -> Result<Status, FailedAttempt> {
        outgoing.is_plain = true;
        outgoing.resumed = None;
        self.put(outgoing, content)
    }

    /// Sends it whole.
    pub(super) fn put(
        &mut self,
        outgoing: &OutgoingFile<'_>,
        content: &RequestContent,
    ) -> Result<Status, FailedAttempt> {
        let modified = content.modified().map(|seconds| seconds.to_string());
        let mut fields = vec![("Content-Type", "application/octet-stream")];
        fields.extend(modified.as_deref().map(|seconds| (MODIFIED, seconds)));
        self.progress.begin(&shown(outgoing.file), 0, Some(outgoing.length));
        let response = self.ask(Method::Put, &outgoing.target, &fields, Some(content))?;
        success(response)
    }

    /// Makes the failure permanent if the server has never answered: then it is probably not running.
    pub(super) fn final_if_absent(&self, failure: FailedAttempt) -> FailedAttempt {
        match failure.error {
            ClientError::NotRunning(_) if !self.server.was_there.load(Ordering::Relaxed) => {
                failure.permanent()
            }
            _ => failure,
        }
    }

    pub(super) fn ask(
        &mut self,
        method: Method,
        target: &str,
        fields: &[(&str, &str)],
        content: Option<&RequestContent>,
    ) -> Result<HttpResponse<'_>, FailedAttempt> {
        let response = self.session.send(&HttpRequest { method, target, fields, content })?;
        self.server.was_there.store(true, Ordering::Relaxed);
        Ok(response)
    }
}

/// The status of a response, if it is a success.
pub(super) fn success(response: HttpResponse<'_>) -> Result<Status, FailedAttempt> {
    let status = response.head.status;
    if !status.is_success() {
        return Err(refused(response));
    }
    response.body.discard()?;
    Ok(status)
}
