//! The checked text of a message.
//!
//! A text is UTF-8, not blank, and at most 4 KB. Every kind of line end becomes a newline, and trailing
//! newlines are dropped: they come from the tool that sent the text (`echo hi | curl --data-binary @-`), not
//! from the user.
//!
//! Control characters other than newline and tab are rejected, not stripped: stripping would silently change
//! the message, and no message needs them. They form escape sequences for a terminal, and JSON does not
//! escape the C1 controls (U+009B opens a sequence as ESC [ does), so they would take effect in a terminal
//! that reads the stream with `curl -N`. Bidirectional controls are not control characters in this sense, as
//! some scripts need them: they pass, and the page or terminal that shows the text isolates them.

use std::fmt;

/// The longest text, in bytes as sent: about a page of prose. Longer texts can be uploaded as files.
pub const MAX_TEXT: usize = 4096;

/// A checked text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText(Box<str>);

/// Why some bytes are not a text. Positions are in bytes from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextError {
    /// It is empty or only white space.
    Blank,
    /// It is longer than [`MAX_TEXT`]; this is its length.
    TooLong(usize),
    /// It is not UTF-8 at this position.
    NotUtf8(usize),
    /// It has a control character other than newline and tab.
    Control {
        /// The character.
        character: char,
        /// Its position, after each line end has become one character.
        at: usize,
    },
}

impl MessageText {
    /// Checks the bytes that a client sent.
    pub fn new(bytes: &[u8]) -> Result<Self, TextError> {
        if bytes.len() > MAX_TEXT {
            return Err(TextError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|e| TextError::NotUtf8(e.valid_up_to()))?;
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        if let Some((at, character)) = text.char_indices().find(|&(_, c)| is_rejected(c)) {
            return Err(TextError::Control { character, at });
        }
        if text.trim().is_empty() {
            return Err(TextError::Blank);
        }
        Ok(Self(text.trim_end_matches('\n').into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_rejected(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => write!(f, "the message is empty (say something)"),
            Self::TooLong(len) => {
                write!(f, "the message is {len} bytes long, {MAX_TEXT} at most (upload it as a file)")
            }
            Self::NotUtf8(at) => write!(f, "the message is not UTF-8 at byte {at} (send it as UTF-8)"),
            Self::Control { character, at } => {
                let code = u32::from(*character);
                write!(
                    f,
                    "the message contains the control character U+{code:04X} at byte {at} (leave it out)"
                )
            }
        }
    }
}

impl std::error::Error for TextError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_checked() {
        let longest = "x".repeat(MAX_TEXT);
        let too_long = "x".repeat(MAX_TEXT + 1);
        let huge = "x".repeat(64 * 1024);
        let control = |character, at| Err(TextError::Control { character, at });
        let rows: [(&str, &[u8], Result<&str, TextError>); 23] = [
            ("plain", b"hi", Ok("hi")),
            ("markup stays", b"<script>alert(1)</script>", Ok("<script>alert(1)</script>")),
            ("fields stay", b"data: x\nevent: y\n\nid: z", Ok("data: x\nevent: y\n\nid: z")),
            ("tab and indent stay", b"  a\tb ", Ok("  a\tb ")),
            ("other scripts", "こんにちは 👋🏽".as_bytes(), Ok("こんにちは 👋🏽")),
            ("bidi controls pass", "a\u{202e}b\u{200f}".as_bytes(), Ok("a\u{202e}b\u{200f}")),
            ("CRLF", b"a\r\nb", Ok("a\nb")),
            ("CR", b"a\rb\r\r\nc", Ok("a\nb\n\nc")),
            ("line ends at the end", b"hi\r\n\n", Ok("hi")),
            ("longest", longest.as_bytes(), Ok(&longest)),
            ("too long", too_long.as_bytes(), Err(TextError::TooLong(4097))),
            ("64 KB", huge.as_bytes(), Err(TextError::TooLong(65536))),
            ("empty", b"", Err(TextError::Blank)),
            ("white space", b" \t\r\n", Err(TextError::Blank)),
            ("Unicode white space", "\u{3000}\u{2003}".as_bytes(), Err(TextError::Blank)),
            ("not UTF-8", b"hi\xff", Err(TextError::NotUtf8(2))),
            ("overlong slash", b"\xc0\xaf", Err(TextError::NotUtf8(0))),
            ("cut short", b"a\xe2\x82", Err(TextError::NotUtf8(1))),
            ("surrogate", b"\xed\xa0\x80", Err(TextError::NotUtf8(0))),
            ("NUL", b"a\0", control('\0', 1)),
            ("escape sequence", b"\x1b[2J", control('\u{1b}', 0)),
            ("DEL", b"ab\x7f", control('\u{7f}', 2)),
            ("C1 CSI", "\u{9b}2J".as_bytes(), control('\u{9b}', 0)),
        ];
        for (case, bytes, expected) in rows {
            let text = MessageText::new(bytes);
            assert_eq!(text.as_ref().map(MessageText::as_str), expected.as_ref().copied(), "{case}");
        }
    }

    proptest! {
        #[test]
        fn every_accepted_text_is_bounded_and_without_controls(bytes: Vec<u8>, text: String) {
            for input in [bytes.as_slice(), text.as_bytes()] {
                let Ok(text) = MessageText::new(input) else { continue };
                prop_assert!(text.as_str().len() <= MAX_TEXT && !text.as_str().trim().is_empty());
                prop_assert!(!text.as_str().chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
                let again = MessageText::new(text.as_str().as_bytes());
                prop_assert_eq!(again, Ok(text));
            }
        }
    }
}
