//! The uploads of one directory that can be resumed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::UploadError;
use super::known::Known;
use super::store::Store;
use super::token::UploadToken;
use super::upload::{ContentState, Upload};
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
        let upload = self.known().find(token).ok_or(UploadError::Unknown)?;
        let store = Store::open(&self.shared.root).map_err(|_| UploadError::Unknown)?;
        Ok((store, upload))
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
        // Without its description it cannot be resumed; it is removed once it expires.
        let Some((path, plan, saved)) = store.plan(&token) else { continue };
        let content = match store.facts(&token) {
            Some(facts) => ContentState::Open { offset: facts.len, synced: None },
            None => ContentState::Complete { size: plan.length.unwrap_or(0) },
        };
        let is_complete = matches!(content, ContentState::Complete { .. });
        let upload = Upload { saved, ..Upload::new(path, plan, content) };
        let evicted = known.take_up(token, upload.plan.owner.clone(), upload, is_complete);
        evicted.inspect(|evicted| store.remove(evicted));
    }
}
