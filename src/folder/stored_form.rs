//! Names in the other Unicode form: macOS sends letters and their marks apart (NFD), and most other systems together (NFC).

use std::ffi::{OsStr, OsString};

use unicode_normalization::UnicodeNormalization as _;

use super::root::Root;
use crate::path::SharePath;

/// How many names that are not ASCII a path may have for its other form to be looked for: each of them is looked up from the
/// root. People have a few, and 32 take as long as any other request.
const MOST_NAMES: usize = 32;

/// The path with names in the form in which they exist; `None` if the path exists as it is, in neither form, or has more
/// than [`MOST_NAMES`] such names.
pub(super) fn find(root: &Root, path: &SharePath) -> Option<SharePath> {
    let count = path.segments().filter(|name| !name.as_encoded_bytes().is_ascii()).count();
    if !(1..=MOST_NAMES).contains(&count) || root.has(path) {
        return None;
    }
    let (mut found, mut is_there) = (SharePath::root(), true);
    for name in path.segments() {
        let exact = found.join(name).ok()?;
        found = if !is_there || name.as_encoded_bytes().is_ascii() || root.has(&exact) {
            exact
        } else {
            let other = other_form(name).and_then(|other| found.join(&other).ok());
            let other = other.filter(|other| root.has(other));
            is_there = other.is_some();
            other.unwrap_or(exact)
        };
    }
    (found != *path).then_some(found)
}

/// The path as it is, and all of it in NFC and in NFD, if it is UTF-8.
pub fn unicode_forms(path: &SharePath) -> impl Iterator<Item = SharePath> {
    let text = std::str::from_utf8(path.as_bytes()).ok();
    let forms = text.map(|text| [text.nfc().collect::<String>(), text.nfd().collect()]);
    let forms = forms.into_iter().flatten().filter_map(|form| SharePath::parse(form.as_bytes()).ok());
    std::iter::once(path.clone()).chain(forms)
}

/// The name in NFC, or in NFD if it is in NFC already; `None` if both are the same.
fn other_form(name: &OsStr) -> Option<OsString> {
    let text = name.to_str()?;
    let composed: String = text.nfc().collect();
    let other = if composed == text { text.nfd().collect() } else { composed };
    (other != text).then(|| other.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn names_have_at_most_one_other_form() {
        for (name, other) in [
            ("u\u{308}", Some("\u{fc}")),
            ("\u{fc}", Some("u\u{308}")),
            ("\u{fc}u\u{308}", Some("\u{fc}\u{fc}")),
            ("\u{d55c}", Some("\u{1112}\u{1161}\u{11ab}")),
            ("\u{6587}", None),
            ("plain", None),
            ("", None),
        ] {
            assert_eq!(other_form(OsStr::new(name)), other.map(Into::into), "{name}");
        }
        assert_eq!(other_form(OsStr::from_bytes(b"\xff\xcc\x88")), None);
    }
}
