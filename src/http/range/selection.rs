//! Which bytes a `Range` field selects (RFC 9110 §14.1 and §14.2).

use super::span::Span;

/// The maximum number of ranges in one field. Document viewers, and tools that repair archives, request a few dozen
/// ranges at once. Each further range costs a part head and a write.
pub const RANGES_LIMIT: usize = 64;

/// What a `Range` field selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The field is ignored: 200 with the whole representation.
    Whole,
    /// 206 with `Content-Range`.
    One(Span),
    /// 206 as `multipart/byteranges`: at least two, in the requested order.
    Many(Vec<Span>),
    /// 416: none of the requested bytes exist.
    Unsatisfiable,
}

/// Selects from a representation of `len` bytes.
///
/// Overlapping or adjacent ranges are not joined (§15.3.7.2 allows either): each part is one requested range,
/// in the requested order. The cost is bounded, because the total is never more than the whole. An empty
/// representation is sent as a whole instead of 416: some clients send `bytes=0-` with every request.
pub fn select(range_field: &[u8], len: u64) -> Selection {
    let Ok(spans) = spans(range_field, len) else { return Selection::Whole };
    let total = spans.iter().try_fold(0_u64, |total, span| total.checked_add(span.length()));
    match spans.as_slice() {
        [] if len > 0 => Selection::Unsatisfiable,
        // The total of all ranges is larger than the representation: an attack, or a broken client.
        _ if total.is_none_or(|total| total > len) => Selection::Whole,
        [] => Selection::Whole,
        [one] => Selection::One(*one),
        _ => Selection::Many(spans),
    }
}

/// The field is ignored: it is malformed, has a different unit, or has more than [`RANGES_LIMIT`] ranges.
struct Ignored;

/// The spans of the ranges that select something.
fn spans(range_field: &[u8], len: u64) -> Result<Vec<Span>, Ignored> {
    let mut spans = Vec::new();
    let mut ranges = 0;
    for range in range_set(range_field)?.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
        if range.is_empty() {
            continue;
        }
        ranges += 1;
        if ranges > RANGES_LIMIT {
            return Err(Ignored);
        }
        spans.extend(span(range, len)?);
    }
    if ranges == 0 { Err(Ignored) } else { Ok(spans) }
}

/// The ranges after `bytes=`; the case of the unit is ignored (§14.1).
fn range_set(range_field: &[u8]) -> Result<&[u8], Ignored> {
    const UNIT: &[u8] = b"bytes=";
    match range_field.split_at_checked(UNIT.len()) {
        Some((unit, set)) if unit.eq_ignore_ascii_case(UNIT) => Ok(set),
        _ => Err(Ignored),
    }
}

/// The span that one `range-spec` selects (§14.1.2): `first-last`, `first-` or `-suffix`; `None` if it selects nothing.
fn span(range: &[u8], len: u64) -> Result<Option<Span>, Ignored> {
    let mut ends = range.splitn(2, |&byte| byte == b'-');
    match (ends.next().unwrap_or_default(), ends.next().ok_or(Ignored)?) {
        (b"", suffix) => {
            let length = position(suffix)?.min(len);
            Ok(Span::new(len - length, length, len))
        }
        (first, b"") => {
            let first = position(first)?;
            Ok(Span::new(first, len.saturating_sub(first), len))
        }
        (first, last) => {
            let (first, last) = (position(first)?, position(last)?);
            if last < first {
                return Err(Ignored);
            }
            let end = last.saturating_add(1).min(len);
            Ok(Span::new(first, end.saturating_sub(first), len))
        }
    }
}

/// A decimal number. A number that does not fit in 64 bits is beyond any file, so it becomes the largest.
fn position(digits: &[u8]) -> Result<u64, Ignored> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Ignored);
    }
    let append = |number: u64, digit: &u8| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Ok(digits.iter().fold(0, append))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Selection::{Many, One, Unsatisfiable, Whole};
    use proptest::prelude::*;

    fn at(start: u64, length: u64) -> Span {
        Span::new(start, length, u64::MAX).expect("not empty")
    }

    fn check(cases: &[(&str, &str, Selection)], len: u64) {
        for (name, field, expected) in cases {
            assert_eq!(select(field.as_bytes(), len), *expected, "{name}: {field}");
        }
    }

    #[test]
    fn ranges_of_a_thousand_bytes() {
        let huge = "9".repeat(40);
        check(
            &[
                ("first and last (§14.1.2)", "bytes=0-499", One(at(0, 500))),
                ("one byte", "bytes=0-0", One(at(0, 1))),
                ("the last byte", "bytes=999-999", One(at(999, 1))),
                ("last beyond the end", "bytes=500-5000", One(at(500, 500))),
                ("open", "bytes=990-", One(at(990, 10))),
                ("open, all", "bytes=0-", One(at(0, 1000))),
                ("suffix", "bytes=-10", One(at(990, 10))),
                ("suffix longer than all", "bytes=-5000", One(at(0, 1000))),
                ("leading zeros", "bytes=0000-0009", One(at(0, 10))),
                ("unit in capitals (§14.1)", "BYTES=1-2", One(at(1, 2))),
                ("first and last byte", "bytes=0-0,-1", Many(vec![at(0, 1), at(999, 1)])),
                ("the order asked for (§15.3.7.2)", "bytes=5-6,1-2", Many(vec![at(5, 2), at(1, 2)])),
                ("touching: not joined", "bytes=0-4,5-9", Many(vec![at(0, 5), at(5, 5)])),
                ("overlapping: not joined", "bytes=0-4,3-9", Many(vec![at(0, 5), at(3, 7)])),
                ("empty members, OWS (§5.6.1.2)", "bytes=, 1-2 ,\t, 5-6,", Many(vec![at(1, 2), at(5, 2)])),
                ("one beyond the end is left out", "bytes=0-1,2000-", One(at(0, 2))),
                ("beyond the end", "bytes=1000-", Unsatisfiable),
                ("all beyond the end", "bytes=1000-1001,2000-", Unsatisfiable),
                ("no suffix", "bytes=-0", Unsatisfiable),
                ("40 digits, first", &format!("bytes={huge}-"), Unsatisfiable),
                ("2^64 + 4, which must not wrap to 4", "bytes=18446744073709551620-", Unsatisfiable),
                ("40 digits, last", &format!("bytes=1-{huge}"), One(at(1, 999))),
                ("40 digits, suffix", &format!("bytes=-{huge}"), One(at(0, 1000))),
            ],
            1000,
        );
    }

    #[test]
    fn fields_that_are_ignored() {
        let most = vec!["1-1"; RANGES_LIMIT].join(",");
        let too_many = vec!["1-1"; RANGES_LIMIT + 1].join(",");
        assert_eq!(select(format!("bytes={most}").as_bytes(), 1000), Many(vec![at(1, 1); RANGES_LIMIT]));
        check(
            &[
                ("last before first (§14.1.1)", "bytes=5-4", Whole),
                ("one of several malformed", "bytes=0-1,5-4", Whole),
                ("another unit (§14.2)", "lines=0-1", Whole),
                ("no unit", "0-1", Whole),
                ("no set", "bytes=", Whole),
                ("an empty set", "bytes=,", Whole),
                ("only a dash", "bytes=-", Whole),
                ("no dash", "bytes=5", Whole),
                ("a sign", "bytes=+1-2", Whole),
                ("two dashes", "bytes=--1", Whole),
                ("no digits", "bytes=a-b", Whole),
                ("hexadecimal", "bytes=0x1-2", Whole),
                ("space within", "bytes=0 -1", Whole),
                ("space before the equals sign", "bytes =0-1", Whole),
                ("nothing", "", Whole),
                ("too many", &format!("bytes={too_many}"), Whole),
                ("more in all than there is", "bytes=0-,0-", Whole),
                ("by a byte", "bytes=0-499,499-999", Whole),
            ],
            1000,
        );
        assert_eq!(select(b"bytes=0-\xff", 1000), Whole);
    }

    #[test]
    fn other_lengths() {
        let all = at(0, u64::MAX);
        check(
            &[
                ("nothing to select", "bytes=0-", Whole),
                ("first byte", "bytes=0-0", Whole),
                ("suffix", "bytes=-1", Whole),
                ("beyond", "bytes=5-6", Whole),
            ],
            0,
        );
        check(
            &[
                ("all there can be", "bytes=0-", One(all)),
                ("last at the limit", "bytes=0-18446744073709551615", One(all)),
                ("totals that overflow", "bytes=0-,0-,1-", Whole),
            ],
            u64::MAX,
        );
    }

    proptest! {
        #[test]
        fn selections_stay_within_the_representation(
            field in "bytes=([0-9]{0,4}-[0-9]{0,4} ?, ?){1,4}",
            len in 0..2000_u64,
        ) {
            let spans = match select(field.as_bytes(), len) {
                Whole | Unsatisfiable => vec![],
                One(span) => vec![span],
                Many(spans) => spans,
            };
            prop_assert!(spans.iter().all(|span| span.length() > 0 && span.end() <= len));
            prop_assert!(spans.iter().map(|span| span.length()).sum::<u64>() <= len);
        }

        #[test]
        fn any_field_is_accepted(field: Vec<u8>, len: u64) {
            let field = [b"bytes=", field.as_slice()].concat();
            if let One(span) = select(&field, len) {
                prop_assert!(span.end() <= len);
            }
        }
    }
}
