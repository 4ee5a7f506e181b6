//! One upload: how far it is, who may append, and how it ends.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::fs::{self, AtFlags, StatxFlags};
use rustix::io::Errno;

use super::store::Store;
use super::{Piece, Plan, Standing, UploadError, UploadToken, lock};
use crate::folder::commit::save;
use crate::folder::incoming::Saved;
use crate::folder::temporary::Temporary;
use crate::folder::{Error, Shared};

/// An upload, as all requests that are about it see it.
pub(super) struct Upload {
    plan: Plan,
    content: Content,
    /// How many requests have been about it. The latest may append, if it is one that appends: then the file is open.
    requests: u64,
    file: Option<File>,
}

/// What there is of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// So many bytes, the first `synced` of which are on the disk; `None`: nobody has seen to that yet.
    Open { offset: u64, synced: Option<u64> },
    /// All of it, under its name.
    Complete { size: u64 },
    /// Nothing: it has been thrown away.
    Gone,
}

/// A request that appends to an upload. Dropped, it leaves what has arrived.
pub struct Appending {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Store,
    pub(super) token: UploadToken,
    pub(super) upload: Arc<Mutex<Upload>>,
    /// Its number among the requests for this upload.
    pub(super) number: u64,
    pub(super) completes: bool,
}

/// What a piece of an upload has led to.
#[derive(Debug)]
pub enum Ended {
    /// More is to come.
    Paused(Standing),
    /// It was the last, and the file has its name; with what the plan's memo says.
    Saved(Saved, String),
}

/// The length that follows from what was known and what a request tells; they must agree.
pub(super) fn agreed_length(
    known: Option<u64>,
    offset: u64,
    piece: Piece,
) -> Result<Option<u64>, UploadError> {
    let end = piece.size.map(|size| offset.checked_add(size).ok_or(UploadError::Inconsistent)).transpose()?;
    let told = [known, piece.length, end.filter(|_| piece.completes)];
    let length = told.into_iter().flatten().next();
    let agree = told.into_iter().flatten().all(|other| Some(other) == length);
    let fits = end.zip(length).is_none_or(|(end, length)| end <= length);
    if agree && fits { Ok(length) } else { Err(UploadError::Inconsistent) }
}

impl Content {
    /// Nothing has arrived yet.
    pub(super) fn empty() -> Self {
        Self::Open { offset: 0, synced: None }
    }
}

impl Upload {
    pub(super) fn new(plan: Plan, content: Content) -> Self {
        Self { plan, content, requests: 0, file: None }
    }

    /// Whether a request appends to it just now.
    pub(super) fn is_appended_to(&self) -> bool {
        self.file.is_some()
    }

    /// Ends whoever appends.
    pub(super) fn take_over(&mut self) {
        self.requests += 1;
        self.file = None;
    }

    /// Lets a request append to this file, after whoever did so; gives its number.
    pub(super) fn admit(&mut self, file: File) -> u64 {
        self.take_over();
        self.file = Some(file);
        self.requests
    }

    /// Ends whoever appends, and the upload.
    pub(super) fn end(&mut self) {
        self.take_over();
        self.content = Content::Gone;
    }

    /// How much has arrived.
    pub(super) fn offset(&self) -> u64 {
        match self.content {
            Content::Open { offset, .. } => offset,
            Content::Complete { size } => size,
            Content::Gone => 0,
        }
    }

    /// How far it is, by what the disk has; for somebody who is told, it is put on the disk first.
    pub(super) fn stand(
        &mut self,
        store: &Store,
        token: &UploadToken,
        sync: bool,
    ) -> Result<Standing, UploadError> {
        let length = self.plan.length;
        let (offset, modified) = match self.content {
            Content::Gone => return Err(UploadError::Unknown),
            Content::Complete { size } => (size, store.touched(token).ok_or(UploadError::Unknown)?),
            Content::Open { offset, synced } => {
                let facts = store.facts(token).ok_or(UploadError::Unknown)?;
                // Another server that shares the folder may have taken more of it.
                let synced = synced.filter(|_| facts.len == offset);
                self.content = Content::Open { offset: facts.len, synced };
                if sync {
                    self.sync(store, token)?;
                }
                (facts.len, facts.modified)
            }
        };
        let is_complete = matches!(self.content, Content::Complete { .. });
        Ok(Standing { offset, length, is_complete, modified })
    }

    fn sync(&mut self, store: &Store, token: &UploadToken) -> Result<(), UploadError> {
        let Content::Open { offset, synced } = self.content else { return Ok(()) };
        if synced == Some(offset) {
            return Ok(());
        }
        store.sync_content(token).map_err(super::of_content)?;
        if synced.is_none() {
            store.sync(token).map_err(Error::from)?;
        }
        self.content = Content::Open { offset, synced: Some(offset) };
        Ok(())
    }

    /// Writes down a length that was not known before.
    pub(super) fn learn_length(
        &mut self,
        store: &Store,
        token: &UploadToken,
        length: Option<u64>,
    ) -> Result<(), Error> {
        if self.plan.length == length {
            return Ok(());
        }
        let plan = Plan { length, ..self.plan.clone() };
        store.describe(token, &plan)?;
        self.plan = plan;
        if let Content::Open { offset, .. } = self.content {
            // The description has to be synced again.
            self.content = Content::Open { offset, synced: None };
        }
        Ok(())
    }
}

impl Appending {
    /// Takes the next bytes. After an error, what arrived before them is kept, and no more is taken; but bytes beyond
    /// the length that was told, or beyond what the rules allow, spoil the upload: it could not be completed.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        let mut upload = self.lock()?;
        self.shared.was_not_replaced()?;
        let Content::Open { offset, synced } = upload.content else { return Err(UploadError::Unknown) };
        let count = bytes.len() as u64;
        let end = offset.saturating_add(count);
        let fits = if upload.plan.length.is_some_and(|length| end > length) {
            Err(UploadError::Inconsistent)
        } else {
            self.shared.rules.admit_size(end).map_err(UploadError::from)
        };
        if fits.is_err() {
            upload.end();
            drop(upload);
            self.shared.discard(&self.store, &self.token);
            return fits;
        }
        let _in_flight = self.shared.reserve.begin(count, self.store.dir())?;
        let file =
            upload.file.as_ref().filter(|file| is_ours(file, offset)).ok_or(UploadError::Superseded)?;
        if let Err(error) = file.write_all_at(bytes, offset) {
            // Some of it may be there: whoever asks how far the upload is must not be told more than was counted.
            file.set_len(offset)?;
            return Err(error.into());
        }
        upload.content = Content::Open { offset: end, synced };
        Ok(())
    }

    /// The bytes have ended. It may wait for the disk.
    pub fn end(self) -> Result<Ended, UploadError> {
        let mut upload = self.lock()?;
        if !self.completes {
            let durable = self.shared.rules.durable;
            return Ok(Ended::Paused(upload.stand(&self.store, &self.token, durable)?));
        }
        let size = upload.offset();
        let whole = Piece { completes: true, size: Some(0), length: None };
        let length = agreed_length(upload.plan.length, size, whole)?;
        upload.learn_length(&self.store, &self.token, length)?;
        self.save(&mut upload, size)
    }

    /// All is here: gives it its name, under the rules of now.
    fn save(&self, upload: &mut Upload, size: u64) -> Result<Ended, UploadError> {
        let Self { shared, store, token, .. } = self;
        let file = upload.file.take().filter(|file| is_ours(file, size)).ok_or(UploadError::Superseded)?;
        let mut temporary = Temporary::adopt(
            file,
            store.dir(),
            Store::content_name(token),
            shared.save_methods.of(store.dir()),
        );
        let place = shared.admit(&upload.plan.path, Some(size));
        let saved = place.and_then(|place| save(shared, &place, &mut temporary, size, upload.plan.guard));
        match saved {
            Ok(saved) => {
                upload.content = Content::Complete { size };
                let oldest = shared.uploads.lock().complete(*token);
                oldest.inspect(|oldest| store.remove(oldest));
                Ok(Ended::Saved(saved, upload.plan.memo.clone()))
            }
            // The disk may be well again soon, or the folder back at its path; the bytes are all here.
            Err(error @ (Error::NoSpace | Error::Denied | Error::Replaced | Error::Io(_))) => {
                temporary.leave();
                Err(error.into())
            }
            Err(error) => {
                upload.end();
                shared.uploads.lock().forget(token);
                store.forget(token);
                Err(UploadError::Refused(error))
            }
        }
    }

    /// The upload, if this is still the request that may append to it.
    fn lock(&self) -> Result<MutexGuard<'_, Upload>, UploadError> {
        let upload = lock(&self.upload);
        if upload.requests == self.number { Ok(upload) } else { Err(UploadError::Superseded) }
    }
}

/// Whether nobody else has appended to the content. Where another server's lock is not seen, its bytes are: from then on
/// the upload is the other's, and so is the file, which may have its name by now.
fn is_ours(file: &File, offset: u64) -> bool {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_FORCE_SYNC;
    match fs::statx(file, "", flags, StatxFlags::SIZE) {
        Ok(stat) => stat.stx_size == offset,
        // Some file systems look by name, and the other may have given it another. Only a system that cannot tell says
        // nothing of that.
        Err(error) => error == Errno::NOSYS,
    }
}

/// Its file is closed, so that others may open it. Whoever has the upload in hand just now has closed it already.
impl Drop for Appending {
    fn drop(&mut self) {
        if let Ok(mut upload) = self.upload.try_lock()
            && upload.requests == self.number
        {
            upload.file = None;
        }
        // It is idle from now on.
        self.shared.uploads.lock().find(&self.token);
    }
}

impl fmt::Debug for Appending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Appending").field("completes", &self.completes).finish_non_exhaustive()
    }
}
