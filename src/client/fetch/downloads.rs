//! The directory for downloads: under which name a file is kept there, and that no name leads out of it.
//!
//! The path of a file on its server becomes a path below the directory, segment by segment, and is then only ever
//! opened beneath the directory's handle (cap-std): no spelling, and no link on the way, leads out. Nothing is made
//! before there is something to put into it.
//!
//! This file knows nothing of servers and of what is in a file.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::hash::{Hash as _, Hasher as _};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;

use crate::client::error::Error;
use crate::http::target::Target;

/// What a directory's answer is saved as: it is the directory's page.
pub(in crate::client) const DIRECTORY_PAGE: &str = "index.html";

/// What is added to the name of a file that is not complete yet.
const PART: &str = ".part";

/// What is added to that for the notes about it.
const NOTES: &str = ".from";

/// The longest name that file systems take, in bytes.
const LONGEST_NAME: usize = 255;

/// How many directories are kept open: trees may have more of them than a process may open files.
const MOST_OPEN: usize = 64;

/// The directory for downloads. It is made with the first file that comes.
#[derive(Debug)]
pub struct Downloads {
    root: PathBuf,
    /// The directories that have been opened, by their path below the root.
    open: Mutex<HashMap<PathBuf, Arc<Dir>>>,
}

/// The place of one file: its directory is open.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) dir: Arc<Dir>,
    pub(super) name: OsString,
    /// Its whole path, for people.
    pub(super) path: PathBuf,
}

impl Downloads {
    /// The directory of this path.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), open: Mutex::default() }
    }

    /// The whole path of something below it.
    pub fn path(&self, local: &Path) -> PathBuf {
        self.root.join(local)
    }

    /// The place of a file, if its directory is there.
    pub(super) fn find(&self, local: &Path) -> Result<Option<Spot>, Error> {
        self.spot(local, |root, parent| {
            let below =
                |root: Dir| if parent.as_os_str().is_empty() { Ok(root) } else { root.open_dir(parent) };
            let found = root().and_then(below);
            match found {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    Ok(None)
                }
                other => other.map(Some),
            }
        })
    }

    /// The place of a file, whose directory is made if need be.
    pub(super) fn make(&self, local: &Path) -> Result<Spot, Error> {
        let made = self.spot(local, |root, parent| {
            std::fs::create_dir_all(&self.root)?;
            let root = root()?;
            if parent.as_os_str().is_empty() {
                return Ok(Some(root));
            }
            match root.open_dir(parent) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    root.create_dir_all(parent)?;
                    root.open_dir(parent).map(Some)
                }
                other => other.map(Some),
            }
        });
        made.and_then(|spot| spot.ok_or_else(|| Error::Outside(local.display().to_string())))
    }

    fn spot(
        &self,
        local: &Path,
        open: impl FnOnce(&dyn Fn() -> io::Result<Dir>, &Path) -> io::Result<Option<Dir>>,
    ) -> Result<Option<Spot>, Error> {
        let outside = || Error::Outside(local.display().to_string());
        let name = local.file_name().ok_or_else(outside)?;
        let parent = local.parent().unwrap_or(Path::new(""));
        let path = self.path(local);
        let mut opened = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = opened.get(parent) {
            return Ok(Some(Spot { dir: Arc::clone(dir), name: name.to_owned(), path }));
        }
        let root = || Dir::open_ambient_dir(&self.root, ambient_authority());
        match open(&root, parent) {
            Ok(None) => Ok(None),
            Ok(Some(dir)) => {
                let dir = Arc::new(dir);
                if opened.len() >= MOST_OPEN {
                    opened.clear();
                }
                opened.insert(parent.to_owned(), Arc::clone(&dir));
                Ok(Some(Spot { dir, name: name.to_owned(), path }))
            }
            Err(error) if leads_out(&error) => Err(outside()),
            Err(error) => Err(Error::Local("make", self.path(parent), error)),
        }
    }
}

/// How cap-std says that a path leads out: an error of its own, without the system's number.
fn leads_out(error: &io::Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

impl Spot {
    /// The name of its part.
    pub(super) fn part(&self) -> OsString {
        part_name(&self.name)
    }

    /// The name of the notes about its part.
    pub(super) fn notes(&self) -> OsString {
        notes_name(&self.name)
    }

    /// The facts of the regular file that is there. Something else that is there is in the way: a link is not followed,
    /// and a directory not replaced.
    pub(super) fn look(&self) -> Result<Option<Stat>, Error> {
        match rustix::fs::statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::Local("look at", self.path.clone(), error.into())),
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Ok(Some(stat)),
            Ok(_) => Err(Error::Occupied(self.path.clone())),
        }
    }

    /// Removes a file beside it; that it is not there, or cannot be removed, does no harm.
    pub(super) fn remove(&self, name: &OsStr) {
        // Mostly it is not there. To look costs little, and to remove shuts the directory to all others meanwhile.
        if rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            let _ = rustix::fs::unlinkat(&self.dir, name, AtFlags::empty());
        }
    }
}

/// The names that fetching to `local` uses: no two downloads may share one.
pub(super) fn names(local: &Path) -> [PathBuf; 3] {
    let name = local.file_name().unwrap_or_default();
    [local.to_owned(), local.with_file_name(part_name(name)), local.with_file_name(notes_name(name))]
}

fn part_name(name: &OsStr) -> OsString {
    with_end(name, PART)
}

fn notes_name(name: &OsStr) -> OsString {
    with_end(name, &[PART, NOTES].concat())
}

/// A name with something behind it. One that would be too long is cut, and told apart by a hash of the whole.
fn with_end(name: &OsStr, end: &str) -> OsString {
    let bytes = name.as_bytes();
    let mut longer = if bytes.len() + PART.len() + NOTES.len() <= LONGEST_NAME {
        name.to_owned()
    } else {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let hash = format!("~{:016x}", hasher.finish());
        let kept = LONGEST_NAME - PART.len() - NOTES.len() - hash.len();
        let mut cut = OsStr::from_bytes(bytes.get(..kept).unwrap_or(bytes)).to_owned();
        cut.push(hash);
        cut
    };
    longer.push(end);
    longer
}

/// The path under which a target is saved, below the directory for downloads and never beside it.
pub(in crate::client) fn local_path(target: &str) -> Result<PathBuf, Error> {
    let Some(path) = Target::parse(target)?.path() else { return Err(Error::Outside(target.to_owned())) };
    let mut local = PathBuf::new();
    for segment in path.segments() {
        match &*segment? {
            b"" => {}
            b"." | b".." => return Err(Error::Outside(target.to_owned())),
            name => local.push(OsStr::from_bytes(name)),
        }
    }
    if path.ends_with_slash() || local.as_os_str().is_empty() {
        local.push(DIRECTORY_PAGE);
    }
    Ok(local)
}

/// The length and time of a local file, as a server tells them: in whole seconds.
pub(super) fn facts(stat: &Stat) -> (u64, std::time::SystemTime) {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let modified = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    (u64::try_from(stat.st_size).unwrap_or(0), modified)
}

/// Whether what was opened is a regular file.
pub(super) fn is_regular(metadata: &Metadata) -> bool {
    metadata.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_names_of_a_download() {
        let [file, part, notes] = names(Path::new("d/a.txt"));
        assert_eq!((file.as_path(), part.as_path()), (Path::new("d/a.txt"), Path::new("d/a.txt.part")));
        assert_eq!(notes, Path::new("d/a.txt.part.from"));
        let long = "x".repeat(LONGEST_NAME);
        let [_, part, notes] = names(Path::new(&long));
        assert!(part.as_os_str().len() <= LONGEST_NAME && notes.as_os_str().len() == LONGEST_NAME);
        let [_, other, _] = names(Path::new(&format!("{}y", "x".repeat(LONGEST_NAME - 1))));
        assert_ne!(part, other);
    }

    #[test]
    fn nothing_is_made_before_it_is_needed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("downloads");
        let downloads = Downloads::at(&root);
        assert!(downloads.find(Path::new("a/b")).expect("nothing").is_none());
        assert!(!root.exists());
        let spot = downloads.make(Path::new("a/b")).expect("made");
        assert_eq!(spot.path, root.join("a/b"));
        assert!(root.join("a").is_dir());
        assert!(downloads.find(Path::new("a/c")).expect("there").is_some());
    }

    #[test]
    fn no_link_leads_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
        fs::create_dir_all(root.join("inside")).and_then(|()| fs::create_dir_all(&outside)).expect("made");
        symlink(&outside, root.join("d")).expect("linked");
        symlink("inside", root.join("e")).expect("linked");
        symlink(outside.join("f"), root.join("f")).expect("linked");
        let downloads = Downloads::at(&root);
        for local in ["d/a", "d/a/b"] {
            let made = downloads.make(Path::new(local));
            assert!(matches!(made, Err(Error::Outside(_))), "{local}: {made:?}");
            assert!(matches!(downloads.find(Path::new(local)), Err(Error::Outside(_))), "{local}");
        }
        assert!(downloads.make(Path::new("e/a")).is_ok(), "a link that stays inside is one");
        let occupied = downloads.make(Path::new("f")).expect("a place").look();
        assert!(matches!(occupied, Err(Error::Occupied(_))), "{occupied:?}");
        assert_eq!(fs::read_dir(outside).expect("a folder").count(), 0);
    }
}
