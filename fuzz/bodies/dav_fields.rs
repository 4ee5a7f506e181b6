//! The fields `If` and `Destination`: what is incomplete is refused, and a destination leads where its path says.

use wharf::dav::IfField;
use wharf::dav::if_field::{IfFieldError, MAX_CONDITIONS};
use wharf::http::destination::Destination;
use wharf::http::request::{FieldSpace, Head};
use wharf::http::target::encode_path;
use wharf::path::SharePath;

/// A list that is met whatever the state is: no resource has this lock (RFC 4918 §10.4.8).
const ALWAYS: &[u8] = b" (Not <DAV:no-lock>)";

/// The bytes are the value of either field.
pub(crate) fn check(data: &[u8]) {
    conditions(data);
    destination(data);
}

/// The conditions in a field with this value; the outer `None` if it cannot be the value of a field.
fn parse(value: &[u8]) -> Option<Result<Option<IfField>, IfFieldError>> {
    let head = [b"PUT /a HTTP/1.1\r\nHost: h\r\nIf: ", value, b"\r\n\r\n"].concat();
    let mut space = FieldSpace::new();
    let head = Head::parse(&head, &mut space).ok()?;
    // A line feed in the value would begin another field.
    (head.fields.iter().count() == 2).then(|| IfField::of(head.fields))
}

fn conditions(data: &[u8]) {
    for open in [&b"("[..], b" (<a:b>"] {
        assert!(parse(&[data, open].concat()).is_none_or(|parsed| parsed.is_err()), "the list has no end");
    }
    let Some(Ok(Some(found))) = parse(data) else { return };
    assert!(found.tokens().count() <= MAX_CONDITIONS);
    match parse(&[data, ALWAYS].concat()) {
        Some(Ok(Some(more))) => {
            assert!(more.are_met(|_| None));
            assert_eq!(more.tokens().count(), found.tokens().count() + 1);
        }
        Some(Err(error)) => assert_eq!(error, IfFieldError::TooMany),
        None | Some(Ok(None)) => panic!("a list more is a field too"),
    }
}

fn destination(data: &[u8]) {
    let Ok(found) = Destination::parse(data) else { return };
    let path = found.path;
    assert!(path.raw().starts_with('/') && path.query().is_none() && !path.raw().contains('#'));
    if found.authority.is_none() {
        // A path that begins with two slashes is no authority.
        let absolute = [b"https://h", data].concat();
        let other = Destination::parse(&absolute).expect("a URI with that path");
        assert_eq!((other.authority, other.path.raw()), (Some("h"), path.raw()));
    }
    let Ok(segments) = path.segments().collect::<Result<Vec<_>, _>>() else { return };
    let Ok(target) = SharePath::from_segments(&segments) else { return };
    // It was decoded once: the path of the response leads to the same place.
    let told = format!("/{}", encode_path(target.as_bytes()));
    let again = Destination::parse(told.as_bytes()).expect("the server's own");
    let segments: Vec<_> = again.path.segments().collect::<Result<_, _>>().expect("the server's own");
    assert_eq!(SharePath::from_segments(&segments), Ok(target));
}
