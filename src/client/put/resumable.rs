//! Resumable uploads (`http::resumable`): whether the server supports them, and how one is created, found and continued.

use std::io;

use super::memory::FileIdentity;
use super::sender::{FileSender, MODIFIED, OutgoingFile, success};
use crate::client::address::Resource;
use crate::client::content::RequestContent;
use crate::client::error::ClientError;
use crate::client::fetch::sessions::{follow, refused};
use crate::client::response::HttpResponse;
use crate::client::transfer::retry::FailedAttempt;
use crate::http::request::Method;
use crate::http::response::Received;
use crate::http::resumable::{
    COMPLETE, INTEROP, INTEROP_VERSION, LENGTH, LIMIT, Limits, OFFSET, PARTIAL_UPLOAD, boolean,
    parse_boolean, parse_integer,
};
use crate::http::status::Status;

/// An upload on its server.
pub(super) struct RemoteUpload {
    /// The target at which it is resumed.
    pub(super) target: String,
    pub(super) offset: u64,
    pub(super) limits: Limits,
}

/// The state of an upload that an earlier run or attempt has created.
pub(super) enum UploadState {
    At(RemoteUpload),
    /// The server has the whole file; the status says nothing more about it.
    Complete(RemoteUpload, Status),
    Gone,
}

/// The result of a request to append.
pub(super) enum Appended {
    /// The content arrived, and more can follow at this offset.
    Part(u64),
    /// The file is saved.
    Saved(Status),
    /// The server accepts only smaller requests.
    Smaller(Limits),
    /// The server has lost the upload, or does not support PATCH.
    Lost,
}

impl FileSender<'_> {
    /// The upload of this file that an earlier run or attempt has created.
    pub(super) fn find(
        &mut self,
        outgoing: &OutgoingFile<'_>,
        identity: &FileIdentity,
    ) -> Result<UploadState, FailedAttempt> {
        let memory = self.memory;
        let Some(note) = memory.recall(&outgoing.key) else { return Ok(UploadState::Gone) };
        if note.identity != *identity {
            memory.forget(&outgoing.key);
            // The file has changed. The server may free its space; an error does not matter.
            let _ = self.cancel(&note.upload);
            return Ok(UploadState::Gone);
        }
        let response = self.ask_draft(Method::Head, &note.upload, &[], None)?;
        let status = response.head.status;
        let (complete, offset) = upload_state(&response.head);
        let limits = limits(&response.head).unwrap_or_default();
        let at = |offset| RemoteUpload { target: note.upload.clone(), offset, limits };
        let state = match (status.is_success(), complete, offset) {
            (true, Some(true), offset) if offset.is_none_or(|offset| offset == outgoing.length) => {
                UploadState::Complete(at(outgoing.length), status)
            }
            (true, None | Some(false), Some(offset)) if offset <= outgoing.length => {
                UploadState::At(at(offset))
            }
            // With the right password, the upload may still be found.
            (false, ..) if status == Status::UNAUTHORIZED => return Err(refused(response)),
            (false, ..) if status.code() >= 500 && !is_unsupported(status) => return Err(refused(response)),
            _ => UploadState::Gone,
        };
        if matches!(state, UploadState::Gone) {
            memory.forget(&outgoing.key);
        }
        response.body.discard()?;
        Ok(state)
    }

    /// The server's limits for resumable uploads; `None` if it does not support them. It is asked once.
    pub(super) fn limits(&mut self, outgoing: &OutgoingFile<'_>) -> Result<Option<Limits>, FailedAttempt> {
        if let Some(limits) = self.server.limits.get() {
            return Ok(*limits);
        }
        let response = self.ask_draft(Method::Options, &outgoing.target, &[], None)?;
        let accepts = response.head.field("Accept-Patch").unwrap_or_default();
        let resumes = accepts.split(',').any(|media_type| media_type.trim() == PARTIAL_UPLOAD);
        let limits = resumes.then(|| limits(&response.head).unwrap_or_default());
        response.body.discard()?;
        Ok(*self.server.limits.get_or_init(|| limits))
    }

    /// Creates an upload without content. `None` if the server refuses that: a plain upload will show whether it refuses
    /// the file itself.
    pub(super) fn begin(
        &mut self,
        outgoing: &OutgoingFile<'_>,
        content: &RequestContent,
    ) -> Result<Option<RemoteUpload>, FailedAttempt> {
        let length = outgoing.length.to_string();
        let modified = content.modified().map(|seconds| seconds.to_string());
        let mut fields = vec![(COMPLETE, boolean(false)), (LENGTH, &*length)];
        fields.extend(modified.as_deref().map(|seconds| (MODIFIED, seconds)));
        let nothing = RequestContent::bytes(Vec::new());
        let response = self.ask_draft(Method::Put, &outgoing.target, &fields, Some(&nothing))?;
        let location = response.head.field("Location").filter(|_| response.head.status.is_success());
        let limits = limits(&response.head).unwrap_or_default();
        response.body.discard()?;
        let Some(location) = location else { return Ok(None) };
        let current =
            Resource { server: self.server.address.server.clone(), target: outgoing.target.clone() };
        let upload = follow(&current, &location)?;
        if upload.server != current.server {
            return Err(ClientError::Elsewhere(location).into());
        }
        Ok(Some(RemoteUpload { target: upload.target, offset: 0, limits }))
    }

    /// Appends the selected content to an upload.
    pub(super) fn append(
        &mut self,
        outgoing: &OutgoingFile<'_>,
        upload: &RemoteUpload,
        content: &RequestContent,
    ) -> Result<Appended, FailedAttempt> {
        let end = upload.offset + content.length();
        let completes = end == outgoing.length;
        let offset = upload.offset.to_string();
        let fields = [("Content-Type", PARTIAL_UPLOAD), (OFFSET, &*offset), (COMPLETE, boolean(completes))];
        let memory = self.memory;
        let response = self.ask_draft(Method::Patch, &upload.target, &fields, Some(content))?;
        let (complete, offset_there) = upload_state(&response.head);
        let limits = limits(&response.head).unwrap_or_default();
        let status = response.head.status;
        if complete == Some(true) {
            // The file is saved, or refused permanently: resuming would change nothing.
            memory.forget(&outgoing.key);
            return success(response).map(Appended::Saved);
        }
        if status.is_success() {
            response.body.discard()?;
            if completes {
                return Err(broken("the server has not confirmed that the upload is complete"));
            }
            return match offset_there.unwrap_or(end) {
                there if there > upload.offset && there <= end => Ok(Appended::Part(there)),
                _ => Err(broken("the server has not kept what was sent")),
            };
        }
        if status == Status::CONFLICT && offset_there.is_some() {
            response.body.discard()?;
            return Err(broken("another request has continued the upload"));
        }
        let accepts_less =
            limits.max_append_size.is_some_and(|largest| (1..content.length()).contains(&largest));
        if status == Status::CONTENT_TOO_LARGE && accepts_less {
            response.body.discard()?;
            return Ok(Appended::Smaller(limits));
        }
        let is_lost = [Status::NOT_FOUND, Status::GONE, Status::CONFLICT].contains(&status);
        if is_lost || is_unsupported(status) {
            response.body.discard()?;
            return Ok(Appended::Lost);
        }
        Err(refused(response))
    }

    /// The status of the final response to a complete upload, if the client has missed the response. Appending nothing
    /// returns it again. `None` if the server does not repeat it.
    pub(super) fn final_status(&mut self, upload: &RemoteUpload) -> Result<Option<Status>, FailedAttempt> {
        let offset = upload.offset.to_string();
        let fields = [("Content-Type", PARTIAL_UPLOAD), (OFFSET, &*offset), (COMPLETE, boolean(true))];
        let nothing = RequestContent::bytes(Vec::new());
        let response = self.ask_draft(Method::Patch, &upload.target, &fields, Some(&nothing))?;
        if upload_state(&response.head).0 == Some(true) {
            return success(response).map(Some);
        }
        response.body.discard()?;
        Ok(None)
    }

    /// Cancels an upload, so that the server frees its space.
    pub(super) fn cancel(&mut self, upload: &str) -> Result<(), FailedAttempt> {
        self.ask_draft(Method::Delete, upload, &[], None)?.body.discard()?;
        Ok(())
    }

    /// Sends a request of the draft, which names the draft's version.
    fn ask_draft(
        &mut self,
        method: Method,
        target: &str,
        fields: &[(&str, &str)],
        content: Option<&RequestContent>,
    ) -> Result<HttpResponse<'_>, FailedAttempt> {
        let version = INTEROP_VERSION.to_string();
        self.ask(method, target, &[fields, &[(INTEROP, &*version)]].concat(), content)
    }
}

/// An error of the upload after which it can be resumed.
fn broken(why: &'static str) -> FailedAttempt {
    ClientError::Broken(io::Error::other(why)).into()
}

/// Whether the server does not support the method.
fn is_unsupported(status: Status) -> bool {
    [Status::METHOD_NOT_ALLOWED, Status::NOT_IMPLEMENTED, Status::VERSION_NOT_SUPPORTED].contains(&status)
}

/// The state of an upload in a response's head: whether it is complete, and its offset.
fn upload_state(head: &Received) -> (Option<bool>, Option<u64>) {
    (single(head, COMPLETE).and_then(parse_boolean), single(head, OFFSET).and_then(parse_integer))
}

/// The value of a field that occurs once.
fn single<'h>(head: &'h Received, name: &str) -> Option<&'h [u8]> {
    let mut lines = head.all(name);
    lines.next().filter(|_| lines.next().is_none())
}

/// The limits in a response's head, if it has valid ones.
fn limits(head: &Received) -> Option<Limits> {
    Limits::parse(head.all(LIMIT))
}
