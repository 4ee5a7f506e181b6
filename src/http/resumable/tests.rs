//! Which fields lead to which handling, and what the server announces.

use super::*;
use crate::http::request::FieldSpace;

/// The result of a function for a head with these lines.
fn of<T>(version: &str, lines: &str, ask: impl FnOnce(&Head<'_, '_>) -> T) -> T {
    let bytes = format!("PUT /a {version}\r\nHost: h\r\n{lines}\r\n");
    let mut space = FieldSpace::new();
    ask(&Head::parse(bytes.as_bytes(), &mut space).expect("valid"))
}

#[test]
fn values_are_of_their_type_or_absent() {
    let booleans = [
        ("?1", Some(true)),
        ("?0", Some(false)),
        ("?1;a=b", Some(true)),
        ("1", None),
        ("?2", None),
        ("", None),
    ];
    for (value, expected) in booleans {
        assert_eq!(parse_boolean(value.as_bytes()), expected, "{value:?}");
    }
    let integers = [
        ("0", Some(0)),
        ("25000000", Some(25_000_000)),
        ("999999999999999", Some(999_999_999_999_999)),
        ("7 ;x", Some(7)),
        ("1000000000000000", None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("\"1\"", None),
        ("", None),
    ];
    for (value, expected) in integers {
        assert_eq!(parse_integer(value.as_bytes()), expected, "{value:?}");
    }
}

#[test]
fn what_an_announcement_leads_to() {
    let all = Announced { completes: true, size: Some(5), length: None };
    let part = Announced { completes: false, size: Some(5), length: Some(9) };
    let cases = [
        ("nothing", "HTTP/1.1", "Content-Length: 5\r\n", UploadKind::Plain),
        (
            "all at once",
            "HTTP/1.1",
            "Content-Length: 5\r\nUpload-Complete: ?1\r\nUpload-Draft-Interop-Version: 9\r\n",
            UploadKind::ResumableWithInterim(all),
        ),
        (
            "no interim answers in 1.0",
            "HTTP/1.0",
            "Content-Length: 5\r\nUpload-Complete: ?1\r\nUpload-Draft-Interop-Version: 9\r\n",
            UploadKind::Plain,
        ),
        (
            "another draft",
            "HTTP/1.1",
            "Content-Length: 5\r\nUpload-Complete: ?1\r\nUpload-Draft-Interop-Version: 8\r\n",
            UploadKind::Plain,
        ),
        ("no draft", "HTTP/1.1", "Content-Length: 5\r\nUpload-Complete: ?1\r\n", UploadKind::Plain),
        (
            "in pieces, no draft",
            "HTTP/1.1",
            "Content-Length: 5\r\nUpload-Complete: ?0\r\nUpload-Length: 9\r\n",
            UploadKind::Resumable(part),
        ),
        (
            "in pieces, with an interim response",
            "HTTP/1.1",
            "Content-Length: 5\r\nUpload-Complete: ?0\r\nUpload-Length: 9\r\nUpload-Draft-Interop-Version: 9\r\n",
            UploadKind::ResumableWithInterim(part),
        ),
        (
            "in pieces, in 1.0",
            "HTTP/1.0",
            "Content-Length: 5\r\nUpload-Complete: ?0\r\nUpload-Length: 9\r\nUpload-Draft-Interop-Version: 9\r\n",
            UploadKind::Resumable(part),
        ),
        (
            "twice",
            "HTTP/1.1",
            "Content-Length: 5\r\nUpload-Complete: ?0\r\nUpload-Complete: ?0\r\n",
            UploadKind::Plain,
        ),
        ("no Boolean", "HTTP/1.1", "Content-Length: 5\r\nUpload-Complete: no\r\n", UploadKind::Plain),
        (
            "no length",
            "HTTP/1.1",
            "Content-Length: 5\r\nUpload-Complete: ?0\r\nUpload-Length: -9\r\n",
            UploadKind::Resumable(Announced { length: None, ..part }),
        ),
        (
            "no content",
            "HTTP/1.1",
            "Upload-Complete: ?0\r\n",
            UploadKind::Resumable(Announced { completes: false, size: Some(0), length: None }),
        ),
        (
            "chunked",
            "HTTP/1.1",
            "Transfer-Encoding: chunked\r\nUpload-Complete: ?0\r\n",
            UploadKind::Resumable(Announced { completes: false, size: None, length: None }),
        ),
    ];
    for (name, version, lines, expected) in cases {
        assert_eq!(of(version, lines, UploadKind::of), expected, "{name}");
    }
}

#[test]
fn what_appending_needs() {
    let good = "Content-Length: 3\r\nContent-Type: Application/Partial-Upload; x=y\r\nUpload-Offset: 5\r\nUpload-Complete: ?0\r\n";
    let announced = Announced { completes: false, size: Some(3), length: None };
    assert_eq!(of("HTTP/1.1", good, Append::of), Ok(Append { offset: 5, announced }));
    let cases = [
        ("Content-Type: Application/Partial-Upload", "Content-Type: text/plain", AppendError::MediaType),
        ("Upload-Offset: 5\r\n", "", AppendError::NoOffset),
        ("Upload-Offset: 5\r\n", "Upload-Offset: 5\r\nUpload-Offset: 5\r\n", AppendError::NoOffset),
        ("Upload-Offset: 5", "Upload-Offset: -5", AppendError::NoOffset),
        ("Upload-Complete: ?0\r\n", "", AppendError::NoComplete),
    ];
    for (part, instead, expected) in cases {
        assert_eq!(
            of("HTTP/1.1", &good.replace(part, instead), Append::of),
            Err(expected),
            "{instead:?} for {part:?}"
        );
    }
    assert_eq!(of("HTTP/1.1", "Upload-Offset: 5\r\n", Append::of), Err(AppendError::MediaType), "no type");
}

#[test]
fn how_it_is_written() {
    assert_eq!((boolean(true), boolean(false)), ("?1", "?0"));
    assert_eq!(Limits { max_size: Some(10), max_age: 60 }.to_string(), "max-size=10, max-age=60");
    assert_eq!(Limits { max_size: None, max_age: 60 }.to_string(), "max-age=60");
    let problem = UploadProblem::MismatchingOffset { expected: 3, provided: 5 };
    let json: serde_json::Value = serde_json::from_str(&problem.to_json()).expect("JSON");
    assert_eq!((json["expected-offset"].as_u64(), json["provided-offset"].as_u64()), (Some(3), Some(5)));
    for problem in [problem, UploadProblem::Completed, UploadProblem::InconsistentLength] {
        let json: serde_json::Value = serde_json::from_str(&problem.to_json()).expect("JSON");
        let name = json["type"].as_str().expect("a type");
        assert!(name.starts_with("https://iana.org/assignments/http-problem-types#"), "{name}");
    }
}
