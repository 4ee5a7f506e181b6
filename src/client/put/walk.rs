//! Finds the files to upload: those in a directory, and their names on the server.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::order::PutOrder;
use crate::client::error::{ClientError, shown};
use crate::client::upload::default_parts;
use crate::client::walk::{DEEPEST, MOST_FILES};

/// How directories are walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkOptions {
    /// Whether directories are entered.
    pub recursive: bool,
    /// Whether symlinks in a directory are followed.
    pub follow: bool,
    /// Whether directories with no files in them are uploaded too.
    pub directories: bool,
}

/// Something in a directory that is not uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedFile {
    path: PathBuf,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Link,
    Missing,
    Loop,
    Special,
    Empty,
    TooDeep,
    TooMany,
}

/// A walk through a directory.
struct Walker<'a> {
    options: WalkOptions,
    orders: Vec<PutOrder>,
    skip: &'a mut dyn FnMut(SkippedFile) -> io::Result<()>,
    failed: io::Result<()>,
}

impl WalkOptions {
    /// The files of one argument. If the argument is a directory and `recursive` is set, these are the files in it;
    /// otherwise the argument itself, whether it exists or not. `skip` is called for everything in a directory that is
    /// not uploaded.
    pub fn find(
        self,
        typed: &str,
        skip: &mut dyn FnMut(SkippedFile) -> io::Result<()>,
    ) -> io::Result<Vec<Result<PutOrder, ClientError>>> {
        let (file, path) = (PathBuf::from(typed), default_parts(typed));
        let metadata = fs::metadata(&file).ok().filter(|it| self.recursive && it.is_dir());
        let Some(metadata) = metadata else {
            return Ok(vec![Ok(PutOrder { file, path, is_directory: false })]);
        };
        let mut walk = Walker { options: self, orders: Vec::new(), skip, failed: Ok(()) };
        let outcome = walk.enter(&file, &path, &mut vec![identity(&metadata)]);
        walk.failed?;
        let failure = outcome.err().map(|error| Err(ClientError::Local("read", file, error)));
        Ok(walk.orders.into_iter().map(Ok).chain(failure).collect())
    }
}

impl Walker<'_> {
    /// Visits a directory; `above` are its ancestors in the walk and itself.
    fn enter(&mut self, dir: &Path, path: &[u8], above: &mut Vec<(u64, u64)>) -> io::Result<()> {
        let mut entries = fs::read_dir(dir)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_unstable_by_key(fs::DirEntry::file_name);
        let (is_empty, before) = (entries.is_empty(), self.orders.len());
        for entry in entries {
            let file = entry.path();
            let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
            let path = [path, slash, entry.file_name().as_bytes()].concat();
            match self.look(&file) {
                Ok(metadata) if metadata.is_dir() => self.descend(&file, &path, &metadata, above)?,
                Ok(metadata) if !metadata.is_file() => self.skip(&file, Why::Special),
                Ok(_) => self.order(file, path, false),
                Err(why) => self.skip(&file, why),
            }
        }
        // A directory with files is created by their uploads.
        if self.orders.len() == before {
            if self.options.directories {
                self.order(dir.to_owned(), path.to_owned(), true);
            } else if is_empty {
                self.skip(dir, Why::Empty);
            }
        }
        Ok(())
    }

    fn order(&mut self, file: PathBuf, path: Vec<u8>, is_directory: bool) {
        if self.orders.len() >= MOST_FILES {
            self.skip(&file, Why::TooMany);
        } else {
            self.orders.push(PutOrder { file, path, is_directory });
        }
    }

    /// The metadata of an entry, or of a symlink's target if symlinks are followed.
    fn look(&self, file: &Path) -> Result<Metadata, Why> {
        let metadata = fs::symlink_metadata(file).map_err(|_| Why::Missing)?;
        match metadata.is_symlink() {
            false => Ok(metadata),
            true if self.options.follow => fs::metadata(file).map_err(|_| Why::Missing),
            true => Err(Why::Link),
        }
    }

    fn descend(
        &mut self,
        dir: &Path,
        path: &[u8],
        metadata: &Metadata,
        above: &mut Vec<(u64, u64)>,
    ) -> io::Result<()> {
        let identity = identity(metadata);
        if above.contains(&identity) {
            self.skip(dir, Why::Loop);
        } else if above.len() > DEEPEST {
            self.skip(dir, Why::TooDeep);
        } else {
            above.push(identity);
            self.enter(dir, path, above)?;
            above.pop();
        }
        Ok(())
    }

    fn skip(&mut self, path: &Path, why: Why) {
        if self.failed.is_ok() {
            self.failed = (self.skip)(SkippedFile { path: path.to_owned(), why });
        }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// `skipped a/b: a symlink (--follow follows it)`.
impl std::fmt::Display for SkippedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let why = match self.why {
            Why::Link => "a symlink (--follow follows it)",
            Why::Missing => "missing, or a broken symlink",
            Why::Loop => "the symlink leads to a parent directory",
            Why::Special => "not a regular file",
            Why::Empty => "empty directory, which TFTP cannot create",
            Why::TooDeep => "nested too deeply",
            Why::TooMany => "too many files for one command",
        };
        write!(f, "skipped {}: {why}", shown(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// The files found, by path on the server, and what is skipped.
    fn find(options: WalkOptions, typed: &Path) -> (Vec<String>, Vec<String>) {
        let mut skipped = Vec::new();
        let found = options.find(typed.to_str().expect("text"), &mut |it| {
            let name = it.path.file_name().map(|name| name.to_string_lossy().into_owned());
            skipped.push(format!("{}: {:?}", name.unwrap_or_default(), it.why));
            Ok(())
        });
        let path = |order: Result<PutOrder, ClientError>| {
            String::from_utf8_lossy(&order.expect("readable").path).into_owned()
        };
        (found.expect("found").into_iter().map(path).collect(), skipped)
    }

    #[test]
    fn a_directory_stands_for_its_files() {
        let place = tempfile::tempdir().expect("a folder");
        let top = place.path().join("top");
        fs::create_dir_all(top.join("sub/empty")).expect("made");
        fs::write(top.join("b"), "b").expect("written");
        fs::write(top.join("sub/a b"), "a").expect("written");
        fs::write(place.path().join("outside"), "x").expect("written");
        symlink("../outside", top.join("link")).expect("linked");
        symlink("..", top.join("sub/up")).expect("linked");
        symlink("nothing", top.join("dangling")).expect("linked");
        let listener = std::os::unix::net::UnixListener::bind(top.join("socket")).expect("a socket");
        let tree = WalkOptions { recursive: true, follow: true, directories: false };
        let (found, skipped) = find(WalkOptions { follow: false, ..tree }, &top);
        assert_eq!(found, ["top/b", "top/sub/a b"]);
        let links = ["dangling: Link", "link: Link", "socket: Special", "empty: Empty", "up: Link"];
        assert_eq!(skipped, links);
        let (found, skipped) = find(tree, &top);
        assert_eq!(found, ["top/b", "top/link", "top/sub/a b"]);
        assert_eq!(skipped, ["dangling: Missing", "socket: Special", "empty: Empty", "up: Loop"]);
        let (found, skipped) = find(WalkOptions { recursive: false, ..tree }, &top);
        assert_eq!(
            (found, skipped.len()),
            (vec!["top".to_owned()], 0),
            "without recursive it is a file name"
        );
        drop(listener);
    }

    #[test]
    fn a_directory_without_files_is_uploaded_by_itself() {
        let place = tempfile::tempdir().expect("a folder");
        let top = place.path().join("top");
        for directory in ["empty", "deep/er/empty", "full/empty", "links"] {
            fs::create_dir_all(top.join(directory)).expect("made");
        }
        fs::write(top.join("full/a"), "a").expect("written");
        symlink("../full", top.join("links/link")).expect("linked");
        let tree = WalkOptions { recursive: true, follow: false, directories: true };
        let found = tree.find(top.to_str().expect("text"), &mut |_| Ok(())).expect("found");
        let found: Vec<_> = found
            .into_iter()
            .map(|order| order.expect("readable"))
            .map(|order| (String::from_utf8_lossy(&order.path).into_owned(), order.is_directory))
            .collect();
        let expected = [
            ("top/deep/er/empty", true),
            ("top/empty", true),
            ("top/full/a", false),
            ("top/full/empty", true),
            ("top/links", true),
        ];
        assert_eq!(found, expected.map(|(path, is_directory)| (path.to_owned(), is_directory)));
        let (found, skipped) = find(tree, &top.join("empty"));
        assert_eq!((found, skipped.len()), (vec!["empty".to_owned()], 0));
    }
}
