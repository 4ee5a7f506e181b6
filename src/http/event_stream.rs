//! Event streams: `text/event-stream` as bytes, both ways (WHATWG HTML, §9.2 "Server-sent events").
//!
//! An event is a few lines and a blank one:
//!
//! ```text
//! id: 00000000000000ff-7
//! event: message
//! data: {"from":"ann","text":"hi"}
//!
//! ```
//!
//! What decides is the line end: whoever can put one into a value can write lines, and so forge events.
//! Here that is impossible by construction: [`encode`] begins each line of the data with `data: `, and an
//! id or a type loses what would end its line. The other way, [`decoder::EventStreamDecoder`] reads what any server
//! sends, in pieces of any size.
//!
//! This page knows nothing of what the events say, nor of sockets.

use std::time::Duration;

pub mod decoder;

/// The media type of a stream (§9.2.5). It has no parameters: a stream is always UTF-8.
pub const CONTENT_TYPE: &str = "text/event-stream";

/// A comment, which readers skip: it shows that the peer is there (§9.2.7 advises one every 15 seconds or
/// so).
pub const HEARTBEAT: &[u8] = b":\n\n";

/// One event. Encoding cannot fail, and what is given cannot end a field early:
///
/// - `data` may hold anything. Each of its lines becomes a `data:` line; the format has no other spelling
///   for a line end than its own, so a reader sees every CR and CRLF as LF. (JSON has neither in the raw.)
/// - `id` and `event` lose every CR, LF and NUL. An empty `event` is read as `message`, and an empty `id`
///   makes the reader forget the last one.
pub fn encode(id: &str, event: &str, data: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(id.len() + event.len() + data.len() + 32);
    push_field(&mut bytes, "id", &one_line(id));
    push_field(&mut bytes, "event", &one_line(event));
    for line in data.replace("\r\n", "\n").split(['\r', '\n']) {
        push_field(&mut bytes, "data", line);
    }
    bytes.push(b'\n');
    bytes
}

/// How long a reader should wait before it connects again, in whole milliseconds.
pub fn retry(after: Duration) -> Vec<u8> {
    format!("retry: {}\n\n", after.as_millis()).into_bytes()
}

/// Without what would end the line, or (NUL) make a reader ignore the field.
fn one_line(value: &str) -> String {
    value.replace(['\r', '\n', '\0'], "")
}

fn push_field(bytes: &mut Vec<u8>, field: &str, value: &str) {
    bytes.extend_from_slice(field.as_bytes());
    // The space is the one that readers remove, so a value that begins with a space keeps it.
    bytes.extend_from_slice(b": ");
    bytes.extend_from_slice(value.as_bytes());
    bytes.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::decoder::{EventStreamDecoder, StreamEvent};
    use super::*;
    use proptest::prelude::*;

    fn decode(mut bytes: &[u8]) -> Vec<StreamEvent> {
        let mut decoder = EventStreamDecoder::new();
        std::iter::from_fn(|| decoder.next(&mut bytes).unwrap()).collect()
    }

    fn event(id: &str, event: &str, data: &str) -> StreamEvent {
        StreamEvent { id: id.into(), event: event.into(), data: data.into() }
    }

    #[test]
    fn events_are_spelled_so() {
        let rows: [(&str, [&str; 3], &str); 8] = [
            ("plain", ["e-7", "message", "hi"], "id: e-7\nevent: message\ndata: hi\n\n"),
            ("two lines", ["1", "m", "a\nb"], "id: 1\nevent: m\ndata: a\ndata: b\n\n"),
            ("CR and CRLF", ["1", "m", "a\rb\r\nc"], "id: 1\nevent: m\ndata: a\ndata: b\ndata: c\n\n"),
            ("last line end", ["1", "m", "a\n"], "id: 1\nevent: m\ndata: a\ndata: \n\n"),
            ("no data", ["1", "m", ""], "id: 1\nevent: m\ndata: \n\n"),
            (
                "forged event",
                ["1", "m", "x\n\nevent: y"],
                "id: 1\nevent: m\ndata: x\ndata: \ndata: event: y\n\n",
            ),
            ("forging id", ["1\n\ndata: x\r", "m", "d"], "id: 1data: x\nevent: m\ndata: d\n\n"),
            ("forging type", ["1", "m\r\rdata: x\0", "d"], "id: 1\nevent: mdata: x\ndata: d\n\n"),
        ];
        for (case, [id, event, data], expected) in rows {
            assert_eq!(String::from_utf8(encode(id, event, data)).unwrap(), expected, "{case}");
        }
    }

    #[test]
    fn what_is_no_event_is_read_as_none() {
        assert_eq!(retry(Duration::from_millis(2500)), b"retry: 2500\n\n");
        let stream = [HEARTBEAT, &retry(Duration::from_secs(2)), &encode("1", "m", "x"), HEARTBEAT].concat();
        assert_eq!(decode(&stream), [event("1", "m", "x")]);
    }

    /// Texts full of what means something in a stream.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "\n",
                "\r",
                "\r\n",
                "\n\n",
                ":",
                " ",
                "data: ",
                "event: x",
                "id: 9",
                "retry: 0",
                "\0",
                "\u{feff}",
                "\u{2028}",
                "\u{1b}[2J",
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn one_event_in_is_one_event_out(id in hostile(), kind in hostile(), data in hostile()) {
            let clean = |text: &str| text.replace(['\r', '\n', '\0'], "");
            let seen = data.replace("\r\n", "\n").replace('\r', "\n");
            let kind_seen = if clean(&kind).is_empty() { "message".into() } else { clean(&kind) };
            let expected = StreamEvent { id: clean(&id), event: kind_seen, data: seen };
            let stream = [encode(&id, &kind, &data), encode("after", "m", "x")].concat();
            prop_assert_eq!(decode(&stream), vec![expected, event("after", "m", "x")]);
        }
    }
}
