//! Finding the delimiter: `CRLF "--" boundary`, in a body that arrives in pieces (RFC 2046 §5.1.1).
//!
//! A delimiter has exactly one CR, its first byte. So if a match fails, none of its other bytes can begin a
//! new match, and no byte is examined twice. Within a piece, the search jumps by the length of the delimiter
//! (Horspool). Between pieces, only a count is kept: the bytes that matched so far are a prefix of the
//! delimiter, and are copied from it if they turn out to be content.

use super::boundary::{BOUNDARY_LIMIT, Boundary};

/// Searches one body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scanner {
    delimiter: Vec<u8>,
    /// How far the window moves if it ends with this byte.
    jumps: [u8; 256],
    /// How many bytes of the delimiter the latest bytes match.
    matched: usize,
    /// How many of the matched bytes are the line break of the preceding line, which is not content.
    lent: usize,
}

// A jump is at most the length of a delimiter.
const _: () = assert!(LINE_START.len() + BOUNDARY_LIMIT <= u8::MAX as usize);

/// The part of a delimiter before its boundary.
const LINE_START: &[u8] = b"\r\n--";

/// The length of a line break.
const CRLF: usize = 2;

/// The kind of the next bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scanned<'a> {
    /// Content; may be empty.
    Content(&'a [u8]),
    /// A complete delimiter ends here.
    Delimiter,
    /// Undecided until more bytes arrive.
    Undecided,
}

impl Scanner {
    pub(super) fn new(boundary: &Boundary) -> Self {
        let delimiter = [LINE_START, boundary.to_string().as_bytes()].concat();
        let last = delimiter.len() - 1;
        let mut jumps = [delimiter.len() as u8; 256];
        for (at, byte) in delimiter.iter().enumerate().take(last) {
            jumps[usize::from(*byte)] = (last - at) as u8;
        }
        Self { delimiter, jumps, matched: 0, lent: 0 }
    }

    /// A line has just ended. Its CRLF may be the start of a delimiter, and is not content in any case.
    pub(super) fn begin_line(&mut self) {
        self.matched = CRLF;
        self.lent = CRLF;
    }

    /// Returns what the input begins with, and the number of those bytes. After empty `Content`, call it
    /// again.
    pub(super) fn scan<'a>(&'a mut self, input: &'a [u8]) -> (usize, Scanned<'a>) {
        if self.matched == 0 {
            let (content, _) = input.split_at(self.find(input));
            if !content.is_empty() {
                return (content.len(), Scanned::Content(content));
            }
        }
        self.go_on_matching(input)
    }

    /// Where a delimiter begins, complete or cut off by the end of the input. The length of the input if there is no
    /// delimiter.
    fn find(&self, input: &[u8]) -> usize {
        let length = self.delimiter.len();
        let mut at = 0;
        while let Some(window @ [first, .., last]) = input.get(at..at + length) {
            // Nearly every comparison is decided by the first byte, even if an attacker chooses the other bytes.
            if *first == b'\r' && window == self.delimiter {
                return at;
            }
            at += usize::from(self.jumps[usize::from(*last)]);
        }
        let is_begun = |from: &usize| input.get(*from..).is_some_and(|tail| self.delimiter.starts_with(tail));
        (at..input.len()).find(is_begun).unwrap_or(input.len())
    }

    /// Compares the input with the rest of the delimiter.
    fn go_on_matching<'a>(&'a mut self, input: &[u8]) -> (usize, Scanned<'a>) {
        let missing = self.delimiter.iter().skip(self.matched);
        let common = missing.zip(input).take_while(|(wanted, byte)| wanted == byte).count();
        self.matched += common;
        if self.matched < self.delimiter.len() && common == input.len() {
            return (common, Scanned::Undecided);
        }
        let (from, to) = (std::mem::take(&mut self.lent), std::mem::take(&mut self.matched));
        if to == self.delimiter.len() {
            return (common, Scanned::Delimiter);
        }
        (common, Scanned::Content(self.delimiter.get(from..to).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything found in the pieces: content unchanged, `|` for a delimiter, `…` where more bytes are
    /// needed.
    fn scan(begin_line: bool, pieces: &[&[u8]]) -> String {
        let mut scanner = Scanner::new(&Boundary::new(b"ab").expect("valid"));
        if begin_line {
            scanner.begin_line();
        }
        let mut seen = String::new();
        for mut piece in pieces.iter().copied() {
            while !piece.is_empty() {
                let (used, found) = scanner.scan(piece);
                match found {
                    Scanned::Content(content) => seen.push_str(&String::from_utf8_lossy(content)),
                    Scanned::Delimiter => seen.push('|'),
                    Scanned::Undecided => seen.push('…'),
                }
                piece = &piece[used..];
            }
        }
        seen
    }

    #[test]
    fn delimiters_and_what_looks_like_them() {
        let cases: [(&str, bool, &[&[u8]], &str); 13] = [
            ("none", false, &[b"some content"], "some content"),
            ("one", false, &[b"xy\r\n--abz"], "xy|z"),
            ("two in a row", false, &[b"\r\n--ab\r\n--ab"], "||"),
            ("at a line's start", true, &[b"--abz"], "|z"),
            ("only there", false, &[b"--abz"], "--abz"),
            ("a line break that is not content", true, &[b"xyz"], "xyz"),
            ("nor with part of a delimiter", true, &[b"--", b"axyz"], "…--axyz"),
            ("split", false, &[b"x\r", b"\n-", b"-a", b"bz"], "x………|z"),
            ("broken off", false, &[b"x\r\n", b"-y"], "x…\r\n-y"),
            ("broken off by another", false, &[b"\r\n-", b"\r\n--ab"], "…\r\n-|"),
            ("CRs", false, &[b"\r\r\r\n--ab\r"], "\r\r|…"),
            ("the end of one", false, &[b"b--ab\n--abab"], "b--ab\n--abab"),
            ("long before it", false, &[&[b'a'; 100], b"\r\n--ab"], &("a".repeat(100) + "|")),
        ];
        for (name, begin_line, pieces, expected) in cases {
            assert_eq!(scan(begin_line, pieces), expected, "{name}");
        }
    }
}
