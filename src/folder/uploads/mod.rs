//! Uploads that may come in pieces: what has arrived is kept when a connection ends, and whoever holds the token goes on.
//!
//! ```text
//! begin_upload ──> Appending ── write, write, … ──> end ──> Paused(Standing)   more is to come
//!                     │  ▲                           └────> Saved              it has its name
//!                     │  └── append(token, offset) <── upload(token) says where to go on
//!                     └─ dropped: what has arrived is kept, for a day; if nothing has, for minutes
//! ```
//!
//! One request at a time appends. A newer one, also one that only asks how far it is, takes the upload over: the older
//! can append no more, so bytes of two are never mixed. What is told to have arrived is on the disk first (unless
//! [`Rules::durable`](super::Rules::durable) is off), and stays: it is only ever appended to. A file system gives a file its
//! new length after the bytes, so what a crash leaves is a beginning of what was sent.
//!
//! Whoever has sent the last byte may miss the answer. So an upload that is complete is remembered for a while.
//!
//! Knows nothing of protocols, and asks no clock.

mod known;
mod store;
mod token;
mod uploading;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use std::{fmt, io};

use known::Known;
#[cfg(test)]
pub(super) use known::{MOST_OF_A_CLIENT, MOST_UNFINISHED};
use rustix::io::Errno;
use store::Store;
pub use token::UploadToken;
pub use uploading::{Appending, Ended};
use uploading::{Content, Upload};

use super::incoming::Guard;
use super::root::Root;
use super::{Error, Folder, SharePath, Shared};

/// An upload to which nothing was added for so long is thrown away: a day, time enough to come back tomorrow.
pub const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The same for one of which nothing has arrived: to begin it again costs nothing, and it takes a place from others.
pub const EMPTY_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// What is to become of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The name that it gets.
    pub path: SharePath,
    /// Its length in bytes, once that is known.
    pub length: Option<u64>,
    /// What must be true of the name when it gets it.
    pub guard: Guard,
    /// The client that sends it, in any words that are the same for the same client: how many uploads each has is
    /// bounded. Empty where it is not known; those are taken for one client's.
    pub owner: String,
    /// Whatever the door wants to be told again at the end.
    pub memo: String,
}

/// What a request says of the bytes that it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Whether they are the last.
    pub completes: bool,
    /// How many they are, if that is known.
    pub size: Option<u64>,
    /// The length of the whole upload, if it is told.
    pub length: Option<u64>,
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many bytes have arrived; it never shrinks.
    pub offset: u64,
    /// How many there will be, if that is known.
    pub length: Option<u64>,
    /// Whether all have arrived and the file has its name.
    pub is_complete: bool,
    /// When the latest arrived.
    pub modified: SystemTime,
}

impl Standing {
    /// How long it is kept if nothing is added to it.
    pub fn lifetime(&self) -> Duration {
        if self.offset > 0 || self.is_complete { LIFETIME } else { EMPTY_LIFETIME }
    }
}

/// Why an upload cannot be begun, or gone on with.
#[derive(Debug)]
pub enum UploadError {
    /// What the folder says to any upload.
    Folder(Error),
    /// All has arrived, but the folder does not take it; it is thrown away.
    Refused(Error),
    /// There is no such upload, or no longer.
    Unknown,
    /// It goes on elsewhere than the request thinks.
    Mismatch(Standing),
    /// It is complete already.
    Complete(Standing),
    /// The lengths that were told of it do not agree with each other, or with what came.
    Inconsistent,
    /// A newer request goes on with it, or has thrown it away.
    Superseded,
    /// There are too many unfinished ones.
    TooMany,
}

/// All uploads of a folder that can be gone on with.
#[derive(Default)]
pub(super) struct Uploads(Mutex<Known>);

impl Folder {
    /// Begins an upload under this token, which must be new. What can be refused is refused as
    /// [`receive`](Folder::receive) does it.
    pub fn begin_upload(
        &self,
        token: UploadToken,
        plan: Plan,
        piece: Piece,
    ) -> Result<Appending, UploadError> {
        let shared = self.source.current();
        let length = uploading::agreed_length(plan.length, 0, piece)?;
        shared.admit(&plan.path, length.or(piece.size))?;
        let store = Store::make(&shared.root).map_err(Error::from)?;
        shared.reserve.admit(length.or(piece.size), store.dir())?;
        let plan = Plan { length, ..plan };
        let upload = Arc::new(Mutex::new(Upload::new(plan.clone(), Content::empty())));
        // Held until its file is there: before, it makes room for nobody.
        let mut beginning = lock(&upload);
        let evicted = shared.uploads.lock().insert(token, &plan.owner, &upload)?;
        if let Some((token, upload)) = evicted {
            lock(&upload).end();
            store.remove(&token);
            log::info!("an unfinished upload was thrown away: there were too many");
        }
        let begun = match store.begin(&token, &plan) {
            // A sweep has just removed the directory, as it was empty.
            Err(Error::NotFound) => {
                let store = Store::make(&shared.root).map_err(Error::from);
                store.and_then(|store| store.begin(&token, &plan).map(|file| (store, file)))
            }
            begun => begun.map(|file| (store, file)),
        };
        let (store, file) = begun.inspect_err(|_| drop(shared.uploads.lock().forget(&token)))?;
        let number = beginning.admit(file);
        drop(beginning);
        let completes = piece.completes;
        Ok(Appending { shared, store, token, upload, number, completes })
    }

    /// How far an upload is. Whoever appends to it meanwhile can do so no more: the answer stays true until somebody
    /// else appends. It may wait for the disk.
    pub fn upload(&self, token: &UploadToken) -> Result<Standing, UploadError> {
        let (_, store, upload) = self.find_upload(token)?;
        let mut upload = lock(&upload);
        upload.take_over();
        upload.stand(&store, token, self.rules().durable)
    }

    /// Goes on with an upload at this offset. It may wait for the disk.
    pub fn append(&self, token: &UploadToken, offset: u64, piece: Piece) -> Result<Appending, UploadError> {
        let (shared, store, upload) = self.find_upload(token)?;
        shared.stays()?;
        let number = {
            let mut upload = lock(&upload);
            upload.take_over();
            // An offset that agrees is not told.
            let is_told = upload.offset() != offset;
            let standing = upload.stand(&store, token, is_told && self.rules().durable)?;
            match standing {
                Standing { is_complete: true, .. } => return Err(UploadError::Complete(standing)),
                standing if standing.offset != offset => return Err(UploadError::Mismatch(standing)),
                _ => {}
            }
            let length = uploading::agreed_length(standing.length, offset, piece)?;
            let end = piece.size.and_then(|size| offset.checked_add(size));
            if let Err(error) = length.or(end).map_or(Ok(()), |end| self.rules().admit_size(end)) {
                upload.end();
                shared.discard(&store, token);
                return Err(error.into());
            }
            shared.reserve.admit(piece.size, store.dir())?;
            upload.learn_length(&store, token, length)?;
            upload.admit(store.content(token).map_err(of_content)?)
        };
        Ok(Appending { shared, store, token: *token, upload, number, completes: piece.completes })
    }

    /// Throws an upload away; whoever appends to it can do so no more.
    pub fn cancel_upload(&self, token: &UploadToken) -> Result<(), UploadError> {
        let (shared, store, upload) = self.find_upload(token)?;
        lock(&upload).end();
        shared.discard(&store, token);
        Ok(())
    }

    /// Throws away the uploads to which nothing has been added for a [`LIFETIME`] before `now`, and those of which nothing
    /// has arrived for an [`EMPTY_LIFETIME`].
    pub fn forget_uploads(&self, now: SystemTime) {
        if self.rules().read_only {
            return;
        }
        let shared = self.source.current();
        let Ok(store) = shared.stays().and_then(|()| Ok(Store::open(&shared.root)?)) else { return };
        for token in store.tokens() {
            let age = store.touched(&token).and_then(|touched| now.duration_since(touched).ok());
            if age.is_some_and(|age| {
                age >= LIFETIME || age >= EMPTY_LIFETIME && store.is_empty_and_idle(&token)
            }) {
                let upload = shared.uploads.lock().forget(&token);
                upload.inspect(|upload| lock(upload).end());
                store.remove(&token);
                log::info!("an upload was thrown away: nothing has come of it for too long");
            }
        }
        Store::tidy(&shared.root);
    }

    /// An upload, and the directory that it is in.
    fn find_upload(
        &self,
        token: &UploadToken,
    ) -> Result<(Arc<Shared>, Store, Arc<Mutex<Upload>>), UploadError> {
        if self.rules().read_only {
            return Err(Error::ReadOnly.into());
        }
        let shared = self.source.current();
        let upload = shared.uploads.lock().find(token).ok_or(UploadError::Unknown)?;
        let store = Store::open(&shared.root).map_err(|_| UploadError::Unknown)?;
        Ok((shared, store, upload))
    }
}

impl Uploads {
    /// Takes up what an earlier run has left.
    pub(super) fn load(&self, root: &Root) {
        let Ok(store) = Store::open(root) else { return };
        let mut known = self.lock();
        let mut tokens: Vec<_> = store.tokens().into_iter().collect();
        tokens.sort_by_cached_key(|token| store.touched(token));
        for token in tokens {
            // Without its description nobody could say what it is: its time will come.
            let Some(plan) = store.plan(&token) else { continue };
            let content = match store.facts(&token) {
                Some(facts) => Content::Open { offset: facts.len, synced: None },
                None => Content::Complete { size: plan.length.unwrap_or(0) },
            };
            let is_complete = matches!(content, Content::Complete { .. });
            known.take_up(token, plan.owner.clone(), Upload::new(plan, content), is_complete);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Removes an upload that has ended, with what it takes of the disk.
    fn discard(&self, store: &Store, token: &UploadToken) {
        self.uploads.lock().forget(token);
        store.remove(token);
    }
}

fn lock(upload: &Mutex<Upload>) -> MutexGuard<'_, Upload> {
    upload.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What it means that the content cannot be opened.
fn of_content(error: Errno) -> UploadError {
    match error {
        // Another server that shares the folder has it.
        Errno::WOULDBLOCK => UploadError::Superseded,
        Errno::NOENT => UploadError::Unknown,
        other => Error::from(other).into(),
    }
}

impl From<Error> for UploadError {
    fn from(error: Error) -> Self {
        Self::Folder(error)
    }
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> Self {
        Self::Folder(error.into())
    }
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(error) | Self::Refused(error) => error.fmt(f),
            Self::Unknown => f.write_str("there is no such upload, or no longer (begin again)"),
            Self::Mismatch(standing) => {
                write!(f, "the upload goes on at byte {} (send from there)", standing.offset)
            }
            Self::Complete(_) => f.write_str("the upload is complete already"),
            Self::Inconsistent => f.write_str("the lengths that were told of the upload do not agree"),
            Self::Superseded => f.write_str("another request goes on with this upload"),
            Self::TooMany => f.write_str("there are too many unfinished uploads (try again later)"),
        }
    }
}

impl std::error::Error for UploadError {}
