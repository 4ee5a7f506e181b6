//! The path below which a proxy shows this server (`--base`).

use std::fmt;
use std::str::FromStr;

use crate::http::target::{PathAndQuery, Target, encode_segment};

/// A path without its final slash, encoded: `/files`; empty for the root of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base(String);

impl Base {
    /// The prefix for a path of the server, which begins with a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the root of the host.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// A path of the server as its clients see it.
    pub(super) fn with(&self, path: impl fmt::Display) -> String {
        format!("{self}{path}")
    }

    /// The directory that all paths of the server are in.
    pub fn directory(&self) -> String {
        self.with('/')
    }

    /// Whether this prefix, which a proxy names, is the base, with or without a final slash.
    pub(super) fn is(&self, prefix: &[u8]) -> bool {
        prefix.strip_suffix(b"/").unwrap_or(prefix) == self.0.as_bytes()
    }

    /// The target without the base, if it begins with the base: some proxies remove the base, others pass it on. If the
    /// target is the base without the final slash, the result is an empty path, which no other request has.
    pub(super) fn strip<'b>(&self, target: Target<'b>) -> Target<'b> {
        let strip = |path: PathAndQuery<'b>| path.below(&self.0).unwrap_or(path);
        match target {
            Target::Origin(path) => Target::Origin(strip(path)),
            Target::Absolute { authority, path } => Target::Absolute { authority, path: strip(path) },
            Target::Authority(_) | Target::Asterisk => target,
        }
    }
}

/// A path as users type it: `/files`, `files/`, `/a/b`.
impl FromStr for Base {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if matches!(text, "" | "/") {
            return Ok(Self::default());
        }
        let path = text.strip_prefix('/').unwrap_or(text);
        let path = path.strip_suffix('/').unwrap_or(path);
        let is_segment = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment.chars().all(|c| !c.is_control() && !"?#%\\;".contains(c))
        };
        if !path.split('/').all(is_segment) || path.split('/').next() == Some(".wharf") {
            return Err("it must be a path such as /files".to_owned());
        }
        let segments = path.split('/').map(|segment| format!("/{}", encode_segment(segment.as_bytes())));
        Ok(Self(segments.collect()))
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// In a page, before a path.
impl maud::Render for Base {
    fn render_to(&self, buffer: &mut String) {
        maud::Render::render_to(self.as_str(), buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> Base {
        text.parse().expect("a path")
    }

    #[test]
    fn paths_that_are_accepted() {
        let table = [
            ("/files", Some("/files")),
            ("files/", Some("/files")),
            ("/a/b/", Some("/a/b")),
            ("/größe b", Some("/gr%C3%B6%C3%9Fe%20b")),
            ("", Some("")),
            ("/", Some("")),
            ("//", None),
            ("/a//b", None),
            ("/a/../b", None),
            ("/./a", None),
            ("/a?b", None),
            ("/a#b", None),
            ("/a%20b", None),
            ("/a\\b", None),
            ("/a;b", None),
            ("/a\nb", None),
            ("/.wharf", None),
            ("https://files.example/files", None),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<Base>().ok().as_ref().map(Base::as_str), expected, "{text:?}");
        }
    }

    #[test]
    fn targets_without_their_base() {
        let table = [
            ("/files/a?b", "/a", Some("b")),
            ("/files/", "/", None),
            ("/files?list", "", Some("list")),
            ("/filesystem/a", "/filesystem/a", None),
            ("/files/files/a", "/files/a", None),
            ("/a", "/a", None),
            ("/%66iles/a", "/a", None),
            ("//files/a", "/a", None),
            ("/files//a", "//a", None),
            ("/fil%65s", "", None),
            ("/files/files", "/files", None),
            ("/files%2fa", "/files%2fa", None),
            ("/%files/a", "/%files/a", None),
            ("/./files/a", "/./files/a", None),
            ("/Files/a", "/Files/a", None),
            ("http://h/files/a", "/a", None),
        ];
        for (text, path, query) in table {
            let target = base("/files").strip(Target::parse(text).expect("a target"));
            let found = target.path().map(|target| (target.raw(), target.query()));
            assert_eq!(found, Some((path, query)), "{text}");
        }
        for text in ["/a/gr%c3%b6%c3%9fe/x", "/a/größe/x", "/%61//gr%C3%B6%C3%9Fe/x"] {
            let target = base("/a/größe").strip(Target::parse(text).expect("a target"));
            assert_eq!(target.path().map(|target| target.raw()), Some("/x"), "{text}");
        }
        assert_eq!(base("/files").strip(Target::Asterisk), Target::Asterisk);
    }

    #[test]
    fn what_a_proxy_may_have_removed() {
        for (prefix, expected) in
            [("/files", true), ("/files/", true), ("files", false), ("/", false), ("", false)]
        {
            assert_eq!(base("/files").is(prefix.as_bytes()), expected, "{prefix:?}");
        }
        assert!(Base::default().is(b"/") && Base::default().is(b"") && !Base::default().is(b"/files"));
    }
}
