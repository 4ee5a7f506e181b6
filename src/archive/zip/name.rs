//! Names in a zip are UTF-8 and flagged as such. A byte that is not UTF-8 becomes `%XX`, as in the file's
//! URL; so does a backslash, which other systems would take for a slash.

use std::io::Write as _;

/// A name as it is written in a zip.
pub(super) fn encoded(bytes: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(bytes.len() + 1);
    for chunk in bytes.utf8_chunks() {
        for &byte in chunk.valid().as_bytes() {
            if byte == b'\\' { name.extend_from_slice(b"%5C") } else { name.push(byte) }
        }
        for byte in chunk.invalid() {
            // Writing to a vector cannot fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_other_systems_would_misread() {
        let table: [(&[u8], &str); 5] = [
            (b"a b", "a b"),
            ("\u{6f22}".as_bytes(), "\u{6f22}"),
            (b"a\xffb\xfe", "a%FFb%FE"),
            (br"..\..\evil.exe", "..%5C..%5Cevil.exe"),
            (b"100%", "100%"),
        ];
        for (bytes, name) in table {
            assert_eq!(encoded(bytes), name.as_bytes());
        }
    }
}
