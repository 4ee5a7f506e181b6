//! The filter that all untrusted text passes before it reaches the log, the terminal or other programs.
//!
//! Text from a client, a server or a file name may contain an escape sequence that moves the cursor, or a
//! character that reverses the direction of a line. This filter makes them visible.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Untrusted bytes, displayed without side effects: control characters, invisible characters and backslashes as
/// escapes, bytes that are not UTF-8 as `\xNN`.
#[derive(Clone, Copy)]
pub struct Printable<'a>(pub &'a [u8]);

/// Stored untrusted text. It can only be displayed as [`Printable`].
#[derive(Clone, PartialEq, Eq)]
pub struct Foreign(String);

impl<'a> Printable<'a> {
    /// Displays a string.
    pub fn text(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    /// Displays a path.
    pub fn path(path: &'a Path) -> Self {
        Self(path.as_os_str().as_bytes())
    }

    /// Whether it is displayed unchanged.
    pub fn is_plain(self) -> bool {
        std::str::from_utf8(self.0).is_ok_and(|text| !text.contains(|c| c == '\\' || acts(c)))
    }

    /// Appends the displayed form.
    pub fn push_to(self, out: &mut Vec<u8>) {
        if self.is_plain_ascii() {
            out.extend_from_slice(self.0);
        } else {
            // Writing to a `Vec` cannot fail.
            let _ = write!(out, "{self}");
        }
    }

    /// Checking each byte costs less than searching for the first that needs an escape.
    fn is_plain_ascii(self) -> bool {
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'\\';
        self.0.iter().fold(true, |so_far, byte| so_far & is_plain(*byte))
    }
}

impl From<String> for Foreign {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // True of most text.
        if self.is_plain_ascii()
            && let Ok(text) = std::str::from_utf8(self.0)
        {
            return f.write_str(text);
        }
        for chunk in self.0.utf8_chunks() {
            let mut rest = chunk.valid();
            while let Some((at, c)) = rest.char_indices().find(|(_, c)| *c == '\\' || acts(*c)) {
                let (plain, behind) = rest.split_at(at);
                write!(f, "{plain}{}", c.escape_default())?;
                rest = behind.get(c.len_utf8()..).unwrap_or_default();
            }
            f.write_str(rest)?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable::text(&self.0).fmt(f)
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Equivalent JSON in which no character affects a terminal. JSON writers only escape control characters
/// below U+0020.
pub fn json(text: &str) -> Cow<'_, str> {
    if !text.contains(acts_in_json) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts_in_json(c) {
            // Outside strings, JSON contains no such characters.
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// A name in a line of text for programs: a question mark replaces each control character, and each character
/// that ends or reorders a line. Everything else is unchanged: programs need the exact name, and Persian
/// names contain zero-width characters.
pub fn in_line(name: &[u8]) -> Cow<'_, [u8]> {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !String::from_utf8_lossy(name).contains(breaks) {
        return Cow::Borrowed(name);
    }
    let mut clean = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        let shown: String = chunk.valid().chars().map(|c| if breaks(c) { '?' } else { c }).collect();
        clean.extend_from_slice(shown.as_bytes());
        clean.extend_from_slice(chunk.invalid());
    }
    Cow::Owned(clean)
}

/// Line ends and tabs between JSON values come from its writer.
fn acts_in_json(c: char) -> bool {
    acts(c) && !c.is_ascii_control() || c == '\u{7f}'
}

/// Whether a character affects a terminal, or the display of its neighbours, and is invisible itself.
fn acts(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// Whether a name looks the same without this character: it is invisible, or only chooses among shapes.
#[cfg(feature = "accounts")]
pub fn is_ignorable(c: char) -> bool {
    let chooses_a_shape = matches!(c,
        '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    chooses_a_shape || is_invisible(c)
}

/// Invisible characters: those that Unicode ignores by default (`Default_Ignorable_Code_Point`: bidirectional
/// controls, zero-width characters and joiners, fillers, tags), line and paragraph separators, and the marks
/// of an interlinear annotation. They reorder a line or hide in a name (Unicode TR #36).
///
/// Variation selectors are allowed: they only choose among the shapes of the character before them, and names
/// with emoji and Japanese names often contain them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e00ff}'
        | '\u{e01f0}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Harmless but unusual text: emoji with a variation selector, an ideographic variant, a combining mark,
    /// right-to-left letters.
    const HARMLESS: &str = "größe 漢字 ❤\u{fe0f} 葛\u{e0100} e\u{301} שלום عربى \u{1f600}\u{1f3fd}";

    #[test]
    fn nothing_that_acts_gets_through() {
        let cases: [(&[u8], &str); 8] = [
            (b"", ""),
            (b"plain text.txt", "plain text.txt"),
            ("größe\u{ad}\\\u{200b}漢字\t".as_bytes(), "größe\\u{ad}\\\\\\u{200b}漢字\\t"),
            (HARMLESS.as_bytes(), HARMLESS),
            (b"\x1b[2J\r\n\0", "\\u{1b}[2J\\r\\n\\u{0}"),
            (b"a\\b", "a\\\\b"),
            (b"\xff\xfe", "\\xff\\xfe"),
            ("a\u{202e}b\u{9b}c\u{7f}".as_bytes(), "a\\u{202e}b\\u{9b}c\\u{7f}"),
        ];
        for (bytes, shown) in cases {
            assert_eq!(Printable(bytes).to_string(), shown);
            let mut pushed = b">".to_vec();
            Printable(bytes).push_to(&mut pushed);
            assert_eq!(String::from_utf8_lossy(&pushed), format!(">{shown}"));
            assert_eq!(Printable(bytes).is_plain(), shown.as_bytes() == bytes);
        }
    }

    #[test]
    fn every_kind_of_invisible_character_is_shown() {
        let table = [
            ("C0", "\0\u{7}\u{8}\t\n\r\u{1b}\u{1f}"),
            ("DEL and C1", "\u{7f}\u{80}\u{85}\u{9b}\u{9f}"),
            ("bidirectional controls", "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}"),
            ("separators", "\u{2028}\u{2029}"),
            ("zero width", "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{180e}"),
            ("soft hyphen, grapheme joiner", "\u{ad}\u{34f}"),
            ("fillers", "\u{115f}\u{1160}\u{3164}\u{ffa0}\u{17b4}"),
            ("annotations", "\u{fff9}\u{fffa}\u{fffb}"),
            ("tags", "\u{e0001}\u{e0020}\u{e007f}"),
            ("other formats", "\u{1bca0}\u{1d173}\u{206a}"),
        ];
        for (what, text) in table {
            assert_eq!(Printable::text(text).to_string(), text.escape_default().to_string(), "{what}");
            let written = serde_json::to_string(text).expect("a string");
            let escaped = json(&written);
            assert!(escaped.is_ascii() && !escaped.contains(char::is_control), "{what}: {escaped}");
            assert_eq!(serde_json::from_str::<String>(&escaped).expect("JSON"), text, "{what}");
        }
    }

    #[test]
    fn a_name_in_a_line_breaks_it_nowhere() {
        let persian = "می\u{200c}خواهم.txt";
        let table: [(&[u8], &[u8]); 5] = [
            (b"a\xff\\b", b"a\xff\\b"),
            (b"a\xff\tb\xfe\n\x7f", b"a\xff?b\xfe??"),
            (persian.as_bytes(), persian.as_bytes()),
            ("a\u{9b}b\u{85}".as_bytes(), b"a?b?"),
            ("a\u{202e}b\u{2066}c\u{2028}".as_bytes(), b"a?b?c?"),
        ];
        for (name, line) in table {
            assert_eq!(*in_line(name), *line, "{}", Printable(name));
        }
    }

    #[test]
    fn what_does_not_act_stays_as_it_is() {
        let pretty = "{\n  \"a\": \"b\\\\c\"\n}";
        assert_eq!(json(pretty), pretty);
        assert_eq!(json(HARMLESS), HARMLESS);
        assert_eq!(format!("{0} {0:?}", Foreign::from("a\x1b".to_owned())), "a\\u{1b} \"a\\u{1b}\"");
    }
}
