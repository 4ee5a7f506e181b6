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
    /// Where it is.
    pub resource: Resource,
    /// Its address, as its part and its record note it.
    pub(super) from: Arc<str>,
    /// Its name below the directory for downloads.
    pub(super) local: PathBuf,
    /// Its length and time, where a listing has told them.
    pub(super) told: Option<(u64, SystemTime)>,
}

impl FetchOrder {
    /// A file that is kept under the path that it has on its server.
    pub fn of(resource: Resource) -> Result<Self, ClientError> {
        let local = downloads::local_path(&resource.target)?;
        Ok(Self::under(resource, local))
    }

    /// A file that is kept under this name, which must be one below the directory for downloads.
    pub fn under(resource: Resource, local: PathBuf) -> Self {
        Self { from: resource.to_string().into(), resource, local, told: None }
    }

    /// Its length in bytes, where a listing has told it.
    pub fn length(&self) -> Option<u64> {
        self.told.map(|(length, _)| length)
    }

    /// The same, with the length and time that a listing tells.
    #[must_use]
    pub fn told(self, length: u64, modified: SystemTime) -> Self {
        Self { told: Some((length, modified)), ..self }
    }

    /// Its name, safe for a terminal.
    pub(super) fn shown(&self) -> String {
        Printable(self.local.as_os_str().as_bytes()).to_string()
    }
}
