//! Creates directories that are empty on the server. Like files, they are on the disk when they are reported.

use std::fmt;
use std::path::PathBuf;

use super::downloads::Downloads;
use crate::client::error::{ClientError, shown};

/// A local directory that exists now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalDirectory {
    path: PathBuf,
    is_new: bool,
}

/// Creates the directories of these targets, each of which ends in a slash. With `sync`, the new ones are on the disk when
/// this returns.
pub fn make_directories(
    targets: Vec<String>,
    downloads: &Downloads,
    sync: bool,
) -> Vec<(String, Result<LocalDirectory, ClientError>)> {
    let made: Vec<_> = targets.iter().map(|target| downloads.make_directory(target)).collect();
    if sync {
        downloads.made.sync();
    }
    let synced = |(path, is_new): (PathBuf, bool)| match downloads.made.failed_above(&path) {
        Some((above, error)) => Err(ClientError::Local("sync", above, error.into())),
        None => Ok(LocalDirectory { path, is_new }),
    };
    targets.into_iter().zip(made.into_iter().map(|made| made.and_then(synced))).collect()
}

/// `created downloads/a/`.
impl fmt::Display for LocalDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_new { "created " } else { "unchanged: " };
        write!(f, "{what}{}/", shown(&self.path).trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    /// The lines, or errors, of these directories.
    fn make(root: &Path, targets: &[&str]) -> Vec<String> {
        let downloads = Downloads::at(root);
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        let line = |made: Result<LocalDirectory, ClientError>| {
            let line = made.map_or_else(|error| error.to_string(), |made| made.to_string());
            line.replace(&root.display().to_string(), "ROOT")
        };
        make_directories(targets, &downloads, true).into_iter().map(|(_, made)| line(made)).collect()
    }

    #[test]
    fn directories_are_created_below_the_root_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
        assert_eq!(make(&root, &["/"]), ["created ROOT/"]);
        fs::create_dir_all(root.join("there")).and_then(|()| fs::create_dir(&outside)).expect("made");
        fs::write(root.join("file"), "x").expect("written");
        symlink(&outside, root.join("out")).expect("linked");
        symlink("there", root.join("in")).expect("linked");
        let table = [
            ("/", "unchanged: ROOT/"),
            ("/there/", "unchanged: ROOT/there/"),
            ("/new/a%20b/", "created ROOT/new/a b/"),
            ("/in/new/", "created ROOT/in/new/"),
            ("/file/", "cannot create ROOT/file: not a directory"),
            ("/out/", "out/index.html is outside the download directory"),
            ("/out/new/", "out/new/index.html is outside the download directory"),
            ("/../new/", "/../new/ is outside the download directory"),
        ];
        assert_eq!(make(&root, &table.map(|(target, _)| target)), table.map(|(_, said)| said));
        assert!(root.join("new/a b").is_dir() && root.join("there/new").is_dir());
        assert_eq!(fs::read_dir(outside).expect("a folder").count(), 0);
    }
}
