//! Validators: entity tags and modification dates, which distinguish the versions of a file (RFC 9110 §8.8).
//!
//! An entity tag is opaque bytes: it may have a comma, or bytes that are not text. So a list of tags is not split at
//! its commas. It is parsed tag by tag. Parsing copies nothing.
//!
//! The server makes tags from files; `conditional` decides what a comparison means.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use super::date::Date;

/// How much older than the response's `Date` a `Last-Modified` must be to be a strong validator (RFC 9110
/// §8.8.2.2). Within the second that the date names, the file could change again and keep the date.
pub const STRONG_DATE_AGE: Duration = Duration::from_secs(1);

/// An entity tag (RFC 9110 §8.8.3).
///
/// `==` compares how two tags are written. The comparisons of the protocol are [`Self::strongly_matches`] and
/// [`Self::weakly_matches`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag<'a> {
    opaque: Cow<'a, [u8]>,
    weak: bool,
}

impl<'a> EntityTag<'a> {
    /// A strong tag with these bytes between the quotes; `None` if one of them is not allowed.
    pub fn strong(opaque: impl Into<Cow<'a, [u8]>>) -> Option<Self> {
        Self::checked(opaque.into(), false)
    }

    /// Like [`Self::strong`], for a weak tag.
    pub fn weak(opaque: impl Into<Cow<'a, [u8]>>) -> Option<Self> {
        Self::checked(opaque.into(), true)
    }

    fn checked(opaque: Cow<'a, [u8]>, weak: bool) -> Option<Self> {
        opaque.iter().all(|&byte| may_be_opaque(byte)).then_some(Self { opaque, weak })
    }

    /// Parses a value that is exactly one entity tag.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        Self::read(value).filter(|(_, rest)| rest.is_empty()).map(|(tag, _)| tag)
    }

    /// Parses the tag that `bytes` begin with, and returns what follows it.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (weak, quoted) = bytes.strip_prefix(b"W/").map_or((false, bytes), |quoted| (true, quoted));
        let inner = quoted.strip_prefix(b"\"")?;
        let end = inner.iter().position(|&byte| !may_be_opaque(byte))?;
        let (opaque, rest) = inner.split_at_checked(end)?;
        Some((Self { opaque: Cow::Borrowed(opaque), weak }, rest.strip_prefix(b"\"")?))
    }

    /// Whether it is weak: `W/"…"`.
    pub fn is_weak(&self) -> bool {
        self.weak
    }

    /// Strong comparison (§8.8.3.2): the tags are equal, and neither is weak. The content is the same, byte
    /// for byte.
    pub fn strongly_matches(&self, other: &EntityTag<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Weak comparison (§8.8.3.2): the tags are equal, weak or not. The content is equivalent.
    pub fn weakly_matches(&self, other: &EntityTag<'_>) -> bool {
        self.opaque == other.opaque
    }

    /// The tag as a field value, byte for byte.
    pub fn to_bytes(&self) -> Vec<u8> {
        let prefix: &[u8] = if self.weak { b"W/\"" } else { b"\"" };
        [prefix, &self.opaque, b"\""].concat()
    }
}

/// `etagc`: any visible character except the quote, and any byte beyond ASCII.
fn may_be_opaque(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x7e | 0x80..)
}

/// The tag as text; bytes that are not UTF-8 are replaced. To send a tag back, use [`EntityTag::to_bytes`].
impl fmt::Display for EntityTag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.weak { "W/" } else { "" };
        write!(f, "{prefix}\"{}\"", String::from_utf8_lossy(&self.opaque))
    }
}

/// The tags on one line of a list (`#entity-tag`), in order. Empty members are ignored (RFC 9110 §5.6.1.2).
/// Parsing of the line ends after a malformed tag, because it is unclear where the next one begins.
#[derive(Debug, Clone)]
pub(super) struct EntityTags<'a> {
    rest: &'a [u8],
}

/// A member of a list is not an entity tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoTag;

impl<'a> EntityTags<'a> {
    pub(super) fn of(line: &'a [u8]) -> Self {
        Self { rest: line }
    }

    /// The first tag, if a comma or the end follows it.
    fn member(&self) -> Option<(EntityTag<'a>, &'a [u8])> {
        let (tag, rest) = EntityTag::read(self.rest)?;
        let rest = rest.trim_ascii_start();
        (rest.is_empty() || rest.starts_with(b",")).then_some((tag, rest))
    }
}

impl<'a> Iterator for EntityTags<'a> {
    type Item = Result<EntityTag<'a>, NoTag>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.rest.iter().position(|byte| !b" \t,".contains(byte))?;
        self.rest = self.rest.get(start..)?;
        let (found, rest) = match self.member() {
            Some((tag, rest)) => (Ok(tag), rest),
            None => (Err(NoTag), &[] as &[u8]),
        };
        self.rest = rest;
        Some(found)
    }
}

/// The validators of the current representation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// Its entity tag.
    pub etag: Option<EntityTag<'static>>,
    /// When it was last modified, as the client sees it.
    pub last_modified: Option<Date>,
}

impl Validators {
    /// Takes the modification time and the time of the response. A time in the future becomes `now`, as a
    /// server must not send one (RFC 9110 §8.8.2.1).
    pub fn new(etag: EntityTag<'static>, modified: SystemTime, now: Date) -> Self {
        Self { etag: Some(etag), last_modified: Some(Date::from(modified).min(now)) }
    }

    /// Whether the date is a strong validator in a response at `now`: it is at least [`STRONG_DATE_AGE`] old, and the
    /// tag is not weak. With a weak tag, the content may change while the date stays the same.
    pub fn date_is_strong(&self, now: Date) -> bool {
        let is_weak = self.etag.as_ref().is_some_and(EntityTag::is_weak);
        !is_weak && self.last_modified.is_some_and(|date| now.since(date) >= STRONG_DATE_AGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::UNIX_EPOCH;

    fn strong(opaque: &[u8]) -> EntityTag<'_> {
        EntityTag::strong(opaque).expect("valid")
    }

    fn weak(opaque: &[u8]) -> EntityTag<'_> {
        EntityTag::weak(opaque).expect("valid")
    }

    #[test]
    fn one_tag() {
        let cases: [(&str, &[u8], Option<EntityTag<'_>>); 14] = [
            ("strong", b"\"xyzzy\"", Some(strong(b"xyzzy"))),
            ("weak", b"W/\"xyzzy\"", Some(weak(b"xyzzy"))),
            ("empty", b"\"\"", Some(strong(b""))),
            ("comma", b"\"a,b\"", Some(strong(b"a,b"))),
            ("backslash, which escapes nothing", b"\"a\\\"", Some(strong(b"a\\"))),
            ("obs-text", b"\"\xff\x80\"", Some(strong(b"\xff\x80"))),
            ("small w", b"w/\"a\"", None),
            ("space after W/", b"W/ \"a\"", None),
            ("space within", b"\"a b\"", None),
            ("DEL within", b"\"\x7f\"", None),
            ("no quotes", b"abc", None),
            ("no closing quote", b"\"abc", None),
            ("more after it", b"\"a\"b", None),
            ("nothing", b"", None),
        ];
        for (name, value, expected) in cases {
            assert_eq!(EntityTag::parse(value), expected, "{name} (§8.8.3)");
        }
    }

    #[test]
    fn a_list_of_tags() {
        type Row<'a> = (&'a str, &'a [u8], &'a [Result<EntityTag<'a>, NoTag>]);
        let (a, wb) = (Ok(strong(b"a")), Ok(weak(b"b")));
        let cases: [Row<'_>; 10] = [
            ("one", b"\"a\"", std::slice::from_ref(&a)),
            ("two", b"\"a\", W/\"b\"", &[a.clone(), wb.clone()]),
            ("no space", b"\"a\",W/\"b\"", &[a.clone(), wb.clone()]),
            ("empty members (§5.6.1.2)", b",\t, \"a\" ,, W/\"b\" ,", &[a.clone(), wb]),
            ("comma in a tag", b"\"a,\"b\"", &[Err(NoTag)]),
            ("comma in a tag, rightly", b"\"a,b\", \"a\"", &[Ok(strong(b"a,b")), a.clone()]),
            ("no comma between", b"\"a\" \"b\"", &[Err(NoTag)]),
            ("nothing after a malformed tag", b"\"a\", x, \"a\"", &[a.clone(), Err(NoTag)]),
            ("a star is not a tag", b"*", &[Err(NoTag)]),
            ("nothing", b" , ", &[]),
        ];
        for (name, line, expected) in cases {
            assert_eq!(EntityTags::of(line).collect::<Vec<_>>(), expected, "{name}");
        }
    }

    #[test]
    fn the_two_comparisons() {
        // The table of RFC 9110 §8.8.3.2.
        let cases = [
            (weak(b"1"), weak(b"1"), false, true),
            (weak(b"1"), weak(b"2"), false, false),
            (weak(b"1"), strong(b"1"), false, true),
            (strong(b"1"), strong(b"1"), true, true),
        ];
        for (one, other, strongly, weakly) in cases {
            assert_eq!(one.strongly_matches(&other), strongly, "{one} strongly {other}");
            assert_eq!(other.strongly_matches(&one), strongly, "{other} strongly {one}");
            assert_eq!(one.weakly_matches(&other), weakly, "{one} weakly {other}");
        }
    }

    #[test]
    fn a_tag_cannot_be_made_of_what_cannot_be_sent() {
        for opaque in [b"a\"b".as_slice(), b"a b", b"\r\n", b"\0", b"\x7f"] {
            assert_eq!(EntityTag::strong(opaque), None, "{opaque:?}");
        }
    }

    #[test]
    fn when_a_date_is_strong() {
        let modified = UNIX_EPOCH + Duration::from_millis(10_900);
        let cases = [
            ("in the second that it names", 10, Some(10), false),
            ("one second later (§8.8.2.2)", 11, Some(10), true),
            ("in the future, so it is now (§8.8.2.1)", 9, Some(9), false),
        ];
        for (name, now, sent, strong) in cases {
            let now = Date::from(UNIX_EPOCH + Duration::from_secs(now));
            let validators =
                Validators::new(EntityTag::strong(b"x".as_slice()).expect("valid"), modified, now);
            let sent = sent.map(|seconds| Date::from(UNIX_EPOCH + Duration::from_secs(seconds)));
            assert_eq!((validators.last_modified, validators.date_is_strong(now)), (sent, strong), "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes: Vec<u8>, is_weak: bool) {
            let opaque: Vec<u8> = bytes.into_iter().filter(|&byte| may_be_opaque(byte)).collect();
            let tag = EntityTag::checked(Cow::Owned(opaque), is_weak).expect("allowed bytes only");
            let written = tag.to_bytes();
            prop_assert_eq!(EntityTag::parse(&written), Some(tag.clone()));
            if written.is_ascii() {
                prop_assert_eq!(tag.to_string().into_bytes(), written.clone());
            }
            let list = [written.as_slice(), b" , ", &written].concat();
            prop_assert_eq!(EntityTags::of(&list).collect::<Vec<_>>(), [Ok(tag.clone()), Ok(tag)]);
        }
    }
}
