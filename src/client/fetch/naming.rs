//! Names of parts and of their notes.

use std::collections::hash_map::DefaultHasher;
use std::ffi::{OsStr, OsString};
use std::hash::{Hash as _, Hasher as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The suffix of an incomplete file.
const PART: &str = ".part";

/// The suffix of the notes about an incomplete file; it follows [`PART`].
const NOTES: &str = ".from";

/// How many names a part may have: the usual one, and alternatives if it is taken.
const PART_NAMES: usize = 4;

/// The longest name that file systems allow, in bytes.
const LONGEST_NAME: usize = 255;

/// The longest suffix, in bytes: `.1.part.from`.
const LONGEST_END: usize = 2 + PART.len() + NOTES.len();

/// The possible names of a part and its notes, the usual ones first.
pub(super) fn candidates(name: &OsStr) -> impl Iterator<Item = (OsString, OsString)> {
    (0..PART_NAMES).map(move |number| numbered(name, number))
}

/// One of the names of a part, and the name of its notes.
fn numbered(name: &OsStr, number: usize) -> (OsString, OsString) {
    let part = if number == 0 { PART.to_owned() } else { format!(".{number}{PART}") };
    (with_end(name, &part), with_end(name, &[&part, NOTES].concat()))
}

/// Whether a part or its notes could have this name.
pub(super) fn is_name_of_part(local: &Path) -> bool {
    let name = local.file_name().unwrap_or_default().as_bytes();
    name.ends_with(PART.as_bytes()) || name.ends_with(NOTES.as_bytes())
}

/// A name with a suffix. If the result would be too long, the name is cut, and a hash of the whole name keeps it
/// unique.
fn with_end(name: &OsStr, end: &str) -> OsString {
    let bytes = name.as_bytes();
    let mut longer = if bytes.len() + LONGEST_END <= LONGEST_NAME {
        name.to_owned()
    } else {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let hash = format!("~{:016x}", hasher.finish());
        let kept = LONGEST_NAME - LONGEST_END - hash.len();
        let mut cut = OsStr::from_bytes(bytes.get(..kept).unwrap_or(bytes)).to_owned();
        cut.push(hash);
        cut
    };
    longer.push(end);
    longer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_part() {
        let name = |name: &str, number| {
            let (part, notes) = numbered(OsStr::new(name), number);
            (part.into_string().expect("text"), notes.into_string().expect("text"))
        };
        assert_eq!(name("a.txt", 0), ("a.txt.part".to_owned(), "a.txt.part.from".to_owned()));
        assert_eq!(name("a.txt", 3), ("a.txt.3.part".to_owned(), "a.txt.3.part.from".to_owned()));
        let long = "x".repeat(LONGEST_NAME);
        assert_eq!(name(&long, 1).1.len(), LONGEST_NAME);
        assert_ne!(name(&long, 0), name(&format!("{}y", "x".repeat(LONGEST_NAME - 1)), 0));
    }
}
