//! Response heads: one is read when it is whole, and not before; what it says of its length is unambiguous.

use wharf::http::body::Framing;
use wharf::http::response::Received;

/// The bytes are cut where the first one says.
pub(crate) fn check(data: &[u8]) {
    let (data, cut) = super::cut(data);
    let Ok(Some((head, length))) = Received::parse(data, false) else { return };
    assert!(length <= data.len());
    assert_eq!(
        Received::parse(&data[..length], false),
        Ok(Some((head.clone(), length))),
        "nothing behind it counts"
    );
    if cut < length {
        assert_eq!(Received::parse(&data[..cut], false), Ok(None), "not whole at {cut}");
    }
    let to_head = Received::parse(data, true).expect("the same").expect("the same").0;
    assert_eq!(
        (to_head.framing, to_head.status),
        (Framing::Empty, head.status),
        "an answer to HEAD has no content"
    );
    let told = head.field("Content-Length");
    match head.framing {
        Framing::Sized(length) => assert_eq!(told.and_then(|text| text.parse().ok()), Some(length)),
        Framing::Chunked => assert!(told.is_none() && head.field("Transfer-Encoding").is_some()),
        Framing::UntilClose => assert!(told.is_none() && !head.keeps()),
        Framing::Empty => {}
    }
}
