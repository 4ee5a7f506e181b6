//! `Range` fields: the selection is the requested one, and never exceeds the representation.

use wharf::http::multipart::Boundary;
use wharf::http::range::byteranges::{self, RangePart};
use wharf::http::range::content_range::{ContentRange, content_range};
use wharf::http::range::{RANGES_LIMIT, Selection, Span, select};

/// The first eight bytes are the length of the representation, shifted by the ninth; the rest is the field.
pub(crate) fn check(data: &[u8]) {
    let Some((len, rest)) = data.split_first_chunk() else { return };
    let Some((&shift, field)) = rest.split_first() else { return };
    let len = u64::from_be_bytes(*len) >> (shift % 64);
    let spans = match select(field, len) {
        Selection::Whole => return,
        Selection::Unsatisfiable => Vec::new(),
        Selection::One(span) => vec![span],
        Selection::Many(spans) => {
            assert!(spans.len() >= 2 && spans.len() <= RANGES_LIMIT);
            spans
        }
    };
    let found: Vec<_> = spans.iter().map(|span| (span.start(), span.last())).collect();
    assert_eq!(found, asked(field, len));
    assert!(spans.iter().all(|span| span.length() > 0 && span.end() <= len));
    assert!(spans.iter().map(|span| u128::from(span.length())).sum::<u128>() <= u128::from(len));
    for &span in &spans {
        let told = content_range(span, len);
        assert_eq!(ContentRange::parse(told.to_string().as_bytes()), Some(told));
    }
    if spans.len() > 1 {
        frames_as_it_says(&spans, len);
    }
}

/// The satisfiable ranges of the field, first and last byte, in numbers that cannot overflow.
fn asked(field: &[u8], len: u64) -> Vec<(u64, u64)> {
    let text = std::str::from_utf8(field).expect("it was accepted");
    let (unit, set) = text.split_once('=').expect("it was accepted");
    assert!(unit.eq_ignore_ascii_case("bytes"));
    let ranges = set.split(',').map(|range| range.trim_matches(|c: char| c.is_ascii_whitespace()));
    ranges.filter(|range| !range.is_empty()).filter_map(|range| one(range, u128::from(len))).collect()
}

fn one(range: &str, len: u128) -> Option<(u64, u64)> {
    let (first, last) = range.split_once('-').expect("a dash");
    let number = |digits: &str| {
        assert!(!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()), "{digits:?}");
        digits.parse::<u128>().unwrap_or(u128::MAX)
    };
    let (first, last) = match (first, last) {
        ("", suffix) => (len - number(suffix).min(len), len.checked_sub(1)?),
        (first, "") => (number(first), len.checked_sub(1)?),
        (first, last) => (number(first), number(last).min(len.checked_sub(1)?)),
    };
    (first <= last).then_some((first as u64, last as u64))
}

fn frames_as_it_says(spans: &[Span], len: u64) {
    let boundary = Boundary::of_bytes([7; 16]);
    let pieces = byteranges::frame(&boundary, "text/plain", spans, len);
    let content: Vec<_> = pieces
        .iter()
        .filter_map(|piece| if let RangePart::Content(span) = piece { Some(*span) } else { None })
        .collect();
    assert_eq!(content, spans);
    assert_eq!(pieces.len(), 2 * spans.len() + 1);
}
