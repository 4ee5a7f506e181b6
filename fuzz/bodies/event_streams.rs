//! Event streams: every written event is read back, no value can forge an event, and the cuts have no effect.

use wharf::http::event_stream::decoder::{EventStreamDecoder, StreamEvent, TooLong};
use wharf::http::event_stream::encode;

/// The bytes are used as a stream, which is cut at the position in the first byte, and as the parts of an event.
pub(crate) fn check(data: &[u8]) {
    let (data, cut) = super::cut(data);
    let [whole, in_two, by_byte] = super::pieces(data, cut).map(|pieces| decode(&pieces));
    assert_eq!(whole, in_two, "cut at {cut}");
    assert_eq!(whole, by_byte, "byte by byte");
    let text = String::from_utf8_lossy(data);
    let mut parts = text.splitn(3, '|');
    let mut part = || parts.next().unwrap_or_default();
    comes_back(part(), part(), part());
}

fn decode(pieces: &[&[u8]]) -> (Vec<StreamEvent>, Option<TooLong>, String) {
    let (mut decoder, mut events) = (EventStreamDecoder::new(), Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        loop {
            match decoder.next(&mut rest) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error), decoder.last_event_id().to_owned()),
            }
        }
        assert!(rest.is_empty());
    }
    (events, None, decoder.last_event_id().to_owned())
}

fn comes_back(id: &str, event: &str, data: &str) {
    let one_line = |text: &str| text.replace(['\r', '\n', '\0'], "");
    let (events, too_long, _) = decode(&[&encode(id, event, data)]);
    assert!(too_long.is_none());
    let event = match one_line(event) {
        empty if empty.is_empty() => "message".to_owned(),
        event => event,
    };
    let data = data.replace("\r\n", "\n").replace('\r', "\n");
    assert_eq!(events, [StreamEvent { id: one_line(id), event, data }]);
}
