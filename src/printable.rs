//! The one door through which foreign text goes to the log and the terminal.
//!
//! What a client or a file name holds may be an escape sequence that moves the cursor, or a character that turns the
//! direction of a line. Here they become visible.

use std::fmt::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Bytes of foreign origin, shown so that they cannot do anything: control characters, invisible ones that change the
/// direction of text, backslashes and quotes as escapes, bytes that are not UTF-8 as `\xNN`.
#[derive(Clone, Copy)]
pub struct Printable<'a>(pub &'a [u8]);

impl<'a> Printable<'a> {
    /// Of text.
    pub fn text(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    /// Of the name of a file.
    pub fn path(path: &'a Path) -> Self {
        Self(path.as_os_str().as_bytes())
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if c == '\\' || c.is_control() || turns_text(c) {
                    write!(f, "{}", c.escape_default())?;
                } else {
                    f.write_char(c)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Characters that are not seen and change how their neighbours are (Unicode TR #36: bidirectional controls,
/// line and paragraph separators, zero-width characters, the byte order mark).
fn turns_text(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_gets_through() {
        let cases: [(&[u8], &str); 6] = [
            (b"plain text.txt", "plain text.txt"),
            ("größe 漢字".as_bytes(), "größe 漢字"),
            (b"\x1b[2J\r\n\0", "\\u{1b}[2J\\r\\n\\u{0}"),
            (b"a\\b", "a\\\\b"),
            (b"\xff\xfe", "\\xff\\xfe"),
            ("a\u{202e}b\u{9b}c".as_bytes(), "a\\u{202e}b\\u{9b}c"),
        ];
        for (bytes, shown) in cases {
            assert_eq!(Printable(bytes).to_string(), shown);
        }
    }
}
