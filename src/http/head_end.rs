//! Where a request's head ends (RFC 9112 §2.1), in bytes that arrive in pieces.

use super::fields::is_token_byte;
use super::request::{HEAD_LIMIT, HeadError};

/// Every position in a head fits in 16 bits.
const _: () = assert!(HEAD_LIMIT <= u16::MAX as usize);

/// Finds the end of a head in bytes that arrive in pieces, examining each byte once.
#[derive(Debug, Clone, Default)]
pub struct EndFinder {
    /// The number of bytes examined, at most [`HEAD_LIMIT`]. Each idle connection has a finder, so this is
    /// small.
    seen: u16,
    /// Where the current line begins.
    line: u16,
    /// Whether a non-empty line came before: empty lines before a request line are ignored (RFC 9112 §2.2).
    has_begun: bool,
}

impl EndFinder {
    /// Examines the bytes added to `bytes` since the last call; returns the length of the head once it is
    /// complete. A line that does not end with CRLF is rejected at once (RFC 9112 §2.2 allows that), and so
    /// is a head that is too large.
    ///
    /// The result does not depend on how the bytes arrive: bytes beyond [`HEAD_LIMIT`] are never examined.
    pub fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, HeadError> {
        let bytes = bytes.get(..HEAD_LIMIT).unwrap_or(bytes);
        if bytes.first().is_some_and(|&b| !is_token_byte(b) && b != b'\r') {
            return Err(HeadError::RequestLine);
        }
        while let Some(at) = line_break(bytes, self.seen.into()) {
            match bytes[at..] {
                [b'\r', b'\n', ..] => {}
                [b'\r'] => {
                    self.seen = at as u16;
                    return self.incomplete(bytes);
                }
                _ => return Err(HeadError::LineEnd),
            }
            let is_empty = at == usize::from(self.line);
            self.seen = (at + 2) as u16;
            self.line = self.seen;
            if is_empty && self.has_begun {
                return Ok(Some(at + 2));
            }
            self.has_begun |= !is_empty;
        }
        self.seen = bytes.len() as u16;
        self.incomplete(bytes)
    }

    /// The result for a head that has not ended yet.
    fn incomplete(&self, bytes: &[u8]) -> Result<Option<usize>, HeadError> {
        if bytes.len() < HEAD_LIMIT { Ok(None) } else { Err(self.too_large()) }
    }

    /// The error for a head that has not ended at the limit: if its first line has not ended either, the
    /// target is too long.
    fn too_large(&self) -> HeadError {
        if self.line == 0 { HeadError::TargetTooLong } else { HeadError::TooLarge }
    }
}

/// The first CR or LF from this position on. Pieces of 16 bytes without any are skipped.
fn line_break(bytes: &[u8], from: usize) -> Option<usize> {
    // Without an early end, the compiler compares all bytes at once.
    let may_have_one =
        |piece: &[u8; 16]| piece.iter().fold(0, |found, byte| found | u8::from(*byte <= b'\r')) != 0;
    let (pieces, tail) = bytes.get(from..)?.as_chunks::<16>();
    for (number, piece) in pieces.iter().enumerate() {
        if may_have_one(piece)
            && let Some(at) = first_break(piece)
        {
            return Some(from + 16 * number + at);
        }
    }
    Some(bytes.len() - tail.len() + first_break(tail)?)
}

/// The first CR or LF, searched eight bytes at a time.
fn first_break(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Sets the high bit of each byte that is at most CR, and perhaps of bytes after it.
    let low = |word: u64| word.wrapping_sub(ONES * (u64::from(b'\r') + 1)) & !word & (ONES << 7);
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let (words, tail) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let mut found = low(u64::from_le_bytes(*word));
        while found != 0 {
            let at = found.trailing_zeros() as usize / 8;
            if is_break(&word[at]) {
                return Some(8 * number + at);
            }
            found &= found - 1;
        }
    }
    Some(bytes.len() - tail.len() + tail.iter().position(is_break)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result for bytes arriving in pieces of this size.
    fn find(bytes: &[u8], piece: usize) -> Result<Option<usize>, HeadError> {
        let mut finder = EndFinder::default();
        let ends = (1..=bytes.len()).filter(|end| end % piece == 0 || *end == bytes.len());
        ends.map(|end| finder.find(&bytes[..end])).find(|found| *found != Ok(None)).unwrap_or(Ok(None))
    }

    #[test]
    fn ends_however_they_arrive() {
        let cases: [(&str, &[u8], Result<Option<usize>, HeadError>); 14] = [
            ("whole", b"GET / HTTP/1.1\r\nA: b\r\n\r\nrest", Ok(Some(24))),
            ("no fields", b"GET / HTTP/1.1\r\n\r\n", Ok(Some(18))),
            ("empty lines before (§2.2)", b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", Ok(Some(22))),
            ("only empty lines", b"\r\n\r\n", Ok(None)),
            ("half", b"GET / HTTP/1.1\r\nA: b\r\n", Ok(None)),
            ("bare LF", b"GET / HTTP/1.1\nA: b\n\n", Err(HeadError::LineEnd)),
            ("bare LF at the end", b"GET / HTTP/1.1\r\nA: b\r\n\n", Err(HeadError::LineEnd)),
            ("bare CR", b"GET / HTTP/1.1\rA: b\r\n\r\n", Err(HeadError::LineEnd)),
            ("bare CR in a line without end", b"GET / HTTP/1.1\r\nA: b\rC: d", Err(HeadError::LineEnd)),
            ("two CRs", b"GET / HTTP/1.1\r\r\n\r\n", Err(HeadError::LineEnd)),
            ("half a line break", b"GET / HTTP/1.1\r\nA: 0123456789012345\r", Ok(None)),
            (
                "long lines",
                b"GET /0123456789abcdef0123456789abcdef HTTP/1.1\r\nA: 0123456789abcdef\r\n\r\n",
                Ok(Some(71)),
            ),
            ("a line of white space", b" \r\nGET / HTTP/1.1\r\n\r\n", Err(HeadError::RequestLine)),
            ("TLS", b"\x16\x03\x01\x02", Err(HeadError::RequestLine)),
        ];
        for (name, bytes, expected) in cases {
            for piece in 1..=bytes.len() {
                assert_eq!(find(bytes, piece), expected, "{name}, {piece} at a time");
            }
        }
    }

    #[test]
    fn heads_without_end() {
        let target = vec![b'x'; HEAD_LIMIT];
        assert_eq!(find(&target, 1000), Err(HeadError::TargetTooLong));
        let fields = format!("GET / HTTP/1.1\r\n{}", "A: b\r\n".repeat(HEAD_LIMIT / 6));
        assert_eq!(find(fields.as_bytes(), 1000), Err(HeadError::TooLarge));
        let fits = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(HEAD_LIMIT - 23));
        assert_eq!(find(fits.as_bytes(), 1000), Ok(Some(HEAD_LIMIT)));
    }

    #[test]
    fn a_head_that_is_too_large_is_so_however_it_arrives() {
        let cases = [
            (
                "its target",
                format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(HEAD_LIMIT)),
                HeadError::TargetTooLong,
            ),
            (
                "a field",
                format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(HEAD_LIMIT)),
                HeadError::TooLarge,
            ),
            ("a bare LF beyond the limit", format!("G\r\n{}\n", "x".repeat(HEAD_LIMIT)), HeadError::TooLarge),
            ("empty lines", "\r\n".repeat(HEAD_LIMIT), HeadError::TooLarge),
        ];
        for (name, bytes, expected) in cases {
            for piece in [997, HEAD_LIMIT, HEAD_LIMIT + 1, bytes.len()] {
                assert_eq!(find(bytes.as_bytes(), piece), Err(expected), "{name}, {piece} at a time");
            }
        }
    }
}
