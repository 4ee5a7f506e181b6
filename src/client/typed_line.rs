//! Reads lines that only the terminal itself edits.

use std::io::{self, BufRead as _, Write as _};

/// What a prompt has read.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line, without its end.
    Line(String),
    /// Ctrl-D, or the end of the input.
    End,
    /// Ctrl-C.
    Interrupt,
}

/// Prints the prompt and reads the next line.
pub(super) fn read(prompt: &str) -> io::Result<Typed> {
    let mut out = io::stdout();
    out.write_all(prompt.as_bytes())?;
    out.flush()?;
    let mut line = Vec::new();
    if io::stdin().lock().read_until(b'\n', &mut line)? == 0 {
        // Ctrl-D leaves the cursor after the prompt.
        writeln!(out)?;
        return Ok(Typed::End);
    }
    Ok(Typed::Line(text(&line)))
}

/// A line as text: without its end and without a byte order mark. Bytes that are not UTF-8 become U+FFFD, which no name
/// contains, so the server's response says that the name is wrong.
pub fn text(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.trim_end_matches(['\r', '\n']).trim_start_matches('\u{feff}').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_end_and_no_mark() {
        let cases: [(&[u8], &str); 5] = [
            (b"GET a\r\n", "GET a"),
            (b"\xef\xbb\xbfGET a\n", "GET a"),
            (b"caf\xe9\n", "caf\u{fffd}"),
            (b"\xef\xbb\n", "\u{fffd}"),
            (b"", ""),
        ];
        for (line, expected) in cases {
            assert_eq!(text(line), expected, "{line:?}");
        }
    }
}
