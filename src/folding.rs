//! Names as they are compared, in the chat and in the users file.

/// A name as it is compared: two that a reader would take for the same are equal. Compatible letters (NFKC, UAX #15), upper and
/// lower case count as the same, and invisible characters do not count.
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
