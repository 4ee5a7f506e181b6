//! Tables of preconditions and their verdicts.

use super::*;
use crate::http::date::Date;
use Action::{Modify, Retrieve};
use Verdict::{Failed, NotModified, Proceed};

const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

fn date(value: &str) -> Date {
    Date::parse(value.as_bytes()).expect("valid")
}

/// The current representation in all tables: `"a"`, modified at SAME.
fn current() -> Validators {
    let etag = EntityTag::strong(b"a".as_slice()).expect("valid");
    Validators { etag: Some(etag), last_modified: Some(date(SAME)) }
}

/// The preconditions in a head with these lines.
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
            ("If-Match, a star among others is not a star", "If-Match: *, \"x\"", Modify, Failed),
            ("a star on one line of several", "If-Match: *\nIf-Match: \"x\"", Modify, Failed),
            ("If-Match, no tag", "If-Match: a", Modify, Failed),
            ("If-Match, empty", "If-Match: ", Modify, Failed),
            ("If-None-Match, the tag (§13.1.2)", "If-None-Match: \"a\"", Retrieve, NotModified),
            ("If-None-Match, the tag, writing", "If-None-Match: \"a\"", Modify, Failed),
            ("If-None-Match, weak: compared weakly", "If-None-Match: W/\"a\"", Retrieve, NotModified),
            ("If-None-Match, another", "If-None-Match: \"x\"", Retrieve, Proceed),
            ("If-None-Match, on a second line", "If-None-Match: \"x\"\nIF-NONE-MATCH: \"a\"", Modify, Failed),
            ("If-None-Match, any", "If-None-Match: *", Retrieve, NotModified),
            ("If-None-Match, any, writing", "If-None-Match: *", Modify, Failed),
            ("If-None-Match, malformed: no copy to keep", "If-None-Match: a", Retrieve, Proceed),
            ("If-None-Match, malformed: no permission to write", "If-None-Match: a", Modify, Failed),
            ("If-None-Match, found before a malformed tag", "If-None-Match: \"a\", b", Retrieve, NotModified),
            ("If-Modified-Since, since (§13.1.3)", "If-Modified-Since: BEFORE", Retrieve, Proceed),
            ("If-Modified-Since, then", "If-Modified-Since: SAME", Retrieve, NotModified),
            ("If-Modified-Since, not since", "If-Modified-Since: AFTER", Retrieve, NotModified),
            ("If-Modified-Since, writing", "If-Modified-Since: AFTER", Modify, Proceed),
            ("If-Modified-Since, no date", "If-Modified-Since: yesterday", Retrieve, Proceed),
            ("If-Modified-Since, two", "If-Modified-Since: SAME\nIf-Modified-Since: SAME", Retrieve, Proceed),
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
fn the_steps_in_order() {
    check(
        &[
            ("step 1 overrides step 2", "If-Unmodified-Since: BEFORE\nIf-Match: \"a\"", Modify, Proceed),
            ("step 2 is not a second chance", "If-Unmodified-Since: SAME\nIf-Match: \"x\"", Modify, Failed),
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
            ("step 3 overrides step 4", "If-Modified-Since: SAME\nIf-None-Match: \"x\"", Retrieve, Proceed),
            ("even when unreadable", "If-Modified-Since: SAME\nIf-None-Match: x", Retrieve, Proceed),
        ],
        Some(&current()),
    );
}

#[test]
fn without_a_representation() {
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
fn without_validators() {
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
fn whether_a_range_applies() {
    let weak = Validators { etag: EntityTag::weak(b"a".as_slice()), ..current() };
    let cases: [(&str, Option<&str>, Validators, &str, bool); 13] = [
        ("no If-Range", None, current(), AFTER, true),
        ("the tag", Some("\"a\""), current(), AFTER, true),
        ("the tag, when the date is too young", Some("\"a\""), current(), SAME, true),
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
fn conditions_that_only_require_existence() {
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
fn conditions_that_guard_a_write() {
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
