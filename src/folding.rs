//! Names as they are compared, in the chat and in the users file.

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
