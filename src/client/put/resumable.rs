//! Uploads that can be gone on with (`http::resumable`): whether the server takes them, and how one begins, is found again,
//! and goes on.

use std::io;

use super::memory::FileIdentity;
use super::sender::{Cargo, FileSender, taken};
use crate::client::address::Resource;
use crate::client::error::ClientError;
use crate::client::fetch::sessions::{follow, refused};
use crate::client::session::HttpMethod;
use crate::client::transfer::retry::FailedAttempt;
use crate::client::upload::RequestContent;
use crate::http::response::Received;
use crate::http::resumable::{
    COMPLETE, INTEROP, INTEROP_VERSION, LENGTH, OFFSET, PARTIAL_UPLOAD, boolean, parse_boolean, parse_integer,
};
use crate::http::status::Status;

/// How far an upload is, as its server says.
pub(super) enum UploadState {
    At(u64),
    Complete(Status),
    Gone,
}

impl FileSender<'_> {
    /// An upload of this file that an earlier run, or try, has begun, and how far it is.
    pub(super) fn find(
        &mut self,
        cargo: &Cargo<'_>,
        identity: &FileIdentity,
    ) -> Result<Option<(String, UploadState)>, FailedAttempt> {
        let memory = self.memory;
        let Some(note) = memory.recall(&cargo.key) else { return Ok(None) };
        if note.identity != *identity {
            memory.forget(&cargo.key);
            // It is another file by now. That the server throws away what it has of it is a courtesy.
            let _ = self.ask(HttpMethod::Delete, &note.upload, &[], None).map(drop);
            return Ok(None);
        }
        let response = self.ask(HttpMethod::Head, &note.upload, &[], None)?;
        let status = response.head.status;
        let (complete, offset) = standing(&response.head);
        let standing = match (status.is_success(), complete, offset) {
            (true, Some(true), _) => UploadState::Complete(status),
            (true, _, Some(offset)) if offset <= cargo.length => UploadState::At(offset),
            (false, ..) if status.code() >= 500 && !is_no_way(status) => return Err(refused(response)),
            _ => UploadState::Gone,
        };
        if matches!(standing, UploadState::Gone) {
            memory.forget(&cargo.key);
        }
        response.body.discard()?;
        Ok(Some((note.upload, standing)))
    }

    /// Whether the server takes uploads that can be gone on with; asked once.
    pub(super) fn resumes(&mut self, cargo: &Cargo<'_>) -> Result<bool, FailedAttempt> {
        if let Some(resumes) = self.server.resumes.get() {
            return Ok(*resumes);
        }
        let response = self.ask(HttpMethod::Options, &cargo.target, &[], None)?;
        let accepts = response.head.field("Accept-Patch").unwrap_or_default();
        let resumes = accepts.split(',').any(|media_type| media_type.trim() == PARTIAL_UPLOAD);
        response.body.discard()?;
        Ok(*self.server.resumes.get_or_init(|| resumes))
    }

    /// Begins an upload without content; where it goes on. `None` where the server refuses that, for whatever reason: it
    /// is for the answer to a plain upload to say whether the file itself is refused.
    pub(super) fn begin(&mut self, cargo: &Cargo<'_>) -> Result<Option<String>, FailedAttempt> {
        let (length, version) = (cargo.length.to_string(), INTEROP_VERSION.to_string());
        let fields = [(COMPLETE, boolean(false)), (LENGTH, &*length), (INTEROP, &*version)];
        let response =
            self.ask(HttpMethod::Put, &cargo.target, &fields, Some(&RequestContent::bytes(Vec::new())))?;
        let location = response.head.field("Location").filter(|_| response.head.status.is_success());
        response.body.discard()?;
        let Some(location) = location else { return Ok(None) };
        let current = Resource { server: self.server.address.server.clone(), target: cargo.target.clone() };
        let upload = follow(&current, &location)?;
        if upload.server == current.server {
            Ok(Some(upload.target))
        } else {
            Err(ClientError::Elsewhere(location).into())
        }
    }

    /// Sends the rest of an upload. `None` where the server does not know it any more, or does not take pieces.
    pub(super) fn append(
        &mut self,
        cargo: &Cargo<'_>,
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
        let response = self.ask(HttpMethod::Patch, upload, &fields, Some(content))?;
        let (complete, elsewhere) = standing(&response.head);
        let status = response.head.status;
        if status.is_success() || complete == Some(true) {
            // It is over, well or not: to go on would change nothing.
            memory.forget(&cargo.key);
        }
        if complete != Some(true) {
            if status == Status::CONFLICT && elsewhere.is_some() {
                response.body.discard()?;
                let why = "another request went on with the upload";
                return Err(ClientError::Broken(io::Error::other(why)).into());
            }
            let is_lost = [Status::NOT_FOUND, Status::GONE, Status::CONFLICT].contains(&status);
            if is_lost || is_no_way(status) {
                response.body.discard()?;
                return Ok(None);
            }
        }
        taken(response).map(Some)
    }
}

/// Whether the server cannot do at all what was asked.
fn is_no_way(status: Status) -> bool {
    [Status::METHOD_NOT_ALLOWED, Status::NOT_IMPLEMENTED, Status::VERSION_NOT_SUPPORTED].contains(&status)
}

/// What a head says of an upload: whether it is complete, and its offset.
fn standing(head: &Received) -> (Option<bool>, Option<u64>) {
    let complete = head.field(COMPLETE).and_then(|value| parse_boolean(value.as_bytes()));
    let offset = head.field(OFFSET).and_then(|value| parse_integer(value.as_bytes()));
    (complete, offset)
}
