//! Empty files that stand for files that are yet to be saved.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::error::Error;
use super::facts::{Facts, FileVersion};
use super::set_aside::SetAside;
use super::{Folder, root, stale};
use crate::access::{Grant, ToWrite};
use crate::blocking::Blocking;
use crate::path::SharePath;

impl Folder {
    /// Creates an empty file with a free name. It need not be durable, because nothing is lost with it. Fails as
    /// [`Folder::receive`] does; with [`Changed`](Error::Changed) if something has the name.
    pub fn make_empty(&self, grant: &Grant<'_, ToWrite>, _: Blocking<'_>) -> Result<Facts, Error> {
        let shared = self.source.current();
        let _commits = shared.commits.within_process();
        stale::retry(|| {
            let place = shared.find_place(grant, Some(0))?;
            if !place.has_directory() {
                return Err(Error::NoParent);
            }
            let dir = place.nearest();
            shared.reserve.admit(Some(0), dir)?;
            place.confirm(&shared.root, dir)?;
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            // The kernel applies the umask, or the directory's default list.
            let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
            let file = match fs::openat(&**dir, place.name().as_bytes(), flags, mode) {
                Err(Errno::EXIST) => return Err(Error::Changed),
                opened => opened?,
            };
            shared.properties_ended(grant.path(), false);
            Ok(shared.root.facts(&fs::fstat(file)?))
        })
    }

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
