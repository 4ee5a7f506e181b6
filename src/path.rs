//! The path of a file or directory in the folder.
//!
//! A [`SharePath`] is created only here, from decoded segments. It is always relative, no segment is `.` or `..`, and it has
//! no NUL; later code need not check this again. Links are not resolved here: the folder does that, beneath its own handle.
//!
//! Every other byte is legal in a name, as it is on the disk: a backslash, a line feed, invalid UTF-8.
//!
//! This module knows nothing of percent-encoding, and does not access the disk.

use std::ffi::OsStr;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The longest segment, in bytes: Linux's `NAME_MAX`.
pub const LONGEST_SEGMENT: usize = 255;
/// The longest path, in bytes: Linux's `PATH_MAX` of 4096 counts the NUL at the end.
pub const LONGEST_PATH: usize = 4095;

/// The name of the directory for a server's own files. The folder hides it at any depth: another server may share a
/// directory below.
const SERVERS_OWN: &[u8] = b".wharf";
/// The beginning and the end of a temporary file's name, with hexadecimal digits in between.
const TEMPORARY: (&[u8], &[u8]) = (b".wharf-", b".tmp");

/// A path beneath the folder, checked. The root is the empty path.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharePath {
    /// Segments joined by single slashes, with no slash at either end.
    bytes: Vec<u8>,
}

/// Why bytes are not a path in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// A segment is `.` or `..`.
    DotSegment,
    /// A segment has a NUL, which no file system accepts.
    Nul,
    /// A segment has a slash, which was encoded and must not become a separator.
    Slash,
    /// A segment is longer than [`LONGEST_SEGMENT`].
    SegmentTooLong,
    /// The path is longer than [`LONGEST_PATH`].
    PathTooLong,
}

/// Leaves out the length, because the cache hashes the path of each request. No key has anything after its path, so the
/// end of the path is clear.
impl Hash for SharePath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.bytes);
    }
}

impl SharePath {
    /// The folder itself.
    pub const fn root() -> Self {
        Self { bytes: Vec::new() }
    }

    /// The folder itself, in the memory of a path that is no longer needed.
    #[must_use]
    pub fn reused(mut self) -> Self {
        self.bytes.clear();
        self
    }

    /// Joins decoded segments. Empty ones are dropped, as in `a//b` and `a/`.
    pub fn from_segments<I, B>(segments: I) -> Result<Self, PathError>
    where
        I: IntoIterator<Item = B>,
        B: AsRef<[u8]>,
    {
        let mut path = Self::root();
        for segment in segments {
            path.push(segment.as_ref())?;
        }
        Ok(path)
    }

    /// Splits plain text on `/`, for names that are not encoded.
    pub fn parse(text: &[u8]) -> Result<Self, PathError> {
        Self::from_segments(text.split(|&byte| byte == b'/'))
    }

    /// The path of `name` in this directory.
    pub fn join(&self, name: &OsStr) -> Result<Self, PathError> {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 1 + name.len());
        bytes.extend_from_slice(&self.bytes);
        let mut path = Self { bytes };
        path.push(name.as_bytes())?;
        Ok(path)
    }

    /// Adds a decoded segment; an empty one changes nothing. On an error, the path is unchanged.
    pub fn push(&mut self, segment: &[u8]) -> Result<(), PathError> {
        if segment.is_empty() {
            return Ok(());
        }
        check(segment)?;
        let slash = usize::from(!self.is_root());
        if self.bytes.len() + slash + segment.len() > LONGEST_PATH {
            return Err(PathError::PathTooLong);
        }
        // One allocation for any usual path; a longer one needs a second.
        if self.bytes.capacity() == 0 {
            self.bytes = Vec::with_capacity(segment.len().max(128));
        }
        if slash == 1 {
            self.bytes.push(b'/');
        }
        self.bytes.extend_from_slice(segment);
        Ok(())
    }

    /// The path relative to the folder, for system calls that start from its handle; `.` for the root.
    pub fn as_path(&self) -> &Path {
        if self.is_root() { Path::new(".") } else { Path::new(OsStr::from_bytes(&self.bytes)) }
    }

    /// The bytes, segments joined by `/`; empty for the root.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether this is the folder itself.
    pub fn is_root(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether this path is `above` or below it.
    pub fn is_below(&self, above: &Self) -> bool {
        let rest = || self.bytes.strip_prefix(above.bytes.as_slice());
        above.is_root() || rest().is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
    }

    /// The segments, first to last.
    pub fn segments(&self) -> impl Iterator<Item = &OsStr> {
        self.bytes.split(|&byte| byte == b'/').filter(|segment| !segment.is_empty()).map(OsStr::from_bytes)
    }

    /// The last segment; the root has none.
    pub fn name(&self) -> Option<&OsStr> {
        self.bytes
            .rsplit(|&byte| byte == b'/')
            .next()
            .filter(|segment| !segment.is_empty())
            .map(OsStr::from_bytes)
    }

    /// The directory that it is in; the root has none.
    pub fn parent(&self) -> Option<Self> {
        let end = self.bytes.len() - self.name()?.len();
        let bytes = self.bytes.get(..end.saturating_sub(1))?.to_vec();
        Some(Self { bytes })
    }

    /// The path for people to read: bytes that are not UTF-8 are replaced.
    pub fn display(&self) -> impl fmt::Display + '_ {
        self.as_path().display()
    }

    /// Whether any segment begins with a dot.
    pub fn has_hidden_segment(&self) -> bool {
        self.bytes.first() == Some(&b'.') || self.bytes.windows(2).any(|pair| pair == b"/.")
    }

    /// Whether the path belongs to a server: a `.wharf` at any depth, anything below one, or a temporary.
    /// Such a path is never opened, listed or saved, even if hidden names are. The comparison ignores case,
    /// as some file systems do.
    pub fn is_reserved(&self) -> bool {
        let is_own = |name: &OsStr| name.as_bytes().eq_ignore_ascii_case(SERVERS_OWN) || is_temporary(name);
        self.has_hidden_segment() && self.segments().any(is_own)
    }
}

/// Whether this is the name of a temporary: `.wharf-HEX.tmp`.
pub(crate) fn is_temporary(name: &OsStr) -> bool {
    let (begin, end) = TEMPORARY;
    let name = name.as_bytes();
    let Some((head, rest)) = name.split_at_checked(begin.len()) else { return false };
    let Some((hex, tail)) = rest.len().checked_sub(end.len()).and_then(|at| rest.split_at_checked(at)) else {
        return false;
    };
    let digits = !hex.is_empty() && hex.iter().all(u8::is_ascii_hexdigit);
    digits && head.eq_ignore_ascii_case(begin) && tail.eq_ignore_ascii_case(end)
}

fn check(segment: &[u8]) -> Result<(), PathError> {
    if segment == b"." || segment == b".." {
        return Err(PathError::DotSegment);
    }
    if segment.len() > LONGEST_SEGMENT {
        return Err(PathError::SegmentTooLong);
    }
    match segment.iter().find(|&&byte| byte == 0 || byte == b'/') {
        None => Ok(()),
        Some(0) => Err(PathError::Nul),
        Some(_) => Err(PathError::Slash),
    }
}

impl fmt::Debug for SharePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharePath").field(&self.as_path()).finish()
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DotSegment => f.write_str("a part of the path is \".\" or \"..\""),
            Self::Nul => f.write_str("the path contains a NUL"),
            Self::Slash => f.write_str("a name in the path contains a slash"),
            Self::SegmentTooLong => {
                write!(f, "a name in the path is longer than {LONGEST_SEGMENT} bytes")
            }
            Self::PathTooLong => write!(f, "the path is longer than {LONGEST_PATH} bytes"),
        }
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Component;

    fn path(text: &str) -> SharePath {
        SharePath::parse(text.as_bytes()).expect("a legal path")
    }

    #[test]
    fn legal_names() {
        let table: [(&str, &[u8], &[u8]); 8] = [
            ("the root", b"", b"."),
            ("the root, as slashes", b"///", b"."),
            ("slashes merge", b"/a//b/", b"a/b"),
            ("dots inside a name", b"a..b/...", b"a..b/..."),
            ("a backslash", br"..\a", br"..\a"),
            ("control characters", b"a\r\nb/\x1b[2J", b"a\r\nb/\x1b[2J"),
            ("not UTF-8", b"\xff\xfe", b"\xff\xfe"),
            ("spaces at the ends", b" a ", b" a "),
        ];
        for (name, text, expected) in table {
            let path = SharePath::parse(text).expect(name);
            assert_eq!(path.as_path().as_os_str().as_bytes(), expected, "{name}");
        }
    }

    #[test]
    fn rejected_names() {
        let long = [b'a'; LONGEST_SEGMENT + 1];
        let table: [(&str, &[&[u8]], PathError); 8] = [
            ("up", &[b".."], PathError::DotSegment),
            ("up, inside", &[b"a", b"..", b"b"], PathError::DotSegment),
            ("here", &[b"a", b"."], PathError::DotSegment),
            ("NUL", &[b"a\0b"], PathError::Nul),
            ("a decoded slash", &[b"a/b"], PathError::Slash),
            ("up after a decoded slash", &[b"a/../b"], PathError::Slash),
            ("a slash alone", &[b"/"], PathError::Slash),
            ("a long name", &[&long], PathError::SegmentTooLong),
        ];
        for (name, segments, expected) in table {
            assert_eq!(SharePath::from_segments(segments), Err(expected), "{name}");
        }
    }

    #[test]
    fn the_limits_are_exact() {
        let name = [b'a'; LONGEST_SEGMENT];
        let longest = SharePath::from_segments([&name; 16]).expect("16 names of 255, 15 slashes: 4095");
        assert_eq!(longest.as_bytes().len(), LONGEST_PATH);
        assert_eq!(longest.join(OsStr::new("b")), Err(PathError::PathTooLong));
    }

    #[test]
    fn names_and_parents() {
        let file = path("a/b/c");
        assert_eq!(file.name(), Some(OsStr::new("c")));
        assert_eq!(file.parent(), Some(path("a/b")));
        assert_eq!(path("a").parent(), Some(SharePath::root()));
        assert_eq!((SharePath::root().name(), SharePath::root().parent()), (None, None));
    }

    #[test]
    fn a_path_is_below_its_parents_only() {
        for (below, above, expected) in [
            ("", "", true),
            ("a", "", true),
            ("a/b", "a", true),
            ("a", "a", true),
            ("ab", "a", false),
            ("a", "a/b", false),
            ("b/a", "a", false),
            ("a/b/c", "a/b", true),
        ] {
            assert_eq!(path(below).is_below(&path(above)), expected, "{below} below {above}");
        }
    }

    #[test]
    fn hidden_and_reserved() {
        let table = [
            ("", false, false),
            ("a.b/c", false, false),
            (".git/config", true, false),
            ("a/.b", true, false),
            (".wharf", true, true),
            (".WHARF/chat", true, true),
            ("a/.wharf", true, true),
            ("a/b/.Wharf/uploads/x", true, true),
            ("a/wharf/.wharfs", true, false),
            (".wharf-notes", true, false),
            ("a/.wharf-00fF.tmp", true, true),
            (".wharf-1.tmp/b", true, true),
            (".wharf-.tmp", true, false),
            (".wharf-xyz.tmp", true, false),
        ];
        for (text, hidden, reserved) in table {
            let path = path(text);
            assert_eq!((path.has_hidden_segment(), path.is_reserved()), (hidden, reserved), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_stays_beneath(text in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(path) = SharePath::parse(&text) {
                let beneath = |c| matches!(c, Component::Normal(_) | Component::CurDir);
                prop_assert!(path.as_path().components().all(beneath));
            }
        }

        #[test]
        fn segments_come_back(names in prop::collection::vec("[a-z. ]{1,9}", 0..9)) {
            if let Ok(path) = SharePath::from_segments(&names) {
                let back: Vec<_> = path.segments().map(|s| s.to_string_lossy().into_owned()).collect();
                prop_assert_eq!(back, names);
                prop_assert_eq!(SharePath::parse(path.as_bytes()), Ok(path));
            }
        }
    }
}
