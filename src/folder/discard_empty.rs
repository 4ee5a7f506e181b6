//! Removes an empty file that stands for one that was never saved.

use rustix::fs::{self, AtFlags, FileType};

use super::error::Error;
use super::facts::FileVersion;
use super::{Folder, root, stale};
use crate::blocking::Blocking;
use crate::path::SharePath;

impl Folder {
    /// Removes the empty file that the server has made at this path, if it is still this version. The path has no links.
    /// Nothing of the file goes into the trash.
    pub fn discard_empty(
        &self,
        path: &SharePath,
        version: FileVersion,
        _: Blocking<'_>,
    ) -> Result<(), Error> {
        let shared = self.source.current();
        shared.may_change()?;
        let _commits = shared.commits.across_servers(&shared.root)?;
        stale::retry(|| {
            let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
                return Err(Error::NotFound);
            };
            let dir = shared.root.directory_for_server(&parent)?;
            let stat = root::look_in(&dir, name)?;
            let facts = shared.root.facts(&stat);
            if root::file_type(&stat) != FileType::RegularFile || facts.len > 0 || facts.version != version {
                return Err(Error::Changed);
            }
            Ok(fs::unlinkat(&dir, name, AtFlags::empty())?)
        })
    }
}
