//! The uploads of one directory that can be resumed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::UploadError;
use super::known::Known;
use super::store::Store;
use super::token::UploadToken;
use super::upload::Upload;
use crate::folder::error::Error;
use crate::folder::shared::Shared;

/// All uploads of a directory that can be resumed.
pub(in crate::folder) struct Uploads {
    pub(super) shared: Arc<Shared>,
    known: Mutex<Known>,
}

impl Uploads {
    /// Finds the uploads that an earlier run left, unless the folder is shared read-only.
    pub(in crate::folder) fn load(shared: Arc<Shared>) -> Self {
        let mut known = Known::default();
        if !shared.rules.read_only
            && let Ok(store) = Store::open(&shared.root)
        {
            take_up_all(&store, &mut known);
        }
        Self { shared, known: Mutex::new(known) }
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An upload, and the directory that its content is in.
    pub(super) fn find(&self, token: &UploadToken) -> Result<(Store, Arc<Mutex<Upload>>), UploadError> {
        if self.shared.rules.read_only {
            return Err(Error::ReadOnly.into());
        }
        let store = Store::open(&self.shared.root).map_err(|_| UploadError::Unknown)?;
        let known = self.known().find(token);
        let upload = known.or_else(|| self.take_up(&store, token)).ok_or(UploadError::Unknown)?;
        Ok((store, upload))
    }

    /// Takes up an upload that another server of this folder has begun.
    fn take_up(&self, store: &Store, token: &UploadToken) -> Option<Arc<Mutex<Upload>>> {
        let upload = Upload::load(store, token)?;
        let mut known = self.known();
        // Another request may have taken up the upload meanwhile.
        if let Some(upload) = known.find(token) {
            return Some(upload);
        }
        let evicted = known.take_up(*token, upload);
        evicted.inspect(|evicted| store.remove(evicted));
        known.find(token)
    }

    /// Takes over what another server of this folder has done with an upload. Call it while no request is appending.
    pub(super) fn refresh(&self, store: &Store, token: &UploadToken, upload: &mut Upload) {
        if upload.is_complete() {
            return;
        }
        upload.refresh(store, token);
        if upload.is_complete() {
            let evicted = self.known().complete(*token);
            evicted.inspect(|evicted| store.remove(evicted));
        }
    }

    /// Forgets the uploads whose files another server of this folder has removed.
    pub(super) fn forget_removed(&self, store: &Store) {
        let known = self.known().tokens();
        for token in known.into_iter().filter(|token| store.touched(token).is_none()) {
            let mut uploads = self.known();
            // An upload that is locked may have no files yet.
            if uploads.find(&token).is_some_and(|upload| upload.try_lock().is_ok()) {
                uploads.forget(&token);
            }
        }
    }

    /// Removes an upload that has ended, and its files.
    pub(super) fn discard(&self, store: &Store, token: &UploadToken) {
        self.known().forget(token);
        store.remove(token);
    }
}

fn take_up_all(store: &Store, known: &mut Known) {
    let mut tokens: Vec<_> = store.tokens().into_iter().collect();
    tokens.sort_by_cached_key(|token| store.touched(token));
    for token in tokens {
        // Without its description, the upload cannot be resumed. It is removed once it expires.
        let Some(upload) = Upload::load(store, &token) else { continue };
        let evicted = known.take_up(token, upload);
        evicted.inspect(|evicted| store.remove(evicted));
    }
}
