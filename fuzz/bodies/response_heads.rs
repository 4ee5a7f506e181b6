//! Response heads: a head is parsed once it is complete and not before, and its length is unambiguous.

use wharf::http::body::Framing;
use wharf::http::response::Received;

/// The first byte determines where the others are cut.
pub(crate) fn check(data: &[u8]) {
    let (data, cut) = super::cut(data);
    let Ok(Some((head, length))) = Received::parse(data, false) else { return };
    assert!(length <= data.len());
    assert_eq!(
        Received::parse(&data[..length], false),
        Ok(Some((head.clone(), length))),
        "nothing after it counts"
    );
    if cut < length {
        assert_eq!(Received::parse(&data[..cut], false), Ok(None), "incomplete at {cut}");
    }
    let to_head = Received::parse(data, true).expect("the same").expect("the same").0;
    assert_eq!(
        (to_head.framing, to_head.status),
        (Framing::Empty, head.status),
        "a response to HEAD has no content"
    );
    let told = head.field("Content-Length");
    match head.framing {
        Framing::Sized(length) => {
            assert_eq!(head.content_length(), Some(length));
            // The first line may be empty, or a list.
            let alone = told.and_then(|text| text.parse().ok());
            assert!(alone.is_none_or(|told: u64| told == length));
        }
        Framing::Chunked => assert!(told.is_none() && head.field("Transfer-Encoding").is_some()),
        Framing::UntilClose => assert!(told.is_none() && !head.keeps()),
        Framing::Empty => {}
    }
}
