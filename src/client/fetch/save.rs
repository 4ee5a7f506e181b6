//! A file that comes by another protocol than HTTP is saved as a download is: beneath the directory, under a part's name
//! until it is whole, locked, synced, and never in the place of somebody else's file.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::downloads::Downloads;
use super::incoming::IncomingDownload;
use super::settle::Landed;
use crate::client::error::ClientError;

/// A file on its way in. Nothing is made before its first byte comes; flushed, it is whole and gets its name.
pub(in crate::client) struct Saving<'a> {
    downloads: &'a Downloads,
    local: PathBuf,
    from: Arc<str>,
    sync: bool,
    incoming: Option<IncomingDownload>,
    /// What went wrong here: the writer's error says only that something did.
    failed: Option<ClientError>,
    saved: Option<(PathBuf, u64)>,
}

impl<'a> Saving<'a> {
    /// A file of this address, to be kept under this name. An error if that name cannot be taken.
    pub(in crate::client) fn new(
        downloads: &'a Downloads,
        local: PathBuf,
        from: &str,
        sync: bool,
    ) -> Result<Self, ClientError> {
        let from = Arc::from(from);
        if let Some(spot) = downloads.find(&local, &from)? {
            spot.may_be_taken()?;
        }
        Ok(Self { downloads, local, from, sync, incoming: None, failed: None, saved: None })
    }

    /// Where it is now, and its length in bytes; `outcome` is how the transfer ended.
    pub(in crate::client) fn end(
        mut self,
        outcome: Result<(), ClientError>,
    ) -> Result<(PathBuf, u64), ClientError> {
        if let Some(incoming) = self.incoming.take() {
            incoming.discard();
        }
        match self.failed {
            Some(error) => Err(error),
            None => outcome.and(self.saved.ok_or(ClientError::CutShort(0, None))),
        }
    }

    /// What has come, with room for these bytes.
    fn incoming(&mut self, room: usize) -> Result<IncomingDownload, ClientError> {
        if let Some(incoming) = self.incoming.take() {
            return incoming.with_room(room);
        }
        let spot = self.downloads.make(&self.local, &self.from)?;
        spot.may_be_taken()?;
        IncomingDownload::begin_unknown(spot).with_room(room)
    }

    fn settle(&mut self) -> Result<(), ClientError> {
        let incoming = self.incoming(0)?;
        let fetched = (incoming.spot().path.clone(), incoming.length());
        let landed = Landed { incoming, fetched, modified: None };
        self.saved = Some(landed.settle(self.downloads, self.sync)?);
        Ok(())
    }

    fn told<T>(&mut self, outcome: Result<T, ClientError>) -> io::Result<T> {
        outcome.map_err(|error| {
            let said = io::Error::other(error.to_string());
            self.failed = Some(error);
            said
        })
    }
}

impl Write for Saving<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let begun = self.incoming(bytes.len());
        let incoming = self.told(begun)?;
        self.incoming.insert(incoming).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let settled = self.settle();
        self.told(settled)
    }
}
