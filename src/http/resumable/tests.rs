//! How the fields decide the handling of a request, and what the server announces.

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
        ("?1;", None),
        ("?1;x=", None),
        ("?1 ;x", None),
        ("?1, ?1", None),
        ("\"?1\"", None),
        ("true", None),
        ("1.0", None),
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
        ("7;x", Some(7)),
        ("-0", Some(0)),
        ("7 ;x", None),
        ("7;", None),
        ("7, 7", None),
        ("99999999999999999999", None),
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
        assert_eq!(of(version, lines, UploadKind::of), Ok(expected), "{name}");
    }
}

#[test]
fn a_part_that_cannot_be_continued_is_refused() {
    let part = "Content-Length: 5\r\nUpload-Complete: ?0\r\n";
    let whole = "Content-Length: 5\r\nUpload-Complete: ?1\r\n";
    let length = "Content-Length: 5\r\n";
    let interop = "Upload-Draft-Interop-Version: ";
    let cases = [
        (format!("{part}{interop}8\r\n"), Err(PartError::Version)),
        (format!("{part}{interop}10\r\n"), Err(PartError::Version)),
        (format!("{part}{interop}nine\r\n"), Err(PartError::Version)),
        (format!("{part}{interop}9\r\n{interop}9\r\n"), Err(PartError::Version)),
        (format!("{part}{interop}9, 9\r\n"), Err(PartError::Version)),
        (format!("{whole}{interop}8\r\n"), Ok(UploadKind::Plain)),
        (format!("{whole}{interop}9, 9\r\n"), Ok(UploadKind::Plain)),
        (format!("{length}Upload-Incomplete: ?1\r\n{interop}3\r\n"), Err(PartError::Version)),
        (format!("{length}Upload-Incomplete: ?1\r\n"), Err(PartError::Version)),
        (format!("{length}Upload-Incomplete: ?0\r\n{interop}3\r\n"), Ok(UploadKind::Plain)),
        (format!("{length}Tus-Resumable: 1.0.0\r\nUpload-Defer-Length: 1\r\n"), Err(PartError::Tus)),
        (format!("{whole}{interop}9\r\nUpload-Offset: 3\r\n"), Err(PartError::Offset)),
        (format!("{length}Upload-Offset: 3\r\n"), Err(PartError::Offset)),
        (format!("{length}Upload-Offset: 0\r\n"), Ok(UploadKind::Plain)),
        (format!("{length}Upload-Offset: -3\r\n"), Ok(UploadKind::Plain)),
        (format!("{whole}{interop}8\r\nUpload-Length: 9\r\n"), Err(PartError::Length)),
        (format!("{length}Upload-Length: 9\r\n"), Err(PartError::Length)),
        (format!("{length}Upload-Length: 5\r\n"), Ok(UploadKind::Plain)),
        (format!("{length}Upload-Length: 9.0\r\n"), Ok(UploadKind::Plain)),
        ("Transfer-Encoding: chunked\r\nUpload-Length: 9\r\n".to_owned(), Ok(UploadKind::Plain)),
    ];
    for (lines, expected) in cases {
        assert_eq!(of("HTTP/1.1", &lines, UploadKind::of), expected, "{lines}");
    }
    for error in [PartError::Version, PartError::Tus, PartError::Offset, PartError::Length] {
        assert!(error.to_string().contains(" (send ") || error == PartError::Offset, "{error}");
    }
}

#[test]
fn limits_are_a_dictionary() {
    let all = Limits {
        max_size: Some(10),
        min_size: Some(1),
        max_append_size: Some(5),
        min_append_size: Some(2),
        max_age: Some(60),
    };
    let size = |size| Limits { max_size: Some(size), ..Limits::default() };
    let table: [(&[&str], Option<Limits>); 15] = [
        (&[], Some(Limits::default())),
        (&[""], Some(Limits::default())),
        (&["max-age=60, min-append-size=2,max-append-size=5 , min-size=1, max-size=10"], Some(all)),
        (&["max-size=10, min-size=1", "max-append-size=5, min-append-size=2, max-age=60"], Some(all)),
        (&["max-size=10;x=\"y\""], Some(size(10))),
        (&["max-size=10, future=(a b), other;x, third=1.5"], Some(size(10))),
        (&["max-size=10, max-size=20"], Some(size(20))),
        (&["max-size=1.5"], None),
        (&["max-size=?1"], None),
        (&["max-size"], None),
        (&["max-size=-1"], None),
        (&["max-size=\"10\""], None),
        (&["max-size=10, max-age=soon"], None),
        (&["max-size=1000000000000000"], None),
        (&["max-size=10,"], None),
    ];
    for (lines, expected) in table {
        assert_eq!(Limits::parse(lines.iter().map(|line| line.as_bytes())), expected, "{lines:?}");
    }
    let text = all.to_string();
    assert_eq!(text, "max-size=10, min-size=1, max-append-size=5, min-append-size=2, max-age=60");
    assert_eq!(Limits::parse([text.as_bytes()].into_iter()), Some(all));
    let huge = Limits { max_size: Some(u64::MAX), max_age: Some(60), ..Limits::default() };
    assert_eq!(huge.to_string(), "max-age=60", "it would not be an Integer");
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
        ("Upload-Offset: 5", "Upload-Offset: 5.0", AppendError::NoOffset),
        ("Upload-Offset: 5", "Upload-Offset: 5;", AppendError::NoOffset),
        ("Upload-Offset: 5", "Upload-Offset: 1000000000000000", AppendError::NoOffset),
        ("Upload-Complete: ?0", "Upload-Complete: ?0, ?0", AppendError::NoComplete),
        ("Upload-Complete: ?0", "Upload-Complete: ?0;X", AppendError::NoComplete),
        ("Upload-Complete: ?0", "Upload-Complete: ?0\r\nUpload-Complete: ?1", AppendError::NoComplete),
        ("Content-Type: ", "Content-Type: text/plain\r\nContent-Type: ", AppendError::MediaType),
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
    let problem = UploadProblem::MismatchingOffset { expected: 3, provided: 5 };
    let json: serde_json::Value = serde_json::from_str(&problem.to_json()).expect("JSON");
    assert_eq!((json["expected-offset"].as_u64(), json["provided-offset"].as_u64()), (Some(3), Some(5)));
    for problem in [problem, UploadProblem::InconsistentLength] {
        let json: serde_json::Value = serde_json::from_str(&problem.to_json()).expect("JSON");
        let name = json["type"].as_str().expect("a type");
        assert!(name.starts_with("https://iana.org/assignments/http-problem-types#"), "{name}");
    }
}
