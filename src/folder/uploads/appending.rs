//! A request that appends to an upload, and how it ends.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{self, AtFlags, StatxFlags};
use rustix::io::Errno;

use super::error::UploadError;
use super::length::agreed_length;
use super::plan::Piece;
use super::plan::Plan;
use super::registry::Uploads;
use super::standing::Standing;
use super::store::Store;
use super::token::UploadToken;
use super::upload::{self, ContentState, Upload};
use crate::access::{Judge, ToWrite};
use crate::blocking::Blocking;
use crate::folder::commit::{CommitTerms, Origin, Saved, save};
use crate::folder::error::Error;
use crate::folder::remover::Remover;
use crate::folder::temporary::Temporary;
use crate::path::SharePath;

/// A request that appends to an upload. If it is dropped, what has arrived is kept.
pub struct Appending {
    pub(super) uploads: Arc<Uploads>,
    pub(super) store: Store,
    pub(super) token: UploadToken,
    pub(super) upload: Arc<Mutex<Upload>>,
    /// Its number among the requests for this upload.
    pub(super) number: u64,
    pub(super) completes: bool,
    /// Whether old entries of the trash may be discarded to make room for the upload.
    pub(super) may_push_out: bool,
}

/// The result of a request that appends.
#[derive(Debug)]
pub enum Ended {
    /// More is to come.
    Paused(Standing),
    /// It was the last piece, and the file has its name. Contains the plan.
    Saved(Saved, Box<Plan>),
}

impl Appending {
    /// The path that the file will have, unless its name is taken and another is chosen.
    pub fn path(&self) -> SharePath {
        self.upload.lock().unwrap_or_else(PoisonError::into_inner).path.clone()
    }

    /// Writes the next bytes. After an error, what arrived before is kept, and no more is accepted. But if bytes arrive
    /// beyond the announced length, or beyond what the rules allow, the upload is discarded, because it could not be
    /// completed.
    pub fn write(&mut self, bytes: &[u8], _: Blocking<'_>) -> Result<(), UploadError> {
        let mut upload = self.lock()?;
        let shared = &self.uploads.shared;
        shared.was_not_replaced()?;
        let ContentState::Open { offset, synced } = upload.content else { return Err(UploadError::Unknown) };
        let count = bytes.len() as u64;
        let end = offset.saturating_add(count);
        let fits = if upload.plan.length.is_some_and(|length| end > length) {
            Err(UploadError::Inconsistent)
        } else {
            shared.rules.admit_size(end).map_err(UploadError::from)
        };
        if fits.is_err() {
            upload.end();
            drop(upload);
            self.uploads.discard(&self.store, &self.token);
            return fits;
        }
        let dir = self.store.dir();
        let _in_flight =
            shared.with_room(count, dir, self.may_push_out, || shared.reserve.begin(count, dir))?;
        let file =
            upload.file.as_ref().filter(|file| is_ours(file, offset)).ok_or(UploadError::Superseded)?;
        if let Err(error) = file.write_all_at(bytes, offset) {
            // Part of the piece may be written, and a later request reports the file's length as received.
            file.set_len(offset)?;
            return Err(error.into());
        }
        upload.content = ContentState::Open { offset: end, synced };
        Ok(())
    }

    /// Ends the request. A complete file gets its name if the judge allows it now. It may wait for the disk.
    pub fn end(self, judge: &Judge, remover: &Remover, _: Blocking<'_>) -> Result<Ended, UploadError> {
        let mut upload = self.lock()?;
        if !self.completes {
            let syncs = self.uploads.shared.syncs();
            return Ok(Ended::Paused(upload.stand(&self.store, &self.token, syncs)?));
        }
        let size = upload.offset();
        let whole = Piece { completes: true, size: Some(0), length: None };
        let length = agreed_length(upload.plan.length, size, whole)?;
        let server = upload.server.clone();
        upload.learn(&self.store, &self.token, length, server)?;
        self.save(&mut upload, size, judge, remover)
    }

    /// Gives the complete file its name, under the current rules.
    fn save(
        &self,
        upload: &mut Upload,
        size: u64,
        judge: &Judge,
        remover: &Remover,
    ) -> Result<Ended, UploadError> {
        let Self { uploads, store, token, .. } = self;
        let shared = &uploads.shared;
        let file = upload.file.take().filter(|file| is_ours(file, size)).ok_or(UploadError::Superseded)?;
        let mut temporary = Temporary::adopt(
            file,
            store.dir(),
            Store::content_name(token),
            shared.save_methods.of(store.dir()),
        );
        let granted = judge.check::<ToWrite>(&upload.path).map_err(Error::from);
        let saved = granted.and_then(|grant| {
            let place = shared.admit(&grant, Some(size))?;
            let Plan { modified, guard, .. } = upload.plan;
            let terms =
                CommitTerms { size, modified, guard, makes_parents: true, remover, origin: Origin::Client };
            save(shared, &place, &grant, &mut temporary, &terms)
        });
        match saved {
            Ok(saved) => {
                upload.complete(store, token, &saved);
                let evicted = uploads.known().complete(*token);
                evicted.inspect(|evicted| store.remove(evicted));
                Ok(Ended::Saved(saved, Box::new(upload.plan.clone())))
            }
            // All bytes are here, and the error may be temporary: the client can try again.
            Err(
                error @ (Error::NoSpace
                | Error::TooLargeForTrash { .. }
                | Error::TrashFull { .. }
                | Error::Denied
                | Error::ParentGone
                | Error::Replaced
                | Error::Io(_)),
            ) => {
                temporary.leave();
                Err(error.into())
            }
            Err(error) => {
                upload.end();
                uploads.known().forget(token);
                store.forget(token);
                Err(UploadError::Refused(error))
            }
        }
    }

    /// The upload, if this request may still append to it.
    fn lock(&self) -> Result<MutexGuard<'_, Upload>, UploadError> {
        let upload = upload::lock(&self.upload);
        if upload.requests == self.number { Ok(upload) } else { Err(UploadError::Superseded) }
    }
}

/// Whether no other server has appended to the content. The lock of such a server may be invisible here, but its bytes
/// are visible. From then on, the upload belongs to the other server, and so does the file, which may have its name by
/// now.
fn is_ours(file: &File, offset: u64) -> bool {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_FORCE_SYNC;
    match fs::statx(file, "", flags, StatxFlags::SIZE) {
        Ok(stat) => stat.stx_size == offset,
        // Some file systems look the file up by name, and fail if the other server has renamed it. Only the
        // error of a kernel without `statx` proves nothing.
        Err(error) => error == Errno::NOSYS,
    }
}

/// Closes the file, so that others may open it. If another request holds the upload's lock now, it has
/// already closed the file.
impl Drop for Appending {
    fn drop(&mut self) {
        if let Ok(mut upload) = self.upload.try_lock()
            && upload.requests == self.number
        {
            upload.file = None;
        }
        // The upload counts as idle from now on.
        self.uploads.known().find(&self.token);
    }
}

impl fmt::Debug for Appending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Appending").field("completes", &self.completes).finish_non_exhaustive()
    }
}
