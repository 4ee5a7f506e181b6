//! The event stream of a member of the chat.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use wharf::http::event_stream::decoder::{EventStreamDecoder, StreamEvent};

use super::{PATIENCE, Wharf};

/// A member's event stream.
pub struct Ear {
    stream: TcpStream,
    decoder: EventStreamDecoder,
    unread: Vec<u8>,
}

impl Ear {
    /// Opens the stream of the member whose header is in these fields.
    pub fn open(wharf: &Wharf, fields: &str) -> Self {
        let stream = TcpStream::connect(wharf.address()).expect("a connection");
        Self::over(stream, wharf.address(), fields).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Like [`Self::open`], over this connection to a server or a proxy.
    pub fn over(mut stream: TcpStream, host: SocketAddr, fields: &str) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let head = format!("GET /.wharf/chat/events HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
        stream.write_all(head.as_bytes())?;
        let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
        let length = loop {
            if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut bytes) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => answer.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            return Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()));
        }
        Ok(Self { stream, decoder: EventStreamDecoder::new(), unread: answer.split_off(length) })
    }

    /// The next event; `None` when the stream ends.
    pub fn hear(&mut self) -> Option<StreamEvent> {
        self.try_hear().unwrap_or_else(|error| panic!("no event: {error}"))
    }

    /// Like [`Self::hear`], but returns an error if the connection fails.
    pub fn try_hear(&mut self) -> io::Result<Option<StreamEvent>> {
        loop {
            let mut rest = self.unread.as_slice();
            let event =
                self.decoder.next(&mut rest).map_err(|error| io::Error::other(format!("{error:?}")))?;
            let left = rest.len();
            self.unread.drain(..self.unread.len() - left);
            if event.is_some() {
                return Ok(event);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(count) => self.unread.extend_from_slice(&bytes[..count]),
                // Nothing has been received yet: see `Wire::fill`.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next event of one of these kinds: its kind and its text.
    pub fn hear_of(&mut self, kinds: &[&str]) -> (String, Value) {
        loop {
            let event = self.hear().expect("another event");
            if kinds.contains(&event.event.as_str()) {
                return (event.event, serde_json::from_str(&event.data).expect("JSON"));
            }
        }
    }

    /// The text of the next message.
    pub fn text(&mut self) -> String {
        self.hear_of(&["message", "private"]).1["text"].as_str().expect("a text").to_owned()
    }
}
