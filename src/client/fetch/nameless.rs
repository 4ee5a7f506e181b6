//! A short file on the disk that has no name before its own (`O_TMPFILE`).
//!
//! It costs half of what a part costs that is made, locked and renamed, and a crash leaves nothing of it. Not every file
//! system can do this; where it cannot, there is a part.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::sync::LazyLock;
use std::time::SystemTime;

use rustix::fs::{Access, AtFlags, CWD, OFlags, access, fsync, linkat, openat, statat};
use rustix::io::Errno;

use super::downloads::Spot;
use super::part::{MODE, take_place};
use crate::client::error::Error;

/// Where the system shows this process's open files: a file gets its name by way of it.
const OPEN_FILES: &str = "/proc/self/fd";

/// Whether it does show them.
static SHOWS_FILES: LazyLock<bool> = LazyLock::new(|| access(OPEN_FILES, Access::EXISTS).is_ok());

/// A file that is whole, and has no name yet. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct Nameless {
    file: File,
    spot: Spot,
}

impl Nameless {
    /// Writes one. `None` where the file system cannot, or where an earlier run has left a part, which is to be used up.
    pub(super) fn write(spot: &Spot, content: &[u8]) -> Result<Option<Self>, Error> {
        let is_left = statat(&spot.dir, spot.part(), AtFlags::SYMLINK_NOFOLLOW).is_ok();
        if is_left || !*SHOWS_FILES {
            return Ok(None);
        }
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        // Whatever the reason, making a part tells whether it is a real one.
        let Ok(file) = openat(&spot.dir, ".", flags, MODE) else { return Ok(None) };
        let (mut file, spot) = (File::from(file), spot.clone());
        file.write_all(content).map_err(|error| failed(&spot, error))?;
        Ok(Some(Self { file, spot }))
    }

    /// Where it will be.
    pub(super) fn spot(&self) -> &Spot {
        &self.spot
    }

    /// Gives it the server's time.
    pub(super) fn date(&self, modified: SystemTime) -> Result<(), Error> {
        self.file.set_modified(modified).map_err(|error| failed(&self.spot, error))
    }

    /// Puts what was written on the disk.
    pub(super) fn sync(&self) -> Result<(), Error> {
        fsync(&self.file).map_err(|error| failed(&self.spot, error.into()))
    }

    /// Gives it its name. Where a file has that, it is replaced: by way of the part's name.
    pub(super) fn appear(&self) -> Result<(), Error> {
        let named = match self.link(&self.spot.name) {
            Err(Errno::EXIST) => self.link(&self.spot.part()),
            other => return other.map_err(|error| failed(&self.spot, error.into())),
        };
        match named {
            Ok(()) => take_place(&self.spot).inspect_err(|_| self.spot.remove(&self.spot.part())),
            Err(Errno::EXIST) => Err(Error::Busy(self.spot.path.clone())),
            Err(error) => Err(failed(&self.spot, error.into())),
        }
    }

    fn link(&self, name: &OsStr) -> Result<(), Errno> {
        let file = format!("{OPEN_FILES}/{}", self.file.as_raw_fd());
        linkat(CWD, file, &self.spot.dir, name, AtFlags::SYMLINK_FOLLOW)
    }
}

fn failed(spot: &Spot, error: std::io::Error) -> Error {
    Error::Local("write", spot.path.clone(), error)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::client::fetch::downloads::Downloads;

    fn spot(folder: &Path) -> Spot {
        Downloads::at(folder).make(Path::new("a")).expect("a place")
    }

    /// One that is written; `None` on a file system that knows no such files, where there is nothing to be tried.
    fn written(folder: &Path) -> Option<Nameless> {
        Nameless::write(&spot(folder), b"new").expect("written")
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).expect("a folder").flatten();
        names.map(|entry| entry.file_name().into_string().expect("text")).collect()
    }

    #[test]
    fn nobody_sees_it_before_it_has_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let Some(file) = written(folder.path()) else { return };
        assert!(names(folder.path()).is_empty());
        file.appear().expect("named");
        assert_eq!(fs::read(folder.path().join("a")).expect("there"), b"new");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(written(folder.path()));
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_that_is_there_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), "old and longer").expect("written");
        let Some(file) = written(folder.path()) else { return };
        file.appear().expect("named");
        assert_eq!(fs::read(folder.path().join("a")).expect("there"), b"new");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_link_that_came_meanwhile_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let Some(file) = written(folder.path()) else { return };
        symlink("elsewhere", folder.path().join("a")).expect("linked");
        assert!(matches!(file.appear(), Err(Error::Occupied(_))));
        assert_eq!(names(folder.path()), ["a"]);
        assert_eq!(fs::read_link(folder.path().join("a")).expect("a link"), Path::new("elsewhere"));
    }

    #[test]
    fn a_part_is_left_to_whom_it_belongs() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), "old").expect("written");
        let Some(file) = written(folder.path()) else { return };
        fs::write(folder.path().join("a.part"), "another's").expect("written");
        assert!(matches!(file.appear(), Err(Error::Busy(_))));
        assert_eq!(fs::read(folder.path().join("a")).expect("there"), b"old");
        assert!(written(folder.path()).is_none(), "what is left is used up first");
    }
}
