//! The name that a file gets if its own is taken.

use crate::path::LONGEST_SEGMENT;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// How many `name (N).ext` are tried. More files with one name mean that a client is in an endless loop.
pub(super) const MOST_COPIES: u32 = 9_999;

/// `a.txt` becomes `a (1).txt`. If the name would become too long, its stem is cut, or else its extension.
pub(super) fn numbered(name: &OsStr, number: u32) -> OsString {
    marked(name, &format!(" ({number})"))
}

/// `a.txt` becomes `aMARK.txt`, in the same way.
pub(super) fn marked(name: &OsStr, mark: &str) -> OsString {
    let bytes = name.as_bytes();
    let dot = bytes.iter().rposition(|&byte| byte == b'.').filter(|&at| at > 0).unwrap_or(bytes.len());
    let (stem, extension) = bytes.split_at_checked(dot).unwrap_or((bytes, b""));
    let room = LONGEST_SEGMENT.saturating_sub(mark.len());
    let extension = shortened(extension, room.saturating_sub(1));
    let stem = shortened(stem, room.saturating_sub(extension.len()));
    OsString::from_vec([stem, mark.as_bytes(), extension].concat())
}

/// The first `most` bytes, or a few less so that no UTF-8 character is split.
fn shortened(bytes: &[u8], most: usize) -> &[u8] {
    let Some((cut, rest)) = bytes.split_at_checked(most) else { return bytes };
    let continues = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    if !rest.first().is_some_and(continues) {
        return cut;
    }
    let start = cut.iter().rposition(|byte| !continues(byte)).filter(|&at| at > 0);
    start.and_then(|at| cut.get(..at)).unwrap_or(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered() {
        let long = "x".repeat(255);
        let long_extension = format!("a.{}", "x".repeat(253));
        let umlauts = format!("{}a.txt", "\u{e4}".repeat(125));
        let table = [
            ("a file", "a.txt", 1, "a (1).txt".to_owned()),
            ("two dots", "a.tar.gz", 12, "a.tar (12).gz".to_owned()),
            ("no extension", "README", 2, "README (2)".to_owned()),
            ("a hidden name is not an extension", ".profile", 1, ".profile (1)".to_owned()),
            ("a dot at the end", "a.", 1, "a (1).".to_owned()),
            ("the longest name", &long, 1, format!("{} (1)", "x".repeat(251))),
            ("the longest extension", &long_extension, 1, format!("a (1).{}", "x".repeat(249))),
            ("no half characters", &umlauts, 1, format!("{} (1).txt", "\u{e4}".repeat(123))),
        ];
        for (case, name, number, expected) in table {
            let numbered = numbered(OsStr::new(name), number);
            assert_eq!(numbered, OsString::from(expected), "{case}");
            assert!(numbered.len() <= LONGEST_SEGMENT, "{case}");
        }
    }
}
