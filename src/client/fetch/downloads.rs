//! The directory for downloads, which no name and no symlink can escape.
//!
//! The path of a file on its server becomes a path below the directory, segment by segment. It is only opened through the
//! directory's handle (cap-std). Directories are created when the first file needs them,
//! or by themselves if they are empty.
//!
//! An existing file is replaced only on request, or if it is an unchanged download of the same address (`record`).
//!
//! Knows nothing of servers and of the content of files.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::claims::ClaimedNames;
use super::spot::Spot;
use crate::client::error::ClientError;
use crate::client::link_path::link_of;
use crate::durable::made::Made;
use crate::http::target::Target;

/// The name under which the page of a directory is saved.
pub(in crate::client) const DIRECTORY_PAGE: &str = "index.html";

/// How many directories are kept open: a tree may have more of them than a process may open.
const MOST_OPEN: usize = 64;

/// The directory for downloads. It is created for the first file.
#[derive(Debug)]
pub struct Downloads {
    root: PathBuf,
    /// Whether every existing file may be replaced, or only an unchanged download of the same address.
    replace: bool,
    /// Open directories, by their path below the root.
    open: Mutex<HashMap<PathBuf, Arc<Dir>>>,
    /// Directories that were created.
    pub(super) made: Made,
    claims: Arc<ClaimedNames>,
}

impl Downloads {
    /// The directory at this path.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            replace: false,
            open: Mutex::default(),
            made: Made::default(),
            claims: Arc::default(),
        }
    }

    /// The same directory; `replace` says whether any file may be replaced.
    #[must_use]
    pub fn replacing(self, replace: bool) -> Self {
        Self { replace, ..self }
    }

    /// Takes a name for an order. Fails if another order has it.
    pub(super) fn claim(&self, number: usize, local: &Path) -> Result<(), ClientError> {
        if self.claims.claim(number, local) { Ok(()) } else { Err(ClientError::Collision(self.path(local))) }
    }

    /// The path of a file, with the directory's own.
    pub fn path(&self, local: &Path) -> PathBuf {
        self.root.join(local)
    }

    /// The place of a download of this address, if its directory exists.
    pub(super) fn find(&self, local: &Path, from: &Arc<str>) -> Result<Option<Spot>, ClientError> {
        self.spot(local, from, |root, parent| {
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

    /// The place of a download of this address. Its directory is created if necessary.
    pub(super) fn make(&self, local: &Path, from: &Arc<str>) -> Result<Spot, ClientError> {
        let made = self.spot(local, from, |root, parent| {
            let is_missing = |error: &io::Error| error.kind() == ErrorKind::NotFound;
            let root = match root() {
                Err(error) if is_missing(&error) => {
                    self.make_each(&self.root, Path::new(""), |dir| std::fs::create_dir(dir))?;
                    root()?
                }
                other => other?,
            };
            if parent.as_os_str().is_empty() {
                return Ok(Some(root));
            }
            match root.open_dir(parent) {
                Err(error) if is_missing(&error) => {
                    self.make_each(parent, &self.root, |dir| root.create_dir(dir))?;
                    root.open_dir(parent).map(Some)
                }
                other => other.map(Some),
            }
        });
        made.and_then(|spot| spot.ok_or_else(|| ClientError::Outside(local.display().to_string())))
    }

    /// Creates the directory of this target, which ends in a slash, if it is missing. Returns its path, and whether it
    /// was missing.
    pub(super) fn make_directory(&self, target: &str) -> Result<(PathBuf, bool), ClientError> {
        let (page, from) = (local_path(target)?, Arc::from(""));
        let is_new = self.find(&page, &from)?.is_none();
        self.make(&page, &from)?;
        let path = self.path(page.parent().unwrap_or(Path::new("")));
        Ok((path, is_new))
    }

    /// Creates the missing directories of a path, and remembers each as a path below `above`.
    fn make_each(&self, path: &Path, above: &Path, make: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
        let mut each: Vec<&Path> = path.ancestors().filter(|dir| !dir.as_os_str().is_empty()).collect();
        each.reverse();
        for dir in each {
            match make(dir) {
                Ok(()) => self.made.add(&above.join(dir)),
                // If it is not a directory, opening it fails.
                Err(error) if above.join(dir).exists() || error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn spot(
        &self,
        local: &Path,
        from: &Arc<str>,
        open: impl FnOnce(&dyn Fn() -> io::Result<Dir>, &Path) -> io::Result<Option<Dir>>,
    ) -> Result<Option<Spot>, ClientError> {
        let outside = || ClientError::Outside(local.display().to_string());
        let name = local.file_name().ok_or_else(outside)?;
        let parent = local.parent().unwrap_or(Path::new(""));
        let spot = |dir: &Arc<Dir>| Spot {
            dir: Arc::clone(dir),
            name: name.to_owned(),
            path: self.path(local),
            from: Arc::clone(from),
            replace: self.replace,
            local: local.to_owned(),
            claims: Arc::clone(&self.claims),
        };
        let mut opened = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = opened.get(parent) {
            return Ok(Some(spot(dir)));
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
                Ok(Some(spot(&dir)))
            }
            Err(error) if leads_out(&error) => Err(outside()),
            Err(error) => Err(ClientError::Local("create", self.path(parent), error)),
        }
    }
}

/// Whether this is cap-std's error for a path that escapes: it has no errno.
fn leads_out(error: &io::Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

/// The path under which a target is saved, always below the directory for downloads.
pub(in crate::client) fn local_path(target: &str) -> Result<PathBuf, ClientError> {
    // Below a link, the path of the link is left out of the name, because it is a secret.
    let below = link_of(target).map_or(target, |link| target.get(link.len()..).unwrap_or_default());
    let shown = if below.starts_with('/') { below.to_owned() } else { format!("/{below}") };
    let Some(path) = Target::parse(&shown)?.path() else {
        return Err(ClientError::Outside(target.to_owned()));
    };
    let mut local = PathBuf::new();
    for segment in path.names() {
        match &*segment? {
            b"" => {}
            b"." | b".." => return Err(ClientError::Outside(target.to_owned())),
            name => local.push(OsStr::from_bytes(name)),
        }
    }
    if path.ends_with_slash() || local.as_os_str().is_empty() {
        local.push(DIRECTORY_PAGE);
    }
    Ok(local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::fetch::part_name::PartName;
    use std::fs;
    use std::os::unix::fs::symlink;

    const FROM: &str = "http://h/a";

    fn from() -> Arc<str> {
        Arc::from(FROM)
    }

    fn names(parts: &[PartName]) -> Vec<String> {
        parts.iter().map(|part| part.part.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_part_does_not_take_the_name_of_another_download() {
        let folder = tempfile::tempdir().expect("a folder");
        let downloads = Downloads::at(folder.path());
        downloads.claim(0, Path::new("a")).expect("free");
        let spot = downloads.make(Path::new("a"), &from()).expect("a place");
        assert_eq!(names(&PartName::all(&spot)), ["a.part", "a.1.part", "a.2.part", "a.3.part"]);
        downloads.claim(1, Path::new("a.part")).expect("free");
        downloads.claim(2, Path::new("a.2.part.from")).expect("free");
        assert_eq!(names(&PartName::all(&spot)), ["a.1.part", "a.3.part"]);
        assert!(matches!(downloads.claim(3, Path::new("a")), Err(ClientError::Collision(_))));
    }

    #[test]
    fn directories_are_created_when_needed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("downloads");
        let downloads = Downloads::at(&root);
        assert!(downloads.find(Path::new("a/b"), &from()).expect("nothing").is_none());
        assert!(!root.exists());
        let spot = downloads.make(Path::new("a/b"), &from()).expect("made");
        assert_eq!(spot.path, root.join("a/b"));
        assert!(root.join("a").is_dir());
        assert!(downloads.find(Path::new("a/c"), &from()).expect("there").is_some());
    }

    #[test]
    fn no_symlink_escapes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
        fs::create_dir_all(root.join("inside")).and_then(|()| fs::create_dir_all(&outside)).expect("made");
        symlink(&outside, root.join("d")).expect("linked");
        symlink("inside", root.join("e")).expect("linked");
        symlink(outside.join("f"), root.join("f")).expect("linked");
        let downloads = Downloads::at(&root);
        for local in ["d/a", "d/a/b"] {
            let made = downloads.make(Path::new(local), &from());
            assert!(matches!(made, Err(ClientError::Outside(_))), "{local}: {made:?}");
            assert!(
                matches!(downloads.find(Path::new(local), &from()), Err(ClientError::Outside(_))),
                "{local}"
            );
        }
        assert!(downloads.make(Path::new("e/a"), &from()).is_ok(), "a symlink that stays inside is followed");
        let occupied = downloads.make(Path::new("f"), &from()).expect("a place").look();
        assert!(matches!(occupied, Err(ClientError::Occupied(_))), "{occupied:?}");
        assert_eq!(fs::read_dir(outside).expect("a folder").count(), 0);
    }
}
