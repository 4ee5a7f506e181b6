//! What a request does with an upload: begin, ask, append or cancel.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::appending::Appending;
use super::error::UploadError;
use super::length::agreed_length;
use super::plan::{Piece, Plan};
use super::registry::Uploads;
use super::standing::{EMPTY_LIFETIME, LIFETIME, Standing};
use super::store::Store;
use super::token::UploadToken;
use super::upload::{self, ContentState, Upload};
use crate::access::{Grant, Judge, ToWrite};
use crate::folder::error::Error;

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
        let plan = Plan { length, ..plan };
        let upload =
            Arc::new(Mutex::new(Upload::new(grant.path().clone(), plan.clone(), ContentState::empty())));
        // The upload is locked until its file exists, so that it is not evicted before that.
        let mut beginning = upload::lock(&upload);
        let evicted = self.known().insert(token, &plan.owner, &upload)?;
        if let Some((token, upload)) = evicted {
            upload::lock(&upload).end();
            // If another server is appending to the upload, only this server forgets it.
            if !store.is_appended_to_elsewhere(&token) {
                store.remove(&token);
                log::info!("discarded an unfinished upload: there are too many");
            }
        }
        let begun = match store.begin(&token, grant.path(), &plan) {
            // Another request has just removed the directory, as it was empty.
            Err(Error::NotFound) => {
                let store = Store::make(&shared.root).map_err(Error::from);
                store.and_then(|store| store.begin(&token, grant.path(), &plan).map(|file| (store, file)))
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
            let length = agreed_length(standing.length, offset, piece)?;
            let end = piece.size.and_then(|size| offset.checked_add(size));
            if let Err(error) = length.or(end).map_or(Ok(()), |end| shared.rules.admit_size(end)) {
                upload.end();
                self.discard(&store, token);
                return Err(error.into());
            }
            shared.admit_space(piece.size, store.dir(), may_push_out)?;
            upload.learn_length(&store, token, length)?;
            upload.admit(store.content(token).map_err(UploadError::of_content)?)
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
            return;
        }
        let Ok(store) = shared.stays().and_then(|()| Ok(Store::open(&shared.root)?)) else { return };
        for token in store.tokens() {
            let age = store.touched(&token).and_then(|touched| now.duration_since(touched).ok());
            if age.is_some_and(|age| {
                age >= LIFETIME || age >= EMPTY_LIFETIME && store.is_empty_and_idle(&token)
            }) {
                let upload = self.known().forget(&token);
                let is_complete = upload.is_some_and(|upload| upload::lock(&upload).end());
                store.remove(&token);
                if !is_complete {
                    log::info!("discarded an unfinished upload: nothing arrived for too long");
                }
            }
        }
        self.forget_removed(&store);
        Store::tidy(&shared.root);
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
