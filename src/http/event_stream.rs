//! Event streams: `text/event-stream` as bytes, both ways (WHATWG HTML, §9.2 "Server-sent events").
//!
//! An event is a few lines and a blank line:
//!
//! ```text
//! id: 00000000000000ff-7
//! event: message
//! data: {"from":"ann","text":"hi"}
//!
//! ```
//!
//! A value with a line end could forge events. Here that is impossible by construction: [`encode`] begins
//! each line of the data with `data: `, and removes line ends from an id or a type.
//! [`decoder::EventStreamDecoder`] decodes a stream from any server, in pieces of any size.
//!
//! This module knows nothing of sockets, or of what the events mean.

use std::time::Duration;

pub mod decoder;

/// The media type of a stream (§9.2.5). It has no parameters: a stream is always UTF-8.
pub const CONTENT_TYPE: &str = "text/event-stream";

/// A comment, which readers ignore: it keeps the connection alive (§9.2.7 recommends one every 15 seconds or so).
pub const HEARTBEAT: &[u8] = b":\n\n";

/// One event. Encoding cannot fail, and no value can end its field early:
///
/// - `data` may have any content. Each of its lines becomes a `data:` line; the format does not preserve line
///   ends, so a reader sees every CR and CRLF as LF. (JSON escapes both.)
/// - `id` and `event` lose every CR, LF and NUL. An empty `event` is read as `message`, and an empty `id` makes the reader
///   forget the last one.
pub fn encode(id: &str, event: &str, data: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(id.len() + event.len() + data.len() + 32);
    push_field(&mut bytes, "id", &one_line(id));
    push_content(&mut bytes, event, data);
    bytes
}

/// One event that leaves the last id of the reader as it is. The rest is as in [`encode`].
pub fn encode_without_id(event: &str, data: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_content(&mut bytes, event, data);
    bytes
}

fn push_content(bytes: &mut Vec<u8>, event: &str, data: &str) {
    push_field(bytes, "event", &one_line(event));
    for line in data.replace("\r\n", "\n").split(['\r', '\n']) {
        push_field(bytes, "data", line);
    }
    bytes.push(b'\n');
}

/// How long a reader should wait before it reconnects, in whole milliseconds.
pub fn retry(after: Duration) -> Vec<u8> {
    format!("retry: {}\n\n", after.as_millis()).into_bytes()
}

/// Removes characters that would end the line or (NUL) make a reader ignore the field.
fn one_line(value: &str) -> String {
    value.replace(['\r', '\n', '\0'], "")
}

fn push_field(bytes: &mut Vec<u8>, field: &str, value: &str) {
    bytes.extend_from_slice(field.as_bytes());
    // Readers remove this space, so a value that begins with a space keeps its own.
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

    /// Texts full of characters that have a meaning in event streams.
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
