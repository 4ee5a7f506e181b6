//! The chat: each message reaches its recipients once and in order; members cannot be impersonated, and no
//! member delays another.

mod limits;
mod messages;
pub(crate) mod terminals;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use serde_json::Value;
use wharf::http::event_stream::decoder::{EventStreamDecoder, StreamEvent};

use crate::common::{PATIENCE, Wharf, Wire};

/// A member of the chat.
struct Person<'w> {
    wharf: &'w Wharf,
    token: String,
}

/// A member's event stream.
pub(super) struct Ear {
    stream: TcpStream,
    decoder: EventStreamDecoder,
    unread: Vec<u8>,
}

impl<'w> Person<'w> {
    fn join(wharf: &'w Wharf, name: &str) -> Self {
        Self::join_from(1, wharf, name)
    }

    /// From 127.0.0.`host`.
    fn join_from(host: u8, wharf: &'w Wharf, name: &str) -> Self {
        let mut wire = Wire::connect_from(host, wharf.address());
        let answer = wire.ask("POST", "/.wharf/chat/join", "", format!("user={name}").as_bytes());
        assert_eq!(answer.code(), 200, "{name}: {}", answer.text());
        let joined: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let token = joined["token"].as_str().expect("a token").to_owned();
        assert_eq!(answer.field("Set-Cookie"), "", "a cookie would be sent by itself");
        Self { wharf, token }
    }

    fn fields(&self) -> String {
        format!("Wharf-Member: {}\r\n", self.token)
    }

    fn say(&self, query: &str, text: impl AsRef<[u8]>) -> u16 {
        self.wharf.ask("POST", &format!("/.wharf/chat/messages{query}"), &self.fields(), text.as_ref()).code()
    }

    fn listen(&self) -> Ear {
        self.resume("")
    }

    fn resume(&self, last: &str) -> Ear {
        let last = if last.is_empty() { String::new() } else { format!("Last-Event-ID: {last}\r\n") };
        Ear::open(self.wharf, &format!("{}{last}", self.fields()))
    }
}

impl Ear {
    /// Opens the stream of the member whose header is in these fields.
    pub(super) fn open(wharf: &Wharf, fields: &str) -> Self {
        let host = wharf.address();
        let mut stream = TcpStream::connect(host).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        let head = format!("GET /.wharf/chat/events HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a head");
            answer.push(byte[0]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
        Self { stream, decoder: EventStreamDecoder::new(), unread: Vec::new() }
    }

    /// The next event; `None` when the stream ends.
    pub(super) fn hear(&mut self) -> Option<StreamEvent> {
        loop {
            let mut rest = self.unread.as_slice();
            let event = self.decoder.next(&mut rest).expect("a stream");
            let left = rest.len();
            self.unread.drain(..self.unread.len() - left);
            if event.is_some() {
                return event;
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.unread.extend_from_slice(&bytes[..count]),
                // Nothing has been received yet: see `Wire::fill`.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("no event: {error}"),
            }
        }
    }

    /// The next event of one of these kinds: its kind and its text.
    pub(super) fn hear_of(&mut self, kinds: &[&str]) -> (String, Value) {
        loop {
            let event = self.hear().expect("another event");
            if kinds.contains(&event.event.as_str()) {
                return (event.event, serde_json::from_str(&event.data).expect("JSON"));
            }
        }
    }

    fn text(&mut self) -> String {
        self.hear_of(&["message", "private"]).1["text"].as_str().expect("a text").to_owned()
    }
}
