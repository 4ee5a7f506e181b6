//! Saves a file that arrives by another protocol than HTTP as a download: below the directory, as a part
//! until it is complete, locked and synced. It never replaces a file that is not wharf's.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::downloads::Downloads;
use super::incoming::IncomingDownload;
use super::settle::Landed;
use crate::client::error::ClientError;

/// A file that is being received. It is created with its first byte. `flush` completes it and gives it its name.
pub(in crate::client) struct Saving<'a> {
    downloads: &'a Downloads,
    local: PathBuf,
    from: Arc<str>,
    sync: bool,
    incoming: Option<IncomingDownload>,
    /// The error, which the `Write` trait can only pass on as text.
    failed: Option<ClientError>,
    saved: Option<(PathBuf, u64)>,
}

impl<'a> Saving<'a> {
    /// A file of this address, to be saved under this name. Fails if another file must not be replaced.
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

    /// Its path and its length in bytes; `outcome` is how the transfer ended.
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

    /// The received content, after making space for these bytes.
    fn incoming(&mut self, space: usize) -> Result<IncomingDownload, ClientError> {
        if let Some(incoming) = self.incoming.take() {
            return incoming.with_space(space);
        }
        let spot = self.downloads.make(&self.local, &self.from)?;
        spot.may_be_taken()?;
        IncomingDownload::begin_unknown(spot).with_space(space)
    }

    fn settle(&mut self) -> Result<(), ClientError> {
        let incoming = self.incoming(0)?;
        let fetched = (incoming.spot().path.clone(), incoming.length());
        let landed = Landed { incoming, fetched, modified: None };
        self.saved = Some(landed.settle(self.downloads, self.sync)?);
        Ok(())
    }

    fn pass_on<T>(&mut self, outcome: Result<T, ClientError>) -> io::Result<T> {
        outcome.map_err(|error| {
            let text = io::Error::other(error.to_string());
            self.failed = Some(error);
            text
        })
    }
}

impl Write for Saving<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let begun = self.incoming(bytes.len());
        let incoming = self.pass_on(begun)?;
        self.incoming.insert(incoming).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let settled = self.settle();
        self.pass_on(settled)
    }
}
