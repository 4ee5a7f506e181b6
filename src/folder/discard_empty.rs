//! Removes an empty file that stands for one that was never saved.

use std::sync::Arc;

use rustix::fs::{self, AtFlags, FileType, Stat};

use super::error::Error;
use super::facts::FileVersion;
use super::set_aside::SetAside;
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
            let dir = Arc::new(shared.root.directory_for_server(&parent)?);
            root::refresh(&*dir, name)?;
            let stat = root::look_in(&*dir, name)?;
            if shared.root.facts(&stat).version != version || !is_empty_file(&stat) {
                return Err(Error::Changed);
            }
            // Another server may save a file there at this moment.
            let aside = SetAside::take(&dir, name)?;
            let taken = root::look_in(aside.dir(), name)?;
            if taken.st_ino == stat.st_ino && is_empty_file(&taken) {
                fs::unlinkat(aside.dir(), name, AtFlags::empty())?;
            } else {
                aside.put_back()?;
                return Err(Error::Changed);
            }
            shared.properties_ended(path, false);
            Ok(())
        })
    }
}

fn is_empty_file(stat: &Stat) -> bool {
    root::file_type(stat) == FileType::RegularFile && stat.st_size == 0
}
