//! A short file as an anonymous temporary (`O_TMPFILE`): it has no name until it gets its own.
//!
//! It costs half as much as a part, which is created, locked and renamed, and a crash leaves nothing behind. File systems
//! without `O_TMPFILE` use a part.

use std::fs::File;
use std::io::Write as _;
use std::time::SystemTime;

use rustix::fs::fsync;
use rustix::io::Errno;

use super::access::NEW_FILE;
use super::part::{date, take_place};
use super::part_name::{self, Notes};
use super::spot::Spot;
use crate::client::error::ClientError;
use crate::durable::name::{anonymous_file, link};

/// A complete file without a name. It disappears when it is dropped.
#[derive(Debug)]
pub(super) struct AnonymousFile {
    file: File,
    spot: Spot,
}

impl AnonymousFile {
    /// Writes the content to an anonymous file, and removes a part of an earlier run. `None` if the file system has no
    /// anonymous files.
    pub(super) fn write(spot: &Spot, content: &[u8]) -> Result<Option<Self>, ClientError> {
        part_name::in_turn(|| part_name::vacate(spot), part_name::pause)?;
        let Some(mut file) = anonymous_file(&spot.dir, NEW_FILE) else { return Ok(None) };
        let spot = spot.clone();
        file.write_all(content).map_err(|error| failed(&spot, error))?;
        Ok(Some(Self { file, spot }))
    }

    /// Its place.
    pub(super) fn spot(&self) -> &Spot {
        &self.spot
    }

    /// Sets the server's time, if it is known, and the download record.
    pub(super) fn date(&self, modified: Option<SystemTime>) -> Result<(), ClientError> {
        date(&self.file, &self.spot, modified).map_err(|error| failed(&self.spot, error))
    }

    /// Syncs its content.
    pub(super) fn sync(&self) -> Result<(), ClientError> {
        fsync(&self.file).map_err(|error| failed(&self.spot, error.into()))
    }

    /// Gives the file its name. An existing file is replaced, through a part's name, if that is allowed.
    pub(super) fn appear(&self) -> Result<(), ClientError> {
        if self.spot.may_be_taken()? {
            return part_name::in_turn(|| self.replace(), part_name::pause);
        }
        match link(&self.file, &self.spot.dir, &self.spot.name) {
            Err(Errno::EXIST) => Err(ClientError::Exists(self.spot.path.clone())),
            other => other.map_err(|error| failed(&self.spot, error.into())),
        }
    }

    fn replace(&self) -> Result<(), ClientError> {
        let part = part_name::free(&self.spot)?;
        part.announce(&self.file, &Notes::new(&self.spot.from, None, None))?;
        // Another program would consider an unlocked part abandoned, and replace it.
        if !part_name::lock(&self.file) {
            return Err(ClientError::Busy(self.spot.path.clone()));
        }
        match link(&self.file, &part.dir, &part.part) {
            Ok(()) => take_place(&part, &self.spot).inspect_err(|_| part.clear(&self.file)),
            Err(error) => {
                part.remove_notes();
                // Another program has created a file of this name.
                let is_taken = error == Errno::EXIST;
                Err(if is_taken {
                    ClientError::Busy(self.spot.path.clone())
                } else {
                    failed(&self.spot, error.into())
                })
            }
        }
    }
}

fn failed(spot: &Spot, error: std::io::Error) -> ClientError {
    ClientError::Local("write", spot.path.clone(), error)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::client::fetch::downloads::Downloads;
    use crate::client::fetch::part::tests::names;

    fn spot(folder: &Path) -> Spot {
        let downloads = Downloads::at(folder).replacing(true);
        downloads.make(Path::new("a"), &"http://h/a".into()).expect("a place")
    }

    /// A written file; `None` on a file system without `O_TMPFILE`, where there is nothing to test.
    fn written(folder: &Path) -> Option<AnonymousFile> {
        AnonymousFile::write(&spot(folder), b"new").expect("written")
    }

    #[test]
    fn it_is_invisible_until_it_has_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let Some(file) = written(folder.path()) else { return };
        assert!(names(folder.path()).is_empty());
        file.appear().expect("named");
        assert_eq!(fs::read(folder.path().join("a")).expect("there"), b"new");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_dropped_file_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(written(folder.path()));
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn an_existing_file_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), "old and longer").expect("written");
        let Some(file) = written(folder.path()) else { return };
        file.appear().expect("named");
        assert_eq!(fs::read(folder.path().join("a")).expect("there"), b"new");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_file_created_meanwhile_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let Some(file) = written(folder.path()) else { return };
        symlink("elsewhere", folder.path().join("a")).expect("linked");
        assert!(matches!(file.appear(), Err(ClientError::Occupied(_))));
        assert_eq!(names(folder.path()), ["a"]);
        assert_eq!(fs::read_link(folder.path().join("a")).expect("a link"), Path::new("elsewhere"));
        fs::remove_file(folder.path().join("a")).expect("removed");
        fs::write(folder.path().join("a"), "another's").expect("written");
        let careful = Downloads::at(folder.path());
        let spot = careful.make(Path::new("a"), &"http://h/a".into()).expect("a place");
        let file = AnonymousFile::write(&spot, b"new").expect("written").expect("supported");
        assert!(matches!(file.appear(), Err(ClientError::Exists(_))));
        assert_eq!(fs::read(folder.path().join("a")).expect("there"), b"another's");
    }

    #[test]
    fn other_files_with_names_of_parts_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a", "a.part", "a.1.part.from"] {
            fs::write(folder.path().join(name), name).expect("written");
        }
        let Some(file) = written(folder.path()) else { return };
        file.appear().expect("named");
        assert_eq!(fs::read(folder.path().join("a")).expect("there"), b"new");
        assert_eq!(names(folder.path()), ["a", "a.1.part.from", "a.part"]);
        assert_eq!(fs::read(folder.path().join("a.part")).expect("there"), b"a.part");
    }
}
