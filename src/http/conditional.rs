//! Preconditions: whether the current representation is the one that the client expects (RFC 9110 §13).
//!
//! [`gather`] extracts the fields from a head, [`evaluate`] decides in the order of §13.2.2. A write is checked
//! twice: before its body is read, and at its commit, when the head is gone and another client may have
//! written. [`Preconditions::guard_a_write`] returns whether the commit must check again.
//!
//! A server that rejects the request for another reason (404, 403, …) does not evaluate preconditions (§13.2.1).
//! Knows no files and no clock.

use super::date::Date;
use super::validators::{EntityTag, EntityTags, NoTag, Validators};

/// The precondition fields of one request. Gathering none of them allocates nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "these are the names of the field lines")]
pub struct Preconditions<'a> {
    if_match: TagLines<'a>,
    if_none_match: TagLines<'a>,
    if_modified_since: DateField,
    if_unmodified_since: DateField,
}

/// The lines of `If-Match` or of `If-None-Match`: together one list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct TagLines<'a>(Vec<&'a [u8]>);

/// A field whose value is one date.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum DateField {
    #[default]
    Absent,
    Given(Date),
    /// It is there, and must be ignored: it is no date, or there are several (RFC 9110 §13.1.3, §13.1.4).
    Ignored,
}

/// What a request does with the current representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// GET or HEAD.
    Retrieve,
    /// Any other method.
    Modify,
}

/// The result of the preconditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Respond as if there were none.
    Proceed,
    /// 304: the client's copy is current.
    NotModified,
    /// 412: a precondition failed.
    Failed,
}

/// Picks the precondition fields out of a head's field lines, given as name and value.
pub fn gather<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Preconditions<'a> {
    let mut found = Preconditions::default();
    for (name, value) in fields {
        // All begin with `If-`, and hardly another field does.
        if let Some((prefix, rest)) = name.split_at_checked(3)
            && prefix.eq_ignore_ascii_case("if-")
        {
            found.take(rest, value);
        }
    }
    found
}

/// Decides in the order of RFC 9110 §13.2.2. `current` is what stands there now, `None` when nothing does.
///
/// What cannot be read in a list of entity tags is never taken for leave: by itself it neither lets a write
/// replace what stands there, nor makes a client keep its copy.
pub fn evaluate(given: &Preconditions<'_>, action: Action, current: Option<&Validators>) -> Verdict {
    if given.was_changed(current) { Verdict::Failed } else { given.is_already_known(action, current) }
}

/// Whether a `Range` field counts, by the `If-Range` that came with it (RFC 9110 §13.1.5): there is none, or
/// it names this very version. `now` is the answer's `Date`; a date that is not yet strong at that time names
/// nothing.
pub fn range_applies(if_range: Option<&[u8]>, current: &Validators, now: Date) -> bool {
    let Some(value) = if_range else { return true };
    match EntityTag::parse(value) {
        Some(tag) => current.etag.as_ref().is_some_and(|etag| etag.strongly_matches(&tag)),
        None => Date::parse(value)
            .is_some_and(|date| current.last_modified == Some(date) && current.date_is_strong(now)),
    }
}

impl<'a> Preconditions<'a> {
    /// Takes a field whose name is `If-` and this.
    fn take(&mut self, name: &str, value: &'a [u8]) {
        if name.eq_ignore_ascii_case("none-match") {
            self.if_none_match.0.push(value);
        } else if name.eq_ignore_ascii_case("modified-since") {
            self.if_modified_since.take(value);
        } else if name.eq_ignore_ascii_case("match") {
            self.if_match.0.push(value);
        } else if name.eq_ignore_ascii_case("unmodified-since") {
            self.if_unmodified_since.take(value);
        }
    }

    /// Steps 1 and 2 of §13.2.2: whether it is no longer what the client means to act on.
    fn was_changed(&self, current: Option<&Validators>) -> bool {
        if self.if_match.is_given() {
            return self.if_match.look_for(current, EntityTag::strongly_matches) != Match::Found;
        }
        let modified = current.and_then(|current| current.last_modified);
        match (self.if_unmodified_since, modified) {
            (DateField::Given(date), Some(modified)) => modified > date,
            _ => false,
        }
    }

    /// Steps 3 and 4 of §13.2.2: whether the client has already seen it, and what follows from that.
    fn is_already_known(&self, action: Action, current: Option<&Validators>) -> Verdict {
        if self.if_none_match.is_given() {
            return match (self.if_none_match.look_for(current, EntityTag::weakly_matches), action) {
                (Match::Absent, _) | (Match::Unclear, Action::Retrieve) => Verdict::Proceed,
                (Match::Found, Action::Retrieve) => Verdict::NotModified,
                (Match::Found | Match::Unclear, Action::Modify) => Verdict::Failed,
            };
        }
        let modified = current.and_then(|current| current.last_modified);
        match (action, self.if_modified_since, modified) {
            (Action::Retrieve, DateField::Given(date), Some(modified)) if modified <= date => {
                Verdict::NotModified
            }
            _ => Verdict::Proceed,
        }
    }

    /// Whether a write with these must see to it, when it commits, that what stands there is still what they were
    /// evaluated against. The head is gone by then, and somebody else may have written.
    pub fn guard_a_write(&self) -> bool {
        self.if_match.is_given()
            || self.if_none_match.is_given()
            || matches!(self.if_unmodified_since, DateField::Given(_))
    }

    /// Whether a write with these only wants something to be there, whatever version: `If-Match: *`.
    pub fn only_ask_for_existence(&self) -> bool {
        self.if_match.is_star() && !self.if_none_match.is_given()
    }
}

/// Whether a list names what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    Found,
    Absent,
    /// Not found, but there is something in the list that cannot be read.
    Unclear,
}

impl TagLines<'_> {
    fn is_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether it is `*`, which stands alone.
    fn is_star(&self) -> bool {
        matches!(self.0.as_slice(), [line] if line.trim_ascii() == b"*")
    }

    /// Whether what stands there is in the list. What does not exist is in none, not even in `*`.
    fn look_for(
        &self,
        current: Option<&Validators>,
        same: fn(&EntityTag<'static>, &EntityTag<'_>) -> bool,
    ) -> Match {
        let Some(current) = current else { return Match::Absent };
        if self.is_star() {
            return Match::Found;
        }
        let mut result = Match::Absent;
        for member in self.0.iter().flat_map(|line| EntityTags::of(line)) {
            match (member, &current.etag) {
                (Ok(tag), Some(etag)) if same(etag, &tag) => return Match::Found,
                (Ok(_), _) => {}
                (Err(NoTag), _) => result = Match::Unclear,
            }
        }
        result
    }
}

impl DateField {
    /// Takes a line of this field.
    fn take(&mut self, value: &[u8]) {
        *self = match (*self, Date::parse(value)) {
            (Self::Absent, Some(date)) => Self::Given(date),
            _ => Self::Ignored,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{Modify, Retrieve};
    use Verdict::{Failed, NotModified, Proceed};

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn date(value: &str) -> Date {
        Date::parse(value.as_bytes()).expect("valid")
    }

    /// What stands there in all tables: `"a"`, modified at SAME.
    fn current() -> Validators {
        let etag = EntityTag::strong(b"a".as_slice()).expect("valid");
        Validators { etag: Some(etag), last_modified: Some(date(SAME)) }
    }

    /// The preconditions of a head of these lines.
    fn given(head: &str) -> Preconditions<'_> {
        gather(head.lines().map(|line| {
            let (name, value) = line.split_once(": ").expect("a field line");
            (name, value.as_bytes())
        }))
    }

    type Row<'a> = (&'a str, &'a str, Action, Verdict);

    fn check(rows: &[Row<'_>], current: Option<&Validators>) {
        for (name, head, action, expected) in rows {
            let head = head.replace("BEFORE", BEFORE).replace("SAME", SAME).replace("AFTER", AFTER);
            assert_eq!(evaluate(&given(&head), *action, current), *expected, "{name}: {head:?}");
        }
    }

    #[test]
    fn each_field_alone() {
        check(
            &[
                ("none", "Accept: *", Retrieve, Proceed),
                ("If-Match, the tag (§13.1.1)", "If-Match: \"a\"", Modify, Proceed),
                ("If-Match, in a list", "If-Match: \"x\", \"a\"", Modify, Proceed),
                ("If-Match, on a second line (§5.3)", "If-Match: \"x\"\nif-match: \"a\"", Modify, Proceed),
                ("If-Match, another", "If-Match: \"x\"", Modify, Failed),
                ("If-Match, weak: compared strongly", "If-Match: W/\"a\"", Retrieve, Failed),
                ("If-Match, any", "If-Match: *", Modify, Proceed),
                ("If-Match, a star among others is no star", "If-Match: *, \"x\"", Modify, Failed),
                ("nor on one line of several", "If-Match: *\nIf-Match: \"x\"", Modify, Failed),
                ("If-Match, no tag", "If-Match: a", Modify, Failed),
                ("If-Match, empty", "If-Match: ", Modify, Failed),
                ("If-None-Match, the tag (§13.1.2)", "If-None-Match: \"a\"", Retrieve, NotModified),
                ("If-None-Match, the tag, writing", "If-None-Match: \"a\"", Modify, Failed),
                ("If-None-Match, weak: compared weakly", "If-None-Match: W/\"a\"", Retrieve, NotModified),
                ("If-None-Match, another", "If-None-Match: \"x\"", Retrieve, Proceed),
                (
                    "If-None-Match, on a second line",
                    "If-None-Match: \"x\"\nIF-NONE-MATCH: \"a\"",
                    Modify,
                    Failed,
                ),
                ("If-None-Match, any", "If-None-Match: *", Retrieve, NotModified),
                ("If-None-Match, any, writing", "If-None-Match: *", Modify, Failed),
                ("If-None-Match, no tag: no copy to keep", "If-None-Match: a", Retrieve, Proceed),
                ("If-None-Match, no tag: no leave to write", "If-None-Match: a", Modify, Failed),
                (
                    "If-None-Match, found before what is no tag",
                    "If-None-Match: \"a\", b",
                    Retrieve,
                    NotModified,
                ),
                ("If-Modified-Since, since (§13.1.3)", "If-Modified-Since: BEFORE", Retrieve, Proceed),
                ("If-Modified-Since, then", "If-Modified-Since: SAME", Retrieve, NotModified),
                ("If-Modified-Since, not since", "If-Modified-Since: AFTER", Retrieve, NotModified),
                ("If-Modified-Since, writing", "If-Modified-Since: AFTER", Modify, Proceed),
                ("If-Modified-Since, no date", "If-Modified-Since: yesterday", Retrieve, Proceed),
                (
                    "If-Modified-Since, two",
                    "If-Modified-Since: SAME\nIf-Modified-Since: SAME",
                    Retrieve,
                    Proceed,
                ),
                ("If-Unmodified-Since, since (§13.1.4)", "If-Unmodified-Since: BEFORE", Modify, Failed),
                ("If-Unmodified-Since, reading", "If-Unmodified-Since: BEFORE", Retrieve, Failed),
                ("If-Unmodified-Since, then", "If-Unmodified-Since: SAME", Modify, Proceed),
                ("If-Unmodified-Since, not since", "If-Unmodified-Since: AFTER", Modify, Proceed),
                ("If-Unmodified-Since, no date", "If-Unmodified-Since: 0", Modify, Proceed),
            ],
            Some(&current()),
        );
    }

    #[test]
    fn one_after_the_other() {
        check(
            &[
                (
                    "step 1 stands over step 2",
                    "If-Unmodified-Since: BEFORE\nIf-Match: \"a\"",
                    Modify,
                    Proceed,
                ),
                (
                    "step 2 is not a second chance",
                    "If-Unmodified-Since: SAME\nIf-Match: \"x\"",
                    Modify,
                    Failed,
                ),
                ("step 3 follows step 1", "If-Match: \"a\"\nIf-None-Match: \"a\"", Retrieve, NotModified),
                ("a failed step 1 ends it", "If-Match: \"x\"\nIf-None-Match: \"a\"", Retrieve, Failed),
                (
                    "step 4 follows step 2",
                    "If-Unmodified-Since: SAME\nIf-Modified-Since: SAME",
                    Retrieve,
                    NotModified,
                ),
                (
                    "a failed step 2 ends it",
                    "If-Unmodified-Since: BEFORE\nIf-None-Match: \"a\"",
                    Retrieve,
                    Failed,
                ),
                (
                    "step 3 stands over step 4",
                    "If-Modified-Since: SAME\nIf-None-Match: \"x\"",
                    Retrieve,
                    Proceed,
                ),
                ("even when unreadable", "If-Modified-Since: SAME\nIf-None-Match: x", Retrieve, Proceed),
            ],
            Some(&current()),
        );
    }

    #[test]
    fn on_nothing() {
        check(
            &[
                ("If-Match (§13.1.1)", "If-Match: \"a\"", Modify, Failed),
                ("If-Match, any", "If-Match: *", Modify, Failed),
                ("If-None-Match (§13.1.2)", "If-None-Match: \"a\"", Modify, Proceed),
                ("If-None-Match, any", "If-None-Match: *", Modify, Proceed),
                ("If-None-Match, no tag", "If-None-Match: a", Modify, Proceed),
                ("If-Unmodified-Since: no date to compare", "If-Unmodified-Since: BEFORE", Modify, Proceed),
                ("If-Modified-Since: no date to compare", "If-Modified-Since: AFTER", Retrieve, Proceed),
            ],
            None,
        );
    }

    #[test]
    fn on_what_has_no_validators() {
        check(
            &[
                ("If-Match", "If-Match: \"a\"", Modify, Failed),
                ("If-Match, any: it exists", "If-Match: *", Modify, Proceed),
                ("If-None-Match", "If-None-Match: \"a\"", Retrieve, Proceed),
                ("If-None-Match, any: it exists", "If-None-Match: *", Modify, Failed),
                ("If-Unmodified-Since", "If-Unmodified-Since: BEFORE", Modify, Proceed),
                ("If-Modified-Since", "If-Modified-Since: AFTER", Retrieve, Proceed),
            ],
            Some(&Validators::default()),
        );
    }

    #[test]
    fn whether_a_range_counts() {
        let weak = Validators { etag: EntityTag::weak(b"a".as_slice()), ..current() };
        let cases: [(&str, Option<&str>, Validators, &str, bool); 13] = [
            ("no If-Range", None, current(), AFTER, true),
            ("the tag", Some("\"a\""), current(), AFTER, true),
            ("the tag of what is too young for a date", Some("\"a\""), current(), SAME, true),
            ("another tag", Some("\"b\""), current(), AFTER, false),
            ("a weak tag", Some("W/\"a\""), current(), AFTER, false),
            ("a tag, when ours is weak", Some("\"a\""), weak.clone(), AFTER, false),
            ("a weak tag, when ours is weak", Some("W/\"a\""), weak.clone(), AFTER, false),
            ("the date, when our tag is weak", Some(SAME), weak, AFTER, false),
            ("the date", Some(SAME), current(), AFTER, true),
            ("the date, not yet strong (§8.8.2.2)", Some(SAME), current(), SAME, false),
            ("a later date: exact only", Some(AFTER), current(), AFTER, false),
            ("an earlier date", Some(BEFORE), current(), AFTER, false),
            ("neither tag nor date", Some("*"), current(), AFTER, false),
        ];
        for (name, if_range, validators, now, expected) in cases {
            let applies = range_applies(if_range.map(str::as_bytes), &validators, date(now));
            assert_eq!(applies, expected, "{name} (§13.1.5)");
        }
    }

    #[test]
    fn what_only_asks_for_existence() {
        let cases = [
            ("If-Match: *", true),
            ("If-Match: *\nIf-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT", true),
            ("If-Match: *\nIf-None-Match: \"a\"", false),
            ("If-Match: \"a\"", false),
            ("If-Match: *, \"a\"", false),
            ("If-None-Match: *", false),
            ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT", false),
        ];
        for (head, expected) in cases {
            assert_eq!(given(head).only_ask_for_existence(), expected, "{head}");
        }
    }

    #[test]
    fn what_guards_a_write() {
        let cases = [
            ("Accept: *", false),
            ("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", false),
            ("If-Unmodified-Since: x", false),
            ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT", true),
            ("If-None-Match: *", true),
            ("If-Match: \"a\"", true),
        ];
        for (head, expected) in cases {
            assert_eq!(given(head).guard_a_write(), expected, "{head}");
        }
    }
}
