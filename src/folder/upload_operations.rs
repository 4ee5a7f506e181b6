//! Uploads that may arrive in pieces, as part of the folder.

use std::time::SystemTime;

use crate::access::{Grant, Judge, ToWrite};
use crate::blocking::Blocking;
use crate::folder::Folder;
use crate::folder::uploads::{Appending, Piece, Plan, Standing, UploadError, UploadToken};

impl Folder {
    /// Begins an upload that may arrive in pieces, under this token, which must be new. It fails as [`Folder::receive`]
    /// does.
    pub fn begin_upload(
        &self,
        token: UploadToken,
        grant: &Grant<'_, ToWrite>,
        plan: Plan,
        piece: Piece,
        _: Blocking<'_>,
    ) -> Result<Appending, UploadError> {
        self.source.uploads().begin(token, grant, plan, piece)
    }

    /// How much of an upload has arrived. A request that is appending to it can no longer do so: the result stays true
    /// until another request appends. The judge decides by the upload's path, which the client does not name. It may wait
    /// for the disk.
    pub fn upload(
        &self,
        token: &UploadToken,
        judge: &Judge,
        _: Blocking<'_>,
    ) -> Result<Standing, UploadError> {
        self.source.uploads().standing(token, judge)
    }

    /// Continues an upload at this offset. It may wait for the disk. [`Appending::end`] asks a judge again.
    pub fn append(
        &self,
        token: &UploadToken,
        offset: u64,
        piece: Piece,
        judge: &Judge,
        _: Blocking<'_>,
    ) -> Result<Appending, UploadError> {
        self.source.uploads().append(token, offset, piece, judge)
    }

    /// Discards an upload; a request that is appending to it can no longer do so.
    pub fn cancel_upload(
        &self,
        token: &UploadToken,
        judge: &Judge,
        _: Blocking<'_>,
    ) -> Result<(), UploadError> {
        self.source.uploads().cancel(token, judge)
    }

    /// Discards the uploads to which nothing was added for a [`LIFETIME`](crate::folder::LIFETIME) before `now`, and empty
    /// uploads after an [`EMPTY_LIFETIME`](crate::folder::EMPTY_LIFETIME). Tells other servers that this server has the
    /// folder. Call it once a minute.
    pub fn forget_uploads(&self, now: SystemTime, _: Blocking<'_>) {
        self.source.uploads().discard_expired(now);
    }
}
