//! Resumable uploads (`http::resumable`): whether the server supports them, and how one is created, found and continued.

use std::io;

use super::memory::FileIdentity;
use super::sender::{FileSender, MODIFIED, OutgoingFile, success};
use crate::client::address::Resource;
use crate::client::content::RequestContent;
use crate::client::error::ClientError;
use crate::client::fetch::sessions::{follow, refused};
use crate::client::transfer::retry::FailedAttempt;
use crate::http::request::Method;
use crate::http::response::Received;
use crate::http::resumable::{
    COMPLETE, INTEROP, INTEROP_VERSION, LENGTH, OFFSET, PARTIAL_UPLOAD, boolean, parse_boolean, parse_integer,
};
use crate::http::status::Status;

/// The state of an upload on its server.
pub(super) enum UploadState {
    At(u64),
    Complete(Status),
    Gone,
}

impl FileSender<'_> {
    /// The upload of this file that an earlier run or attempt has created, and its state.
    pub(super) fn find(
        &mut self,
        outgoing: &OutgoingFile<'_>,
        identity: &FileIdentity,
    ) -> Result<Option<(String, UploadState)>, FailedAttempt> {
        let memory = self.memory;
        let Some(note) = memory.recall(&outgoing.key) else { return Ok(None) };
        if note.identity != *identity {
            memory.forget(&outgoing.key);
            // The file has changed. The server may free its space; an error does not matter.
            let _ = self.ask(Method::Delete, &note.upload, &[], None).map(drop);
            return Ok(None);
        }
        let response = self.ask(Method::Head, &note.upload, &[], None)?;
        let status = response.head.status;
        let (complete, offset) = upload_state(&response.head);
        let state = match (status.is_success(), complete, offset) {
            (true, Some(true), _) => UploadState::Complete(status),
            (true, _, Some(offset)) if offset <= outgoing.length => UploadState::At(offset),
            (false, ..) if status.code() >= 500 && !is_unsupported(status) => return Err(refused(response)),
            _ => UploadState::Gone,
        };
        if matches!(state, UploadState::Gone) {
            memory.forget(&outgoing.key);
        }
        response.body.discard()?;
        Ok(Some((note.upload, state)))
    }

    /// Whether the server supports resumable uploads. It is asked once.
    pub(super) fn resumes(&mut self, outgoing: &OutgoingFile<'_>) -> Result<bool, FailedAttempt> {
        if let Some(resumes) = self.server.resumes.get() {
            return Ok(*resumes);
        }
        let response = self.ask(Method::Options, &outgoing.target, &[], None)?;
        let accepts = response.head.field("Accept-Patch").unwrap_or_default();
        let resumes = accepts.split(',').any(|media_type| media_type.trim() == PARTIAL_UPLOAD);
        response.body.discard()?;
        Ok(*self.server.resumes.get_or_init(|| resumes))
    }

    /// Creates an upload without content, and returns its target. `None` if the server refuses that: a plain upload will
    /// show whether it refuses the file itself.
    pub(super) fn begin(
        &mut self,
        outgoing: &OutgoingFile<'_>,
        content: &RequestContent,
    ) -> Result<Option<String>, FailedAttempt> {
        let (length, version) = (outgoing.length.to_string(), INTEROP_VERSION.to_string());
        let modified = content.modified().map(|seconds| seconds.to_string());
        let mut fields = vec![(COMPLETE, boolean(false)), (LENGTH, &*length), (INTEROP, &*version)];
        fields.extend(modified.as_deref().map(|seconds| (MODIFIED, seconds)));
        let response =
            self.ask(Method::Put, &outgoing.target, &fields, Some(&RequestContent::bytes(Vec::new())))?;
        let location = response.head.field("Location").filter(|_| response.head.status.is_success());
        response.body.discard()?;
        let Some(location) = location else { return Ok(None) };
        let current =
            Resource { server: self.server.address.server.clone(), target: outgoing.target.clone() };
        let upload = follow(&current, &location)?;
        if upload.server == current.server {
            Ok(Some(upload.target))
        } else {
            Err(ClientError::Elsewhere(location).into())
        }
    }

    /// Sends the rest of an upload. `None` if the server has lost it, or does not support PATCH.
    pub(super) fn append(
        &mut self,
        outgoing: &OutgoingFile<'_>,
        upload: &str,
        offset: u64,
        content: &RequestContent,
    ) -> Result<Option<Status>, FailedAttempt> {
        let (offset, version) = (offset.to_string(), INTEROP_VERSION.to_string());
        let fields = [
            ("Content-Type", PARTIAL_UPLOAD),
            (OFFSET, &*offset),
            (COMPLETE, boolean(true)),
            (INTEROP, &*version),
        ];
        let memory = self.memory;
        let response = self.ask(Method::Patch, upload, &fields, Some(content))?;
        let (complete, offset_there) = upload_state(&response.head);
        let status = response.head.status;
        if status.is_success() || complete == Some(true) {
            // It is complete, or has failed permanently: resuming would change nothing.
            memory.forget(&outgoing.key);
        }
        if complete != Some(true) {
            if status == Status::CONFLICT && offset_there.is_some() {
                response.body.discard()?;
                let why = "another request has continued the upload";
                return Err(ClientError::Broken(io::Error::other(why)).into());
            }
            let is_lost = [Status::NOT_FOUND, Status::GONE, Status::CONFLICT].contains(&status);
            if is_lost || is_unsupported(status) {
                response.body.discard()?;
                return Ok(None);
            }
        }
        success(response).map(Some)
    }
}

/// Whether the server does not support the method.
fn is_unsupported(status: Status) -> bool {
    [Status::METHOD_NOT_ALLOWED, Status::NOT_IMPLEMENTED, Status::VERSION_NOT_SUPPORTED].contains(&status)
}

/// The state of an upload in a response's head: whether it is complete, and its offset.
fn upload_state(head: &Received) -> (Option<bool>, Option<u64>) {
    let complete = head.field(COMPLETE).and_then(|value| parse_boolean(value.as_bytes()));
    let offset = head.field(OFFSET).and_then(|value| parse_integer(value.as_bytes()));
    (complete, offset)
}
