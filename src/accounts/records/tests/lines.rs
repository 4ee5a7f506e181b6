//! The file as text.

use proptest::prelude::*;

use super::super::file::{RecordFileError, WrongRecordLine, parse, print};
use super::super::limits::RECORDS;
use super::super::record::RecordNotes;
use super::super::secret::{RecordSecret, SecretUse};
use super::super::version::UserVersion;
use super::super::{Purpose, Record, RecordEnd, RecordId, RecordLineError, RecordScope, WallTime};
use super::user;
use crate::access::Rights;
use crate::path::SharePath;

const SESSION: &str = "session 3f8k2m9q user=anna version=000102030405060708090a0b0c0d0e0f \
    secret=000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f created=2026-11-29T21:51:03Z \
    expires=2026-12-29T21:51:03Z used=2026-11-29T21:52:03Z";
const LINK: &str = "link 7dm0qe2x user=größe version=000102030405060708090a0b0c0d0e0f \
    secret=100102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f created=2026-11-29T21:51:03Z \
    expires=2026-12-29T21:51:03Z revoked=2026-11-30T00:00:00Z path=/in%20box/%FF rights=list,read uses=5 drop \
    password=$2y$10$YRaxA9G8Nw./RJGLebb4g.jIicK1igosMCmthDFtrrcf0KeXJGY.i";

/// The error of a file with these lines.
fn error(lines: &[&str]) -> WrongRecordLine {
    let text = format!("wharf records 1\n{}\nend {}\n", lines.join("\n"), lines.len());
    parse(text.as_bytes()).expect_err("it is wrong")
}

#[test]
fn a_file_is_read_as_it_is_written() {
    for lines in [&[][..], &[SESSION], &[LINK], &[LINK, SESSION]] {
        let body: String = lines.iter().flat_map(|line| [*line, "\n"]).collect();
        let text = format!("wharf records 1\n{body}end {}\n", lines.len());
        assert_eq!(print(&parse(text.as_bytes()).expect("valid")), text);
    }
}

#[test]
fn a_torn_or_foreign_file_is_an_error() {
    let whole = format!("wharf records 1\n{SESSION}\n{LINK}\nend 2\n");
    for length in 0..whole.len() {
        let error = parse(&whole.as_bytes()[..length]).expect_err("it is torn");
        assert!(
            matches!(error.error, RecordFileError::Torn | RecordFileError::Foreign),
            "{length}: {error:?}"
        );
    }
    let table = [
        ("\n".to_owned(), 1, RecordFileError::Foreign),
        ("anna:$2y$10$\n".to_owned(), 1, RecordFileError::Foreign),
        ("\0\0\0\0\n".to_owned(), 1, RecordFileError::Foreign),
        ("wharf records 2\nend 0\n".to_owned(), 1, RecordFileError::Version),
        ("wharf records 10\nend 0\n".to_owned(), 1, RecordFileError::Version),
        ("wharf records 1\r\nend 0\r\n".to_owned(), 1, RecordFileError::Version),
        (format!("wharf records 1\n{SESSION}\nend 2\n"), 3, RecordFileError::Torn),
        (format!("wharf records 1\n{SESSION}\nend 01\n"), 3, RecordFileError::Torn),
        (format!("{whole}\n"), 4, RecordFileError::Torn),
        (format!("{whole}{whole}"), 4, RecordFileError::Torn),
    ];
    for (text, number, error) in table {
        assert_eq!(parse(text.as_bytes()).expect_err(&text), WrongRecordLine { number, error }, "{text}");
    }
}

#[test]
fn wrong_lines() {
    use RecordLineError::{Form, Missing, UnknownKind, Wrong};
    let session = |old: &str, new: &str| SESSION.replacen(old, new, 1);
    let link = |old: &str, new: &str| LINK.replacen(old, new, 1);
    let table = [
        (String::new(), Wrong("id")),
        (session("session", "Session"), UnknownKind),
        (session("session ", "session  "), Wrong("id")),
        (session("3f8k2m9q", "3f8k2m9u"), Wrong("id")),
        (session("user=anna ", ""), Missing("user")),
        (session("user=anna", "user=everyone"), Wrong("user")),
        (session("user=anna", "user=anna "), Missing("version")),
        (session("version=0", "version=A"), Wrong("version")),
        (session("secret=0", "secret="), Wrong("secret")),
        (session("created=", "Created="), Missing("created")),
        (session("2026-11-29T21:51:03Z", "2026-11-31T21:51:03Z"), Wrong("created")),
        (session("used=", "use="), Missing("used")),
        (format!("{SESSION} "), Form),
        (format!("{SESSION}\r"), Wrong("used")),
        (format!("{SESSION} drop"), Form),
        (link("revoked=", "expired="), Form),
        (link("path=/in%20box", "path=in%20box"), Wrong("path")),
        (link("path=/in%20box", "path=/in%20box/../a"), Wrong("path")),
        (link("path=/in%20box", "path=/in%20box/%2e%2e"), Wrong("path")),
        (link("path=/in%20box", "path=/in%20box%00"), Wrong("path")),
        (link("path=/in%20box", "path=//in%20box"), Form),
        (link("path=/in%20box", "path=/%69n%20box"), Form),
        (link("%FF", "%ff"), Form),
        (link("rights=list,read", "rights=read,list"), Form),
        (link("rights=list,read", "rights=view"), Form),
        (link("rights=list,read", "rights=list,fly"), Wrong("rights")),
        (link("uses=5", "uses=05"), Form),
        (link("uses=5", "uses=-1"), Wrong("uses")),
        (link("uses=5", "uses=4294967296"), Wrong("uses")),
        (link(" drop", " drop drop"), Form),
        (link("password=$2y$10", "password=$2y$31"), Wrong("password")),
    ];
    for (line, expected) in table {
        // A noticed expiry is valid here too, like a revocation.
        if line.contains("expired=") {
            assert!(Record::parse(&line).is_ok());
            continue;
        }
        assert_eq!(Record::parse(&line).expect_err(&line), expected, "{line}");
        assert_eq!(error(&[LINK, &line]).number, 3, "{line}");
    }
    assert_eq!(error(&[LINK, SESSION, &session("anna", "bert")]).error, RecordFileError::Duplicate(3));
    let same_secret = session("3f8k2m9q", "00000000");
    assert_eq!(error(&[SESSION, &same_secret]).error, RecordFileError::Duplicate(2));
    let not_utf8 = parse(b"wharf records 1\n\xff\nend 1\n").expect_err("no text");
    let expected = RecordFileError::Line(RecordLineError::NotUtf8);
    assert_eq!(not_utf8, WrongRecordLine { number: 2, error: expected });
}

#[test]
fn more_records_than_allowed_are_an_error() {
    let lines = |count: usize| {
        let line = |number: usize| {
            let id = format!("{number:08x}");
            SESSION.replace("3f8k2m9q", &id).replace("secret=00010203", &format!("secret={id}"))
        };
        let lines: String = (0..count).flat_map(|number| [line(number), "\n".to_owned()]).collect();
        format!("wharf records 1\n{lines}end {count}\n")
    };
    assert_eq!(parse(lines(RECORDS).as_bytes()).expect("valid").len(), RECORDS);
    let error = parse(lines(RECORDS + 1).as_bytes()).expect_err("too many");
    assert_eq!(error, WrongRecordLine { number: RECORDS + 2, error: RecordFileError::TooMany });
}

fn scopes() -> impl Strategy<Value = RecordScope> {
    let path = prop::collection::vec(any::<u8>(), 0..40)
        .prop_filter_map("a path", |bytes| SharePath::parse(&bytes).ok());
    let rights = prop::sample::subsequence(vec!["list", "read", "add", "replace", "chat", "admin"], 0..=6);
    (path, rights).prop_map(|(path, rights)| {
        let rights = rights.iter().map(|right| right.parse().expect("a right"));
        RecordScope { path, rights: rights.fold(Rights::NONE, Rights::with) }
    })
}

fn purposes() -> impl Strategy<Value = Purpose> {
    let hash = user("anna", 10).hash;
    let id = || RecordId::random().expect("random bytes");
    let secs = || any::<u64>().prop_map(WallTime::from_secs);
    prop_oneof![
        secs().prop_map(|last_used| Purpose::Session { last_used }),
        (scopes(), any::<bool>()).prop_map(move |(scope, is_drop)| Purpose::Visit {
            link: id(),
            scope,
            is_drop
        }),
        ("[a-zß=%]{1,9}", scopes())
            .prop_map(|(name, scope)| Purpose::Token { name: name.parse().expect("a name"), scope }),
        (scopes(), any::<Option<u32>>(), any::<bool>(), any::<bool>()).prop_map(
            move |(scope, uses_left, is_drop, has_password)| Purpose::Link {
                scope,
                uses_left,
                is_drop,
                password: has_password.then(|| hash.clone()),
            }
        ),
    ]
}

fn records() -> impl Strategy<Value = Record> {
    let secs = || (0..WallTime::MAX.as_secs()).prop_map(WallTime::from_secs);
    let end =
        prop::option::of((secs(), any::<bool>()).prop_map(|(at, is_revoked)| RecordEnd { at, is_revoked }));
    ("[a-z.@ß]{1,9}", secs(), secs(), end, purposes()).prop_map(|(name, created, expires, end, purpose)| {
        Record {
            id: RecordId::random().expect("random bytes"),
            user: name.parse().expect("a name"),
            created,
            expires,
            purpose,
            end,
            digest: RecordSecret::random(SecretUse::Link).expect("random bytes").digest(),
            version: UserVersion::of_password(&user("anna", 10)),
            notes: RecordNotes::default(),
        }
    })
}

proptest! {
    #[test]
    fn records_come_back(records in prop::collection::vec(records(), 0..5)) {
        let text = print(&records);
        let read = parse(text.as_bytes()).expect("it was written here");
        prop_assert_eq!(format!("{read:?}"), format!("{records:?}"));
        prop_assert_eq!(print(&read), text);
    }

    #[test]
    fn changed_files_are_refused_or_mean_what_they_say(
        records in prop::collection::vec(records(), 0..3), at: prop::sample::Index, byte: u8,
    ) {
        let mut bytes = print(&records).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = parse(&bytes) {
            prop_assert_eq!(print(&read).into_bytes(), bytes);
        }
    }
}
