//! Preconditions: the order of RFC 9110 §13.2.2, and invalid input never permits a write.

use std::time::{Duration, SystemTime};

use wharf::http::conditional::{Action, Verdict, evaluate, gather, range_applies};
use wharf::http::date::Date;
use wharf::http::validators::{EntityTag, Validators};

/// Members of a list of tags, and whether each matches `"a"` strongly or weakly, or is invalid.
const MEMBERS: [(&str, bool, bool, bool); 5] = [
    ("\"a\"", true, true, false),
    ("W/\"a\"", false, true, false),
    ("\"b\"", false, false, false),
    ("\"a,b\"", false, false, false),
    ("a", false, false, true),
];

/// When the file was modified, in seconds since 1970.
const MODIFIED: u64 = 1_000_000_000;

/// The bytes are values of the fields, one per line, followed by choices for lists whose result is known.
pub(crate) fn check(data: &[u8]) {
    let current =
        Validators { etag: EntityTag::strong(b"a".as_slice()), last_modified: Some(date(MODIFIED)) };
    any_values(data, &current);
    for (index, action) in [Action::Retrieve, Action::Modify].into_iter().enumerate() {
        one_list(data, &current, action);
        dates(data, &current, action, index);
    }
}

fn date(seconds: u64) -> Date {
    Date::from(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Whatever the fields contain, a write never gets 304, and no `If-Match` holds for a missing file.
fn any_values(data: &[u8], current: &Validators) {
    const NAMES: [&str; 4] = ["If-Match", "if-none-match", "IF-MODIFIED-SINCE", "If-Unmodified-Since"];
    let fields: Vec<_> = NAMES.into_iter().cycle().zip(data.split(|&byte| byte == b'\n').take(16)).collect();
    let given = gather(fields.iter().copied());
    assert_ne!(evaluate(&given, Action::Modify, Some(current)), Verdict::NotModified);
    if !data.is_empty() {
        assert_eq!(evaluate(&given, Action::Modify, None), Verdict::Failed, "If-Match without a file");
        assert!(given.guard_a_write());
    }
    if let Some(tag) = EntityTag::parse(data) {
        assert_eq!(EntityTag::parse(&tag.to_bytes()).as_ref(), Some(&tag));
        assert!(tag.weakly_matches(&tag) && tag.strongly_matches(&tag) != tag.is_weak());
    }
    let applies = range_applies(Some(data), current, date(MODIFIED + 60));
    assert_eq!(applies, data == b"\"a\"" || Date::parse(data) == Some(date(MODIFIED)));
}

/// A list of members chosen by the bytes.
fn one_list(data: &[u8], current: &Validators, action: Action) {
    let chosen: Vec<_> =
        data.iter().take(8).map(|&byte| MEMBERS[usize::from(byte) % MEMBERS.len()]).collect();
    // Members after an invalid one are not read.
    let readable = chosen.iter().take_while(|member| !member.3).count();
    let (strongly, weakly) = (chosen[..readable].iter().any(|m| m.1), chosen[..readable].iter().any(|m| m.2));
    let value = chosen.iter().map(|member| member.0).collect::<Vec<_>>().join(", ");
    let verdict =
        |name: &str| evaluate(&gather([(name, value.as_bytes())].into_iter()), action, Some(current));
    let failed = if strongly { Verdict::Proceed } else { Verdict::Failed };
    assert_eq!(verdict("If-Match"), failed, "{value}");
    let known = match action {
        Action::Retrieve if weakly => Verdict::NotModified,
        Action::Modify if weakly || readable < chosen.len() => Verdict::Failed,
        _ => Verdict::Proceed,
    };
    assert_eq!(verdict("If-None-Match"), known, "{value}");
}

/// A date chosen by the bytes, before or after.
fn dates(data: &[u8], current: &Validators, action: Action, index: usize) {
    let Some(chosen) = data.get(index..).and_then(<[u8]>::first_chunk) else { return };
    let seconds = u64::from(u32::from_be_bytes(*chosen));
    let value = date(seconds).to_string();
    let verdict =
        |name: &str| evaluate(&gather([(name, value.as_bytes())].into_iter()), action, Some(current));
    let is_known = action == Action::Retrieve && seconds >= MODIFIED;
    assert_eq!(verdict("If-Modified-Since"), if is_known { Verdict::NotModified } else { Verdict::Proceed });
    let was_changed = MODIFIED > seconds;
    assert_eq!(verdict("If-Unmodified-Since"), if was_changed { Verdict::Failed } else { Verdict::Proceed });
}
