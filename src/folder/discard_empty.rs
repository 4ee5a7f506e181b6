//! Removes an empty file that stands for one that was never saved.

use rustix::fs::{self, AtFlags, FileType};

use super::error::Error;
use super::facts::FileVersion;
use super::place::Place;
use super::{Folder, root, stale};
use crate::access::{Grant, ToWrite};
use crate::blocking::Blocking;

impl Folder {
    /// Removes the empty file at the path of the grant, if it is still this version. Nothing of it goes into the trash.
    pub fn discard_empty(
        &self,
        grant: &Grant<'_, ToWrite>,
        version: FileVersion,
        _: Blocking<'_>,
    ) -> Result<(), Error> {
        let shared = self.source.current();
        shared.may_change()?;
        let _commits = shared.commits.across_servers(&shared.root)?;
        stale::retry(|| {
            let (place, _) = Place::find(&shared.root, grant)?;
            if !place.has_directory() {
                return Err(Error::NotFound);
            }
            let stat = root::look_in(&**place.nearest(), place.name())?;
            let facts = shared.root.facts(&stat);
            if root::file_type(&stat) != FileType::RegularFile || facts.len > 0 || facts.version != version {
                return Err(Error::Changed);
            }
            Ok(fs::unlinkat(&**place.nearest(), place.name(), AtFlags::empty())?)
        })
    }
}
