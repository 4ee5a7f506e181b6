//! The text of a search, and which names it finds.
//!
//! A text with `*`, `?` or `[`…`]` is a glob that the whole name has to match. Any other text is found anywhere in a name.
//! A text with a slash is compared with the path below the directory that is searched, any other text with the name alone.
//!
//! Upper and lower case count as equal, and so do composed and decomposed letters, as in the filter of the page.
//!
//! The time to compare a name is at most proportional to the product of the lengths of name and text.

mod error;
mod glob;

pub use error::{LONGEST_TEXT, PatternError};

use crate::folding::lowered_into;
use glob::{Glob, PathGlob};

/// The text of a search.
#[derive(Debug)]
pub struct NamePattern {
    kind: Kind,
    /// Whether it finds directories only: a glob that ends with a slash does.
    only_directories: bool,
    /// Memory for the compared form of a name.
    buffer: String,
}

/// What the compared form of a name or a path must have.
#[derive(Debug)]
enum Kind {
    /// This text is anywhere in the name.
    Part(Box<str>),
    /// This text is anywhere in the path.
    PartOfPath(Box<str>),
    Name(Glob),
    Path(PathGlob),
}

impl NamePattern {
    /// Parses the text of a search.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > LONGEST_TEXT {
            return Err(PatternError::TooLong);
        }
        let has_slash = text.contains('/');
        let mut only_directories = false;
        let kind = if !is_glob(text) {
            let mut part = String::new();
            lowered_into(text.as_bytes(), &mut part);
            if has_slash { Kind::PartOfPath(part.into()) } else { Kind::Part(part.into()) }
        } else if has_slash {
            only_directories = text.ends_with('/');
            Kind::Path(PathGlob::parse(text)?)
        } else {
            Kind::Name(Glob::parse(text)?)
        };
        Ok(Self { kind, only_directories, buffer: String::new() })
    }

    /// Whether it finds this name in this directory. The directory's path is relative to the directory that is searched; it is
    /// empty for that one.
    pub fn finds(&mut self, directory: &[u8], name: &[u8], is_directory: bool) -> bool {
        if self.only_directories && !is_directory {
            return false;
        }
        self.buffer.clear();
        if matches!(self.kind, Kind::Path(_) | Kind::PartOfPath(_)) && !directory.is_empty() {
            lowered_into(directory, &mut self.buffer);
            self.buffer.push('/');
        }
        lowered_into(name, &mut self.buffer);
        match &self.kind {
            Kind::Part(part) => self.buffer.contains(&**part),
            Kind::PartOfPath(part) => {
                // A text such as `photos/` finds the directory, too.
                if is_directory {
                    self.buffer.push('/');
                }
                self.buffer.contains(&**part)
            }
            Kind::Name(glob) => glob.fits(&self.buffer),
            Kind::Path(glob) => glob.fits(&self.buffer),
        }
    }
}

/// Whether a text has a character that makes it a glob. A bracket without its counterpart does not.
fn is_glob(text: &str) -> bool {
    let has_class = || text.split_once('[').is_some_and(|(_, rest)| rest.contains(']'));
    text.contains(['*', '?']) || has_class()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(text: &str, path: &str) -> bool {
        let is_directory = path.ends_with('/');
        let path = path.trim_end_matches('/');
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut pattern = NamePattern::parse(text).expect("a pattern");
        pattern.finds(directory.as_bytes(), name.as_bytes(), is_directory)
    }

    #[test]
    fn texts_without_wildcards_are_parts() {
        let cases = [
            ("port", "a/Report.txt", true),
            ("PORT", "report.txt", true),
            ("a", "a/b", false),
            ("größe", "GRÖßE.txt", true),
            ("οδος", "ΟΔΟΣ", true),
            ("a b", "xa bx", true),
            ("[", "a[b", true),
            ("]", "a]b", true),
            ("]x[", "a]x[b", true),
            ("a/re", "a/report", true),
            ("b/a/re", "a/report", false),
            ("photos/", "my photos/", true),
            ("photos/", "my photos", false),
            ("photos/", "photos/a", true),
            (".", "a.b", true),
            ("\\", "a\\b", true),
        ];
        for (text, path, expected) in cases {
            assert_eq!(finds(text, path), expected, "{text} {path}");
        }
    }

    #[cfg(any(feature = "accounts", feature = "dav"))]
    #[test]
    fn composed_and_decomposed_letters_are_the_same() {
        for text in ["é", "e\u{301}", "*É*", "*E\u{301}*", "[é]"] {
            assert!(finds(text, "é") && finds(text, "e\u{301}"), "{text}");
        }
    }

    #[test]
    fn globs_match_whole_names() {
        let cases = [
            ("*.jpg", "a/b.JPG", true),
            ("*.JPG", "b.jpg.txt", false),
            ("*", "x", true),
            ("re*t", "report", true),
            ("re*t", "a report", false),
            ("???", "aöc", true),
            ("???", "ab", false),
            ("[a-c]?", "B1", true),
            ("[A-C]?", "b1", true),
            ("[!a-c]?", "b1", false),
            ("[^a-c]?", "d1", true),
            ("[]]", "]", true),
            ("[!]]", "]", false),
            ("[a-]x", "-x", true),
            ("[*]", "*", true),
            ("[*]", "a", false),
            ("x[?]", "x?", true),
            ("**", "anything", true),
            ("a**b", "axyb", true),
            ("*Ä?", "xäy", true),
        ];
        for (text, path, expected) in cases {
            assert_eq!(finds(text, path), expected, "{text} {path}");
        }
    }

    #[test]
    fn globs_with_a_slash_match_paths() {
        let cases = [
            ("a/*.txt", "a/b.txt", true),
            ("/a/*.txt", "a/b.txt", true),
            ("a/*.txt", "a/b/c.txt", false),
            ("a/**/*.txt", "a/b/c/d.txt", true),
            ("a/**/*.txt", "a/d.txt", true),
            ("**/b/*", "a/b/c", true),
            ("**/b/*", "b/c", true),
            ("**/b/*", "a/c", false),
            ("**/b/**/d", "a/b/c/b/x/d", true),
            ("*/c", "a/b/c", false),
            ("b*/", "bin/", true),
            ("b*/", "bin", false),
            ("b*/", "a/bin/", false),
            ("**/b*/", "a/bin/", true),
            ("a//*", "a/b", true),
        ];
        for (text, path, expected) in cases {
            assert_eq!(finds(text, path), expected, "{text} {path}");
        }
    }

    #[test]
    fn names_that_are_not_utf8_are_compared() {
        let mut part = NamePattern::parse("b").expect("a pattern");
        assert!(part.finds(b"\xff", b"a\xffB\xfe", false));
        let mut glob = NamePattern::parse("a?b").expect("a pattern");
        assert!(glob.finds(b"", b"a\xffb", false));
    }

    #[test]
    fn texts_that_are_refused() {
        let long = "a".repeat(LONGEST_TEXT + 1);
        let table = [
            ("", PatternError::Empty),
            (&long, PatternError::TooLong),
            ("[]", PatternError::Class),
            ("[!]", PatternError::Class),
            ("*[a", PatternError::Class),
            ("[z-a]", PatternError::Range),
            ("[a/b]", PatternError::Class),
        ];
        for (text, expected) in table {
            assert_eq!(NamePattern::parse(text).err(), Some(expected), "{text}");
        }
        assert!(NamePattern::parse(&"*".repeat(LONGEST_TEXT)).is_ok());
    }

    #[test]
    fn many_wildcards_cost_no_more_than_the_product_of_the_lengths() {
        // A matcher that tries each place for each wildcard would need centuries.
        let name = "a".repeat(255);
        for text in ["*a".repeat(126) + "*b", "*aaaa".repeat(50) + "b", "[a]*".repeat(60) + "b"] {
            assert!(!finds(&text, &name), "{text}");
        }
        let path = "a/".repeat(2_000) + "a";
        assert!(!finds(&("**/a/".repeat(50) + "b"), &path));
    }
}
