//! Several ranges in one body: `multipart/byteranges` (RFC 9110 §14.6).
//!
//! This makes only the frame: the heads of the parts, and the spans that follow them. The caller sends the content from
//! the file.

use super::content_range::content_range;
use super::span::Span;
use crate::http::multipart::Boundary;

/// A piece of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangePart {
    /// These bytes: the head of a part, or the closing delimiter.
    Frame(Vec<u8>),
    /// This span of the representation.
    Content(Span),
}

/// Frames these spans of a representation with `len` bytes and this media type, one part each. The boundary
/// must not occur in the content: the caller makes it long and random, and sends it in [`media_type`].
pub fn frame(boundary: &Boundary, part_type: &str, spans: &[Span], len: u64) -> Vec<RangePart> {
    let mut parts = Vec::with_capacity(2 * spans.len() + 1);
    let mut line_break = "";
    for &span in spans {
        let range = content_range(span, len);
        let head = format!(
            "{line_break}--{boundary}\r\nContent-Type: {part_type}\r\nContent-Range: {range}\r\n\r\n"
        );
        parts.push(RangePart::Frame(head.into_bytes()));
        parts.push(RangePart::Content(span));
        line_break = "\r\n";
    }
    parts.push(RangePart::Frame(format!("{line_break}--{boundary}--\r\n").into_bytes()));
    parts
}

/// The `Content-Type` of such a body.
pub fn media_type(boundary: &Boundary) -> String {
    format!("multipart/byteranges; boundary={}", boundary.as_parameter())
}

impl RangePart {
    /// Its length in the body, in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Frame(bytes) => bytes.len() as u64,
            Self::Content(span) => span.length(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_as_the_rfc_shows_them() {
        let content = b"0123456789abcdefghij";
        let len = content.len() as u64;
        let spans = [(0, 2), (15, 5)].map(|(start, length)| Span::new(start, length, len).expect("within"));
        let boundary = Boundary::new(b"THIS_STRING_SEPARATES").expect("valid");
        let framed = frame(&boundary, "text/plain", &spans, len);
        let mut body = Vec::new();
        for part in framed {
            match part {
                RangePart::Frame(bytes) => body.extend(bytes),
                RangePart::Content(span) => {
                    body.extend(&content[span.start() as usize..span.end() as usize]);
                }
            }
        }
        let expected = "--THIS_STRING_SEPARATES\r\n\
            Content-Type: text/plain\r\nContent-Range: bytes 0-1/20\r\n\r\n\
            01\r\n--THIS_STRING_SEPARATES\r\n\
            Content-Type: text/plain\r\nContent-Range: bytes 15-19/20\r\n\r\n\
            fghij\r\n--THIS_STRING_SEPARATES--\r\n";
        assert_eq!(String::from_utf8_lossy(&body), expected);
        let length: u64 = frame(&boundary, "text/plain", &spans, len).iter().map(RangePart::length).sum();
        assert_eq!(length, expected.len() as u64);
        assert_eq!(media_type(&boundary), "multipart/byteranges; boundary=THIS_STRING_SEPARATES");
    }

    #[test]
    fn a_boundary_that_needs_quotes_has_them() {
        let boundary = Boundary::new(b"a:b c").expect("valid");
        assert_eq!(media_type(&boundary), "multipart/byteranges; boundary=\"a:b c\"");
    }
}
