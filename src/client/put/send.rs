//! Sends one file over HTTP, with retries.
//!
//! ```text
//! there already (`there`) ────────────────────────────────────────────────────────────────> unchanged
//! small, or the server has no resumable uploads ── PUT ───────────────────────────────────> saved
//! OPTIONS (once per server) ──> PUT, Upload-Complete: ?0 ──> its target ── PATCH ─────────> saved
//!                               remembered: HEAD ──> its offset ── PATCH, the rest ───────> saved
//!                                                └─> complete ── PATCH, nothing ───────────> saved, as the lost response says
//! ```
//!
//! A server may limit the size of a request (`Upload-Limit`); then the rest is sent in several. If the server refuses the resumable upload or has lost it, the file is sent by a plain PUT, whose response is the
//! result. `resumable` has the requests of a resumable upload.

use std::fs;
use std::path::Path;
use std::time::{Instant, SystemTime};

use super::memory::{FileIdentity, Note, UploadKey};
use super::order::PutOrder;
use super::resumable::{Appended, UploadState};
use super::sender::{FileSender, OutgoingFile};
use super::sent::Sent;
use crate::client::content::RequestContent;
use crate::client::error::{ClientError, shown};
use crate::client::transfer::retry::{FailedAttempt, retry};
use crate::format::Time;
use crate::http::resumable::Limits;
use crate::http::status::Status;
use crate::http::target::encode_path;

/// The length in bytes from which an upload is resumable: sending a shorter file again costs less than asking first.
const RESUMABLE_FROM: u64 = 1 << 20;

impl FileSender<'_> {
    /// Sends a file, or creates a directory, with retries.
    pub fn send(&mut self, order: &PutOrder) -> Result<Sent, ClientError> {
        if order.is_directory {
            return self.make_directory(order);
        }
        let begun = Instant::now();
        let length = RequestContent::open(&order.file)?.length();
        let target = self.server.address.resolve(&format!("/{}", encode_path(&order.path)), false);
        let key = UploadKey::of(&self.server.address.server, &target, &order.file);
        if !self.options.force
            && self.server.knowledge.is_there(&mut self.session, &target, &order.file, length)
        {
            // An earlier run may have lost the final response.
            self.memory.forget(&key);
            return Ok(Sent::Unchanged { target, length });
        }
        let mut outgoing =
            OutgoingFile { file: &order.file, target, length, key, resumed: None, is_plain: false };
        let status = retry(self.options.retries, |reached| {
            let attempted = self.attempt(&mut outgoing, reached);
            self.progress.end();
            attempted.map_err(|failure| self.final_if_absent(failure))
        })?;
        let (resumed, took) = (outgoing.resumed.unwrap_or(0), Time(begun.elapsed()));
        let OutgoingFile { target, length, .. } = outgoing;
        Ok(Sent::Saved { status, target, length, resumed, took })
    }

    fn attempt(
        &mut self,
        outgoing: &mut OutgoingFile<'_>,
        reached: &mut u64,
    ) -> Result<Status, FailedAttempt> {
        let mut content = RequestContent::open(outgoing.file)?;
        content.show_at(&self.progress);
        outgoing.length = content.length();
        if outgoing.is_plain || outgoing.length < RESUMABLE_FROM || !self.server.is_far() {
            return self.put(outgoing, &content);
        }
        let identity = identity(outgoing.file)?;
        if !identity.is_settled(SystemTime::now()) {
            // The file could change without a new identity, and two versions would be joined.
            return self.put(outgoing, &content);
        }
        let mut upload = match self.find(outgoing, &identity)? {
            UploadState::At(upload) => upload,
            UploadState::Complete(upload, status) => {
                outgoing.resumed.get_or_insert(outgoing.length);
                let repeated = self.final_status(&upload)?;
                self.memory.forget(&outgoing.key);
                return Ok(repeated.unwrap_or(status));
            }
            UploadState::Gone => {
                let limits = self.limits(outgoing)?.filter(|limits| admits(limits, outgoing.length));
                // An upload is created without content.
                if limits.is_none_or(|limits| limits.min_append_size.is_some_and(|least| least > 0)) {
                    return self.put(outgoing, &content);
                }
                let Some(upload) = self.begin(outgoing, &content)? else {
                    return self.put_instead(outgoing, &content);
                };
                let note = Note { identity, upload: upload.target.clone() };
                self.memory.remember(&outgoing.key, note);
                upload
            }
        };
        *reached = upload.offset;
        outgoing.resumed.get_or_insert(upload.offset);
        self.progress.begin(&shown(outgoing.file), upload.offset, Some(outgoing.length));
        while admits(&upload.limits, outgoing.length) {
            content.select(upload.offset, upload.limits.max_append_size.unwrap_or(outgoing.length));
            match self.append(outgoing, &upload, &content)? {
                Appended::Saved(status) => return Ok(status),
                Appended::Part(offset) => upload.offset = offset,
                Appended::Smaller(limits) => upload.limits = limits,
                Appended::Lost => {
                    self.memory.forget(&outgoing.key);
                    content.select_all();
                    return self.put_instead(outgoing, &content);
                }
            }
            *reached = upload.offset;
        }
        // The limits of the upload do not allow it to become complete.
        self.memory.forget(&outgoing.key);
        let _ = self.cancel(&upload.target);
        content.select_all();
        self.put_instead(outgoing, &content)
    }
}

/// Whether these limits allow a resumable upload of this length.
fn admits(limits: &Limits, length: u64) -> bool {
    limits.min_size.is_none_or(|least| least <= length)
        && limits.max_size.is_none_or(|most| length <= most)
        && limits.max_append_size != Some(0)
}

fn identity(file: &Path) -> Result<FileIdentity, ClientError> {
    let metadata = fs::metadata(file).map_err(|error| ClientError::Local("read", file.to_owned(), error))?;
    Ok(FileIdentity::of(&metadata))
}

#[cfg(test)]
#[path = "send_tests.rs"]
mod tests;
