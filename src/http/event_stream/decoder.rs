//! Decodes an event stream, in pieces of any size (WHATWG HTML, §9.2.5 and §9.2.6).
//!
//! Bytes become lines (ended by LF, CR or CRLF), lines become fields, and a blank line ends the event:
//!
//! ```text
//! bytes ──▶ line ──▶ comment | field ──▶ data, event, id ── blank line ──▶ StreamEvent
//! ```
//!
//! At the end of a stream, an event without its blank line is dropped with the decoder, as §9.2.6 requires.
//! Memory is bounded by [`MAX_LINE`] and [`MAX_DATA`], whatever the server sends.

use std::fmt;
use std::time::Duration;

/// The longest line, in bytes: enough for the welcome to a full room, with a hundred messages of 4 KB in
/// which every byte is escaped.
pub const MAX_LINE: usize = 4 << 20;

/// The maximum size of one event's data, all its lines together, in bytes.
pub const MAX_DATA: usize = 4 << 20;

/// A decoded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEvent {
    /// The last id in the stream, from this event or an earlier one; empty if there was none.
    pub id: String,
    /// Its type; `message` if the event names none.
    pub event: String,
    /// Its data, with an LF between lines.
    pub data: String,
}

/// A line or an event is too long. Close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLong {
    /// A line is longer than [`MAX_LINE`].
    Line,
    /// An event has more data than [`MAX_DATA`].
    Data,
}

/// The decoder of one stream.
#[derive(Debug, Default)]
pub struct EventStreamDecoder {
    line: Vec<u8>,
    is_past_first_line: bool,
    /// The last byte was a CR, which ended its line: if an LF follows, it belongs to that line end.
    is_after_cr: bool,
    /// The event so far. Each data line ends with LF, to distinguish empty data from no data.
    data: String,
    event: String,
    id: String,
    last_id: String,
    retry: Option<Duration>,
}

impl EventStreamDecoder {
    /// A stream from its beginning.
    pub fn new() -> Self {
        Self::default()
    }

    /// Continues a stream that was interrupted after this id. An event without an id has the last id.
    pub fn resuming(last_id: &str) -> Self {
        Self { id: last_id.to_owned(), last_id: last_id.to_owned(), ..Self::default() }
    }

    /// The id to send as `Last-Event-ID` when reconnecting; empty if there is none. The id of an unfinished
    /// event does not count.
    pub fn last_event_id(&self) -> &str {
        &self.last_id
    }

    /// How long to wait before reconnecting, as the server requested.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Consumes the input up to the end of the next event, or all of it if it ends no event.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<StreamEvent>, TooLong> {
        while self.end_line(input)? {
            let line = std::mem::take(&mut self.line);
            if let Some(event) = self.take_line(&line)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Moves bytes to the line, up to its end. Returns false if the input ended first.
    fn end_line(&mut self, input: &mut &[u8]) -> Result<bool, TooLong> {
        if input.is_empty() {
            return Ok(false);
        }
        if std::mem::take(&mut self.is_after_cr) {
            *input = input.strip_prefix(b"\n").unwrap_or(input);
        }
        let end = input.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let (part, rest) = input.split_at(end.unwrap_or(input.len()));
        if self.line.len() + part.len() > MAX_LINE {
            return Err(TooLong::Line);
        }
        self.line.extend_from_slice(part);
        *input = rest.get(1..).unwrap_or_default();
        // The line ends here, though an LF may follow: waiting for it would delay the event.
        self.is_after_cr = rest.first() == Some(&b'\r');
        Ok(end.is_some())
    }

    fn take_line(&mut self, line: &[u8]) -> Result<Option<StreamEvent>, TooLong> {
        let is_first = !std::mem::replace(&mut self.is_past_first_line, true);
        let line = if is_first { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        // Line ends are ASCII, so decoding line by line gives the same text as decoding the whole stream.
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        self.take_field(field, value.strip_prefix(' ').unwrap_or(value))?;
        Ok(None)
    }

    /// §9.2.6, "process the field". A comment is a field without a name, and names are compared exactly.
    fn take_field(&mut self, field: &str, value: &str) -> Result<(), TooLong> {
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" if self.data.len() + value.len() >= MAX_DATA => return Err(TooLong::Data),
            "data" => self.data.extend([value, "\n"]),
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" => self.retry = milliseconds(value).or(self.retry),
            _ => {}
        }
        Ok(())
    }

    /// §9.2.6, "dispatch the event": the id counts even if there is no data, and therefore no event.
    fn dispatch(&mut self) -> Option<StreamEvent> {
        self.id.clone_into(&mut self.last_id);
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        data.pop()?;
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(StreamEvent { id: self.id.clone(), event, data })
    }
}

/// Digits only: Rust's own parser also accepts a sign.
fn milliseconds(value: &str) -> Option<Duration> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|_| is_number).map(Duration::from_millis)
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, limit) = match self {
            Self::Line => ("a line", MAX_LINE),
            Self::Data => ("an event's data", MAX_DATA),
        };
        write!(
            f,
            "the event stream has {what} of more than {limit} bytes (is this an event stream of wharf?)"
        )
    }
}

impl std::error::Error for TooLong {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(id: &str, event: &str, data: &str) -> StreamEvent {
        StreamEvent { id: id.into(), event: event.into(), data: data.into() }
    }

    /// Decodes the pieces one after another; returns the events and the decoder.
    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<StreamEvent>, EventStreamDecoder) {
        let (mut events, mut decoder) = (Vec::new(), EventStreamDecoder::new());
        for mut piece in pieces {
            events.extend(std::iter::from_fn(|| decoder.next(&mut piece).unwrap()));
            assert!(piece.is_empty(), "all input is taken");
        }
        (events, decoder)
    }

    #[test]
    fn streams_are_read_as_the_standard_says() {
        let m = |data| event("", "message", data);
        let seven = |data| event("7", "message", data);
        let rows: Vec<(&str, &[u8], Vec<StreamEvent>)> = vec![
            ("§9.2.6 two lines", b"data: YHOO\ndata: +2\ndata: 10\n\n", vec![m("YHOO\n+2\n10")]),
            (
                "§9.2.6 ids",
                b": test stream\n\ndata: first event\nid: 1\n\n\
                  data:second event\nid\n\ndata:  third event\n\n",
                vec![event("1", "message", "first event"), m("second event"), m(" third event")],
            ),
            ("§9.2.6 empty data, unfinished", b"data\n\ndata\ndata\n\ndata:", vec![m(""), m("\n")]),
            ("§9.2.6 one space", b"data:test\n\ndata: test\n\n", vec![m("test"), m("test")]),
            ("only one space", b"data:   x \n\n", vec![m("  x ")]),
            ("tab is not a space", b"data:\tx\n\n", vec![m("\tx")]),
            ("CR", b"data: a\rdata: b\r\r", vec![m("a\nb")]),
            ("CRLF", b"data: a\r\ndata: b\r\n\r\n", vec![m("a\nb")]),
            ("mixed", b"data: a\rdata: b\ndata: c\r\n\n", vec![m("a\nb\nc")]),
            ("LF CR is two ends", b"data: a\n\rdata: b\n\n", vec![m("a"), m("b")]),
            ("BOM", b"\xef\xbb\xbfdata: a\n\n", vec![m("a")]),
            ("only one BOM", b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", vec![]),
            ("BOM later is text", b"\n\xef\xbb\xbfdata: a\n\n", vec![]),
            ("BOM alone on a line", b"\xef\xbb\xbf\ndata: a\n\n", vec![m("a")]),
            ("type", b"event: join\ndata: a\n\ndata: b\n\n", vec![event("", "join", "a"), m("b")]),
            ("last type counts", b"event: x\nevent: y\ndata: a\n\n", vec![event("", "y", "a")]),
            ("type without data", b"event: join\n\ndata: b\n\n", vec![m("b")]),
            ("id stays", b"id: 7\ndata: a\n\ndata: b\n\n", vec![seven("a"), seven("b")]),
            ("id with NUL", b"id: 7\nid: 8\0\ndata: a\n\n", vec![seven("a")]),
            ("comment", b":data: x\ndata: a\n:\n\n", vec![m("a")]),
            ("unknown field", b"foo: bar\ndata: a\n\n", vec![m("a")]),
            ("names are exact", b"Data: x\n data: y\ndata : z\ndata: a\n\n", vec![m("a")]),
            ("colon in value", b"data: a:b\n\n", vec![m("a:b")]),
            ("not UTF-8", b"data: a\xff\xc3\ndata: b\n\n", vec![m("a\u{fffd}\u{fffd}\nb")]),
            ("blank lines", b"\n\r\n\r", vec![]),
        ];
        for (case, stream, expected) in rows {
            assert_eq!(decode([stream]).0, expected, "{case}");
            assert_eq!(decode(stream.chunks(1)).0, expected, "{case}, a byte at a time");
        }
    }

    #[test]
    fn the_last_id_is_that_of_the_last_finished_event() {
        let rows: [(&str, &[u8], &str); 6] = [
            ("none", b"data: a\n\n", ""),
            ("named", b"id: 7\ndata: a\n\n", "7"),
            ("unfinished", b"id: 7\ndata: a\n\nid: 8\ndata: b\n", "7"),
            ("without data", b"id: 7\ndata: a\n\nid: 8\n\n", "8"),
            ("taken back", b"id: 7\ndata: a\n\nid\n\n", ""),
            ("NUL", b"id: 7\n\nid: \0\n\n", "7"),
        ];
        for (case, stream, expected) in rows {
            assert_eq!(decode([stream]).1.last_event_id(), expected, "{case}");
        }
    }

    #[test]
    fn a_resumed_stream_keeps_the_id_of_the_one_before() {
        let mut decoder = EventStreamDecoder::resuming("7");
        assert_eq!(decoder.last_event_id(), "7");
        assert_eq!(decoder.next(&mut &b"data: a\n\n"[..]), Ok(Some(event("7", "message", "a"))));
        assert_eq!(decoder.last_event_id(), "7");
    }

    #[test]
    fn retry_takes_digits_alone() {
        let rows: [(&str, &[u8], Option<u64>); 7] = [
            ("none", b"data: a\n\n", None),
            ("milliseconds", b"retry: 2500\n", Some(2500)),
            ("the last that counts", b"retry: 1\nretry: 2\nretry: x\n", Some(2)),
            ("sign", b"retry: +1\n", None),
            ("unit", b"retry: 1s\n", None),
            ("empty", b"retry\n", None),
            ("too big", b"retry: 18446744073709551616\n", None),
        ];
        for (case, stream, expected) in rows {
            assert_eq!(decode([stream]).1.retry(), expected.map(Duration::from_millis), "{case}");
        }
    }

    #[test]
    fn an_event_is_there_as_soon_as_its_cr_is() {
        let (events, mut decoder) = decode([&b"data: a\r\n\r"[..]]);
        assert_eq!(events, [event("", "message", "a")]);
        let mut rest = &b"\ndata: b\n\n"[..];
        assert_eq!(
            decoder.next(&mut rest),
            Ok(Some(event("", "message", "b"))),
            "its LF does not end another line"
        );
    }

    #[test]
    fn an_event_that_is_ready_is_given_before_the_next_is_read() {
        let mut input = &b"data: a\n\ndata: b\n\nrest"[..];
        let mut decoder = EventStreamDecoder::new();
        assert_eq!(decoder.next(&mut input), Ok(Some(event("", "message", "a"))));
        assert_eq!(input, b"data: b\n\nrest");
    }

    fn until_refused(piece: &[u8], rounds: usize) -> Option<TooLong> {
        let mut decoder = EventStreamDecoder::new();
        (0..rounds).find_map(|_| decoder.next(&mut &*piece).err())
    }

    #[test]
    fn lines_and_events_have_limits() {
        let kilobyte = [b'x'; 1024];
        assert_eq!(until_refused(&kilobyte, MAX_LINE / 1024), None);
        assert_eq!(until_refused(&kilobyte, MAX_LINE / 1024 + 1), Some(TooLong::Line));
        let line = [b"data:", &kilobyte[..1023], b"\n"].concat();
        assert_eq!(until_refused(&line, MAX_DATA / 1024), None, "the limit includes line ends");
        assert_eq!(until_refused(&line, MAX_DATA / 1024 + 1), Some(TooLong::Data));
        assert_eq!(until_refused(b"data\n", MAX_DATA + 1), Some(TooLong::Data), "line ends count");
        assert_eq!(
            until_refused(b": comment\nevent: x\nid: y\n", 100_000),
            None,
            "ignored lines do not count"
        );
    }

    /// Streams of characters that have a meaning in event streams.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            &b"\n"[..],
            b"\n",
            b"\r",
            b"\r\n",
            b"data",
            b"data: ",
            b"event: x",
            b"id: 1",
            b"id: \0",
            b"retry: 5",
            b":",
            b" ",
            b"\xef\xbb\xbf",
            "é".as_bytes(),
            b"\xff",
            b"text",
        ]);
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn split_anywhere_it_reads_the_same(
            stream in stream(),
            cuts in prop::collection::vec(0_usize..200, 0..8),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
            let (whole, split) = (decode([&stream[..]]), decode(pieces));
            prop_assert_eq!(whole.0, split.0);
            prop_assert_eq!(whole.1.last_event_id(), split.1.last_event_id());
            prop_assert_eq!(whole.1.retry(), split.1.retry());
        }
    }
}
