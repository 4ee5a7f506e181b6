//! What a request does with an upload: begin, ask, append or cancel.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::appending::Appending;
use super::error::UploadError;
use super::length::agreed_length;
use super::plan::{Piece, Plan};
use super::registry::Uploads;
use super::standing::{EMPTY_LIFETIME, LIFETIME, Standing, UNSEEN_LIFETIME};
use super::store::{Described, Store};
use super::token::UploadToken;
use super::upload::{self, ContentState, Upload};
use crate::access::{Grant, Judge, ToWrite};
use crate::folder::error::Error;
use crate::folder::shared::Shared;

impl Uploads {
    /// Begins an upload under this token, which must be new.
    pub(in crate::folder) fn begin(
        self: Arc<Self>,
        token: UploadToken,
        grant: &Grant<'_, ToWrite>,
        plan: Plan,
        piece: Piece,
    ) -> Result<Appending, UploadError> {
        let shared = &self.shared;
        let length = agreed_length(plan.length, 0, piece)?;
        shared.admit(grant, length.or(piece.size))?;
        let store = Store::make(&shared.root).map_err(Error::from)?;
        let may_push_out = grant.may_remove();
        shared.admit_space(length.or(piece.size), store.dir(), may_push_out)?;
        shared.replicas.join(&shared.root);
        let plan = Plan { length, ..plan };
        let owner = plan.owner.clone();
        let described =
            Described { path: grant.path().clone(), plan, server: shared.replicas.id(), saved: None };
        let upload = Arc::new(Mutex::new(Upload::new(described.clone(), ContentState::empty())));
        // Locked until its file exists; until then, it is not evicted for another upload.
        let mut beginning = upload::lock(&upload);
        let evicted = self.known().insert(token, &owner, &upload)?;
        if let Some((token, evicted)) = evicted {
            let mut evicted = upload::lock(&evicted);
            evicted.end();
            // If another server is appending to it, it is forgotten only here.
            if self.may_continue(&evicted) && !store.is_appended_to_elsewhere(&token) {
                store.remove(&token);
                log::info!("discarded an unfinished upload: there are too many");
            }
        }
        let begun = match store.begin(&token, &described) {
            // Another request has just removed the directory, as it was empty.
            Err(Error::NotFound) => {
                let store = Store::make(&shared.root).map_err(Error::from);
                store.and_then(|store| store.begin(&token, &described).map(|file| (store, file)))
            }
            begun => begun.map(|file| (store, file)),
        };
        let (store, file) = begun.inspect_err(|_| drop(self.known().forget(&token)))?;
        let number = beginning.admit(file);
        drop(beginning);
        let completes = piece.completes;
        Ok(Appending { uploads: self, store, token, upload, number, completes, may_push_out })
    }

    /// How much of an upload has arrived. A request that is appending to it can no longer do so.
    pub(in crate::folder) fn standing(
        &self,
        token: &UploadToken,
        judge: &Judge,
    ) -> Result<Standing, UploadError> {
        let (store, upload) = self.find(token)?;
        let mut upload = upload::lock(&upload);
        may_write(&upload, judge)?;
        upload.take_over();
        self.refresh(&store, token, &mut upload);
        upload.stand(&store, token, self.shared.syncs())
    }

    /// Continues an upload at this offset. Appending nothing to a complete upload fails with [`UploadError::Complete`],
    /// which contains the result.
    pub(in crate::folder) fn append(
        self: Arc<Self>,
        token: &UploadToken,
        offset: u64,
        piece: Piece,
        judge: &Judge,
    ) -> Result<Appending, UploadError> {
        let (store, upload) = self.find(token)?;
        let shared = &self.shared;
        shared.stays()?;
        let may_push_out;
        let number = {
            let mut upload = upload::lock(&upload);
            may_write(&upload, judge)?;
            may_push_out = judge.check::<ToWrite>(&upload.path).is_ok_and(|grant| grant.may_remove());
            upload.take_over();
            self.refresh(&store, token, &mut upload);
            // A matching offset is not sent to the client, so the bytes before it need not be on the disk.
            let is_sent = upload.offset() != offset;
            let standing = upload.stand(&store, token, shared.syncs().filter(|_| is_sent))?;
            if standing.offset != offset {
                return Err(UploadError::Mismatch(standing));
            }
            if standing.is_complete {
                // Nothing can follow.
                agreed_length(Some(offset), offset, piece)?;
                return Err(UploadError::Complete(Box::new(upload.completed(offset))));
            }
            if !self.may_continue(&upload) {
                return Err(UploadError::Elsewhere);
            }
            let length = agreed_length(standing.length, offset, piece)?;
            let end = piece.size.and_then(|size| offset.checked_add(size));
            if let Err(error) = length.or(end).map_or(Ok(()), |end| shared.rules.admit_size(end)) {
                upload.end();
                self.discard(&store, token);
                return Err(error.into());
            }
            shared.admit_space(piece.size, store.dir(), may_push_out)?;
            let file = store.content(token).map_err(UploadError::of_content)?;
            shared.replicas.join(&shared.root);
            upload.learn(&store, token, length, shared.replicas.id())?;
            upload.admit(file)
        };
        let completes = piece.completes;
        Ok(Appending { uploads: self, store, token: *token, upload, number, completes, may_push_out })
    }

    /// Discards an upload; a request that is appending to it can no longer do so.
    pub(in crate::folder) fn cancel(&self, token: &UploadToken, judge: &Judge) -> Result<(), UploadError> {
        let (store, upload) = self.find(token)?;
        let mut upload = upload::lock(&upload);
        may_write(&upload, judge)?;
        upload.end();
        drop(upload);
        self.discard(&store, token);
        Ok(())
    }

    /// Discards the uploads to which nothing was added for a [`LIFETIME`] before `now`, and empty ones after an
    /// [`EMPTY_LIFETIME`].
    pub(in crate::folder) fn discard_expired(&self, now: SystemTime) {
        let shared = &self.shared;
        if shared.rules.read_only {
            shared.replicas.look(&shared.root);
            #[cfg(feature = "dav")]
            shared.property_files.look(&shared.root);
            return;
        }
        if shared.stays().is_err() {
            return;
        }
        if let Ok(store) = Store::open(&shared.root) {
            self.discard_expired_in(&store, now);
        }
        shared.replicas.keep(&shared.root);
        #[cfg(feature = "dav")]
        shared.property_files.look(&shared.root);
    }

    fn discard_expired_in(&self, store: &Store, now: SystemTime) {
        for token in store.tokens() {
            let age = store.touched(&token).and_then(|touched| now.duration_since(touched).ok());
            if age.is_some_and(|age| {
                age >= LIFETIME || age >= EMPTY_LIFETIME && self.is_abandoned(store, &token, age)
            }) {
                let upload = self.known().forget(&token);
                let is_complete = upload.is_some_and(|upload| upload::lock(&upload).end());
                store.remove(&token);
                if !is_complete {
                    log::info!("discarded an unfinished upload: nothing arrived for too long");
                }
            }
        }
        self.forget_removed(store);
        Store::tidy(&self.shared.root);
    }

    /// Whether an upload of this age has no content, and gets none now.
    fn is_abandoned(&self, store: &Store, token: &UploadToken, age: Duration) -> bool {
        let may_receive = || {
            let server = store.described(token).and_then(|described| described.server);
            age < UNSEEN_LIFETIME && !self.may_continue_of(server.as_deref())
        };
        store.is_empty_and_idle(token) && !may_receive()
    }

    /// Whether no other server can be receiving this upload without its lock being seen here.
    fn may_continue(&self, upload: &Upload) -> bool {
        self.may_continue_of(upload.server.as_deref())
    }

    fn may_continue_of(&self, server: Option<&str>) -> bool {
        let Shared { replicas, root, .. } = &*self.shared;
        server.is_none_or(|server| replicas.may_continue(root, server))
    }
}

/// Fails if the principal may not save a file at the upload's path, or if another principal has begun the
/// upload.
fn may_write(upload: &Upload, judge: &Judge) -> Result<(), UploadError> {
    if !judge.is_owner(&upload.plan.owner) {
        return Err(UploadError::Unknown);
    }
    judge.check::<ToWrite>(&upload.path).map(|_| ()).map_err(|denied| Error::from(denied).into())
}
