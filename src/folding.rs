//! Names as they are compared: in the chat, in the users file, and in searches.

/// The form in which a name is compared: names that a reader could confuse have the same form. Compatible letters
/// (NFKC, UAX #15) and upper and lower case count as equal, and invisible characters are ignored.
#[cfg(feature = "accounts")]
pub fn folded(text: &str) -> String {
    // Folding makes letters that normalisation composes, and the reverse.
    fold_once(&fold_once(text))
}

#[cfg(feature = "accounts")]
fn fold_once(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;

    let letters = text.nfkc().filter(|c| !crate::printable::is_ignorable(*c));
    // Only the lower case of `ẞ` has the upper case `SS`.
    let folded =
        letters.flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfkc().filter(|c| !crate::printable::is_ignorable(*c)).collect()
}

/// A name as it is compared: without case. Without accounts, all names are ASCII.
#[cfg(not(feature = "accounts"))]
pub fn folded(text: &str) -> String {
    text.to_ascii_lowercase()
}

/// Appends the form in which a search compares a name: lower case, and composed letters (NFC, UAX #15). Bytes that are not
/// UTF-8 become replacement characters. Without accounts and WebDAV, letters are not composed.
pub fn lowered_into(name: &[u8], out: &mut String) {
    match std::str::from_utf8(name) {
        Ok(text) if text.is_ascii() => {
            let start = out.len();
            out.push_str(text);
            if let Some(new) = out.get_mut(start..) {
                new.make_ascii_lowercase();
            }
        }
        _ => {
            let text = String::from_utf8_lossy(name);
            out.extend(composed(&text).flat_map(char::to_lowercase).map(without_end));
        }
    }
}

/// The same letter for a sigma at the end of a word and elsewhere, which have the same upper case.
fn without_end(letter: char) -> char {
    if letter == 'ς' { 'σ' } else { letter }
}

/// The characters of a text, with composed letters.
#[cfg(any(feature = "accounts", feature = "dav"))]
pub fn composed(text: &str) -> impl Iterator<Item = char> {
    use unicode_normalization::UnicodeNormalization as _;

    text.nfc()
}

/// The characters of a text. This build cannot compose letters.
#[cfg(not(any(feature = "accounts", feature = "dav")))]
pub fn composed(text: &str) -> impl Iterator<Item = char> {
    text.chars()
}
