//! One upload: how much has arrived, and which request may append.

use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::UploadError;
use super::plan::Plan;
use super::standing::{Completed, Standing};
use super::store::{Described, Store};
use super::token::UploadToken;
use crate::durable::group::DirectorySyncs;
use crate::folder::commit::Saved;
use crate::folder::error::Error;
use crate::path::SharePath;

/// An upload, shared by all its requests.
pub(super) struct Upload {
    /// The name that it gets. Whether it may have that name is checked at each request, and again when it is complete.
    pub(super) path: SharePath,
    pub(super) plan: Plan,
    /// The id of the server that received it last, if that has one.
    pub(super) server: Option<String>,
    pub(super) content: ContentState,
    /// The saved file, if the upload is complete and the file is known.
    pub(super) saved: Option<Saved>,
    /// How many requests the upload has had. Only the latest may append; the file is open while it does so.
    pub(super) requests: u64,
    pub(super) file: Option<File>,
}

/// The state of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentState {
    /// `offset` bytes have arrived, and the first `synced` of them are on the disk; `None` if it was never synced.
    Open { offset: u64, synced: Option<u64> },
    /// It is complete and has its name.
    Complete { size: u64 },
    /// It was discarded.
    Gone,
}

/// Locks an upload for one request.
pub(super) fn lock(upload: &Mutex<Upload>) -> MutexGuard<'_, Upload> {
    upload.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ContentState {
    /// Nothing has arrived yet.
    pub(super) fn empty() -> Self {
        Self::Open { offset: 0, synced: None }
    }
}

impl Upload {
    pub(super) fn new(described: Described, content: ContentState) -> Self {
        let Described { path, plan, server, saved } = described;
        Self { path, plan, server, content, saved, requests: 0, file: None }
    }

    /// What its description says.
    fn described(&self) -> Described {
        let Self { path, plan, server, saved, .. } = self;
        Described { path: path.clone(), plan: plan.clone(), server: server.clone(), saved: saved.clone() }
    }

    /// Reads an upload from the disk; `None` if it does not exist, or no longer exists.
    pub(super) fn load(store: &Store, token: &UploadToken) -> Option<Self> {
        let described = store.described(token)?;
        let content = match store.facts(token) {
            Some(facts) => ContentState::Open { offset: facts.len, synced: None },
            None => ContentState::Complete { size: described.plan.length.unwrap_or(0) },
        };
        Some(Self::new(described, content))
    }

    /// Updates the state, if another server of this folder has changed the upload. Call this while no request is
    /// appending.
    pub(super) fn refresh(&mut self, store: &Store, token: &UploadToken) {
        let ContentState::Open { offset, synced } = self.content else { return };
        let Some(Self { plan, server, content, saved, .. }) = Self::load(store, token) else {
            self.content = ContentState::Gone;
            return;
        };
        self.content = match content {
            ContentState::Open { offset: now, .. } if now == offset => ContentState::Open { offset, synced },
            changed => changed,
        };
        (self.plan, self.server, self.saved) = (plan, server, saved);
    }

    /// Whether its file has its name.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.content, ContentState::Complete { .. })
    }

    /// Whether a request is appending to it.
    pub(super) fn is_appended_to(&self) -> bool {
        self.file.is_some()
    }

    /// Stops the request that is appending.
    pub(super) fn take_over(&mut self) {
        self.requests += 1;
        self.file = None;
    }

    /// Lets a new request append to this file, instead of an earlier one. Returns its number.
    pub(super) fn admit(&mut self, file: File) -> u64 {
        self.take_over();
        self.file = Some(file);
        self.requests
    }

    /// Stops the request that is appending, and ends the upload. Returns whether the upload was complete.
    pub(super) fn end(&mut self) -> bool {
        self.take_over();
        let was_complete = self.is_complete();
        self.content = ContentState::Gone;
        was_complete
    }

    /// Marks the upload as complete: its file has its name. The mark is stored on the disk too, so that its lifetime
    /// begins now.
    pub(super) fn complete(&mut self, store: &Store, token: &UploadToken, saved: &Saved) {
        self.content = ContentState::Complete { size: saved.size };
        self.saved = Some(saved.clone());
        // The file is saved whether or not this is remembered across a restart.
        let _ = store.describe(token, &self.described());
    }

    /// The result of the complete upload.
    pub(super) fn completed(&self, size: u64) -> Completed {
        Completed { size, plan: self.plan.clone(), saved: self.saved.clone() }
    }

    /// How many bytes have arrived.
    pub(super) fn offset(&self) -> u64 {
        match self.content {
            ContentState::Open { offset, .. } => offset,
            ContentState::Complete { size } => size,
            ContentState::Gone => 0,
        }
    }

    /// How much has arrived, according to the file on the disk. Sync the file first if the client will learn
    /// the result.
    pub(super) fn stand(
        &mut self,
        store: &Store,
        token: &UploadToken,
        syncs: Option<&DirectorySyncs>,
    ) -> Result<Standing, UploadError> {
        let length = self.plan.length;
        let (offset, modified) = match self.content {
            ContentState::Gone => return Err(UploadError::Unknown),
            ContentState::Complete { size } => (size, store.touched(token).ok_or(UploadError::Unknown)?),
            ContentState::Open { offset, synced } => {
                let facts = store.facts(token).ok_or(UploadError::Unknown)?;
                // Another server that shares the folder may have received more of the upload.
                let synced = synced.filter(|_| facts.len == offset);
                self.content = ContentState::Open { offset: facts.len, synced };
                if let Some(syncs) = syncs {
                    self.sync(store, token, syncs)?;
                }
                (facts.len, facts.modified)
            }
        };
        Ok(Standing { offset, length, is_complete: self.is_complete(), modified })
    }

    fn sync(
        &mut self,
        store: &Store,
        token: &UploadToken,
        syncs: &DirectorySyncs,
    ) -> Result<(), UploadError> {
        let ContentState::Open { offset, synced } = self.content else { return Ok(()) };
        if synced == Some(offset) {
            return Ok(());
        }
        store.sync_content(token).map_err(UploadError::of_content)?;
        if synced.is_none() {
            store.sync(token, syncs).map_err(Error::from)?;
        }
        self.content = ContentState::Open { offset, synced: Some(offset) };
        Ok(())
    }

    /// Stores a length that was not known before, and that this server receives it from now on.
    pub(super) fn learn(
        &mut self,
        store: &Store,
        token: &UploadToken,
        length: Option<u64>,
        server: Option<String>,
    ) -> Result<(), Error> {
        if self.plan.length == length && self.server == server {
            return Ok(());
        }
        let plan = Plan { length, ..self.plan.clone() };
        let described = Described { plan, server, saved: None, ..self.described() };
        store.describe(token, &described)?;
        (self.plan, self.server) = (described.plan, described.server);
        if let ContentState::Open { offset, .. } = self.content {
            // The description has to be synced again.
            self.content = ContentState::Open { offset, synced: None };
        }
        Ok(())
    }
}
