//! What a request through a link sees.

use std::os::unix::ffi::OsStrExt;

use crate::http::target::{encode_path, encode_segment};
use crate::path::{PathError, SharePath};

/// What a request through a link sees: the shared folder or file looks like the root of a separate server, at
/// the path of the link.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "accounts"), allow(dead_code, reason = "there are no links"))]
pub(super) struct LinkView {
    /// The public id of the link, for the log.
    pub id: String,
    /// The path of the link, with its secret, without a final slash.
    pub prefix: String,
    /// The path that the link shares.
    pub target: SharePath,
    pub kind: LinkKind,
    pub stage: LinkStage,
}

/// What a link shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "accounts"), allow(dead_code, reason = "there are no links"))]
pub(super) enum LinkKind {
    /// A folder, and what is in it.
    Folder,
    /// A single file.
    File,
    /// A folder that only takes files.
    Drop,
}

/// How far a request through a link gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "accounts"), allow(dead_code, reason = "there are no links"))]
pub(super) enum LinkStage {
    /// The link has to be opened first. Every request gets the link's page.
    Closed,
    /// The request is about the page of a link that may be used.
    Open,
    /// The request is about the shared content, and its target is relative to it.
    Inside,
}

#[cfg_attr(not(feature = "accounts"), allow(dead_code, reason = "there are no links"))]
impl LinkView {
    /// The directory that looks like the root; for a shared file, the directory that contains it.
    pub(super) fn root(&self) -> SharePath {
        match self.kind {
            LinkKind::Folder | LinkKind::Drop => self.target.clone(),
            LinkKind::File => self.target.parent().unwrap_or_default(),
        }
    }

    /// The path below the root.
    pub(super) fn shown(&self, path: &SharePath) -> SharePath {
        let above = self.root().segments().count();
        // A part of a valid path is valid.
        SharePath::from_segments(path.segments().skip(above).map(OsStrExt::as_bytes)).unwrap_or_default()
    }

    /// The path at which the shared content begins: the file's or the directory's.
    pub(super) fn start(&self) -> String {
        let name = self.target.name().filter(|_| self.kind == LinkKind::File);
        format!("{}/{}", self.prefix, name.map(|name| encode_segment(name.as_bytes())).unwrap_or_default())
    }

    /// The path in the folder that a path below the link stands for; `None` if the link does not share it.
    pub(super) fn inside(&self, below: &SharePath) -> Result<Option<SharePath>, PathError> {
        let root = self.root();
        let path = SharePath::from_segments(root.segments().chain(below.segments()).map(OsStrExt::as_bytes))?;
        Ok(Some(path).filter(|path| self.kind != LinkKind::File || *path == self.target))
    }

    /// A path of the server, encoded, as a request through the link names it.
    pub(super) fn outside(&self, path: &str) -> String {
        let root = encode_path(self.root().as_bytes());
        let below = path.strip_prefix('/').and_then(|path| path.strip_prefix(&root));
        let below =
            below.filter(|below| !root.is_empty() && (below.is_empty() || below.starts_with(['/', '?'])));
        format!("{}{}", self.prefix, below.unwrap_or(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> SharePath {
        SharePath::parse(text.as_bytes()).expect("a path")
    }

    fn link(target: &str, kind: LinkKind) -> LinkView {
        let (id, prefix) = ("3f8k2m9q".to_owned(), "/L".to_owned());
        LinkView { id, prefix, target: path(target), kind, stage: LinkStage::Inside }
    }

    #[test]
    fn paths_are_those_below_the_link() {
        let (folder, file) = (LinkKind::Folder, LinkKind::File);
        let table = [
            (link("a b", folder), "/a%20b/c?d", "/L/c?d"),
            (link("a b", folder), "/a%20b?list", "/L?list"),
            (link("a b", folder), "/a%20b", "/L"),
            (link("a", folder), "/ab/c", "/L/ab/c"),
            (link("a", folder), "/.wharf/uploads/0", "/L/.wharf/uploads/0"),
            (link("", folder), "/a/b", "/L/a/b"),
            (link("a/b.txt", file), "/a/b.txt", "/L/b.txt"),
            (link("b.txt", file), "/b.txt", "/L/b.txt"),
        ];
        for (link, given, expected) in table {
            assert_eq!(link.outside(given), expected, "{given}");
        }
        for (link, start) in [
            (link("a/b c", folder), "/L/"),
            (link("", folder), "/L/"),
            (link("a/b c", LinkKind::Drop), "/L/"),
            (link("a/b c", file), "/L/b%20c"),
        ] {
            assert_eq!(link.start(), start);
        }
        assert_eq!(link("a", folder).shown(&path("a/b/c")), path("b/c"));
        assert_eq!(link("a", folder).shown(&path("a")), SharePath::root());
        assert_eq!(link("a/b", file).shown(&path("a/b")), path("b"));
    }
}
