//! A file to fetch.

use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::downloads;
use crate::client::address::Resource;
use crate::client::error::ClientError;
use crate::printable::Printable;

/// A file to fetch.
#[derive(Debug, Clone)]
pub struct FetchOrder {
    /// Its address.
    pub resource: Resource,
    /// The address as text, for the part's notes and the download record.
    pub(super) from: Arc<str>,
    /// Its path below the directory for downloads.
    pub(super) local: PathBuf,
    /// Its length and time, if it is from a listing.
    pub(super) listed: Option<(u64, SystemTime)>,
}

impl FetchOrder {
    /// A file that is saved under its path on the server.
    pub fn of(resource: Resource) -> Result<Self, ClientError> {
        let local = downloads::local_path(&resource.target)?;
        Ok(Self::under(resource, local))
    }

    /// A file that is saved under this path, which must be below the directory for downloads.
    pub fn under(resource: Resource, local: PathBuf) -> Self {
        Self { from: resource.to_string().into(), resource, local, listed: None }
    }

    /// Its length in bytes, if a listing gave it.
    pub fn length(&self) -> Option<u64> {
        self.listed.map(|(length, _)| length)
    }

    /// Adds the length and time from a listing.
    #[must_use]
    pub fn listed(self, length: u64, modified: SystemTime) -> Self {
        Self { listed: Some((length, modified)), ..self }
    }

    /// Its path, safe for a terminal.
    pub(super) fn shown(&self) -> String {
        Printable(self.local.as_os_str().as_bytes()).to_string()
    }
}
