//! A connection on which a test controls every byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use wharf::http::body::{BodyDecoder, Framing};
use wharf::http::response::Received;

use super::PATIENCE;
use super::tls::ClientTls;
#[cfg(feature = "tls")]
use super::tls::client_config;

/// A connection to a server.
pub struct Wire {
    stream: TcpStream,
    /// The session, if it is over TLS.
    tls: Option<ClientTls>,
    /// Whether the session has ended without `close_notify`.
    was_cut: bool,
    /// Bytes received after the last response.
    unread: Vec<u8>,
}

/// A complete response.
#[derive(Debug)]
pub struct Answer {
    pub head: Received,
    pub body: Vec<u8>,
}

impl Wire {
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("a connection"))
    }

    /// From 127.0.0.`host`: the server counts each address as a separate client.
    pub fn connect_from(host: u8, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from(([127, 0, 0, host], 0)).into()).expect("loopback is all of 127/8");
        socket.connect(&address.into()).expect("a connection");
        Self::over(socket.into())
    }

    /// Over this connection.
    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream.set_write_timeout(Some(PATIENCE)).expect("set");
        stream.set_nodelay(true).expect("set");
        Self { stream, tls: None, was_cut: false, unread: Vec::new() }
    }

    /// Starts TLS on this connection.
    #[cfg(feature = "tls")]
    pub fn encrypted(mut self) -> Self {
        let tls = ClientTls::begin(client_config(), "localhost", &mut self.stream);
        self.tls = Some(tls.expect("a handshake"));
        self
    }

    /// Whether the session has ended without `close_notify`.
    #[cfg(feature = "tls")]
    pub fn was_cut(&self) -> bool {
        self.was_cut
    }

    /// The session.
    #[cfg(feature = "tls")]
    pub fn session(&mut self) -> &mut ClientTls {
        self.tls.as_mut().expect("over TLS")
    }

    /// Sends a head with `Host` and this body length; reads nothing.
    pub fn begin_to_ask(&mut self, method: &str, target: &str, length: Option<usize>) -> &mut Self {
        let host = self.stream.peer_addr().expect("connected");
        let length = length.map(|length| format!("Content-Length: {length}\r\n")).unwrap_or_default();
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{length}\r\n"))
    }

    /// Waits for this long for input; returns whether any came. The end of the input counts.
    pub fn hears_within(&mut self, time: Duration) -> bool {
        if let Some(tls) = &mut self.tls {
            // The input may be a TLS message without content.
            self.stream.set_read_timeout(Some(time)).expect("set");
            let mut bytes = [0; 16 * 1024];
            let heard = tls.read(&mut self.stream, &mut bytes);
            self.stream.set_read_timeout(Some(PATIENCE)).expect("set");
            if let Ok(count) = heard {
                self.unread.extend_from_slice(&bytes[..count]);
            }
            return !matches!(heard, Err(error) if error.kind() == ErrorKind::WouldBlock);
        }
        self.stream.set_read_timeout(Some(time)).expect("set");
        let heard = loop {
            match self.stream.peek(&mut [0]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                heard => break heard,
            }
        };
        self.stream.set_read_timeout(Some(PATIENCE)).expect("set");
        !matches!(heard, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Sends these bytes as they are. If the peer has closed the connection, reading the response fails.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.try_send(bytes.as_ref());
        self
    }

    /// Like [`Self::send`], but fails if the bytes cannot be sent.
    pub fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.write_all(&mut self.stream, bytes),
            None => self.stream.write_all(bytes),
        }
    }

    /// Closes the sending side.
    pub fn end(&mut self) -> &mut Self {
        if let Some(tls) = &mut self.tls {
            tls.end(&mut self.stream);
        }
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// Sends a request with `Host`, these field lines (each with its CRLF) and this body; `Content-Length` is
    /// added for the methods that have a body.
    pub fn ask(&mut self, method: &str, target: &str, fields: &str, body: &[u8]) -> Answer {
        self.send_request(method, target, fields, body);
        self.read_answer(method == "HEAD")
    }

    /// Like [`Self::ask`], but returns an error if there is no complete response.
    pub fn try_ask(
        &mut self,
        method: &str,
        target: &str,
        fields: &str,
        body: &[u8],
    ) -> Result<Answer, String> {
        self.send_request(method, target, fields, body);
        self.try_final_answer(method == "HEAD")
    }

    /// Like [`Self::read_answer`], but returns an error if there is no complete response.
    pub fn try_final_answer(&mut self, to_head: bool) -> Result<Answer, String> {
        loop {
            let answer = self.receive(to_head)?.ok_or("the connection was closed")?;
            if !answer.head.status.is_interim() {
                return Ok(answer);
            }
        }
    }

    /// Sends a request as [`Self::ask`] does; reads nothing.
    pub fn send_request(&mut self, method: &str, target: &str, fields: &str, body: &[u8]) {
        let length = match method {
            "POST" | "PUT" => format!("Content-Length: {}\r\n", body.len()),
            "PROPFIND" | "PROPPATCH" | "LOCK" if !body.is_empty() => {
                format!("Content-Length: {}\r\n", body.len())
            }
            _ => String::new(),
        };
        let host = self.stream.peer_addr().expect("connected");
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{length}{fields}\r\n"));
        self.send(body);
    }

    /// The next final response, complete; interim responses are skipped.
    pub fn read_answer(&mut self, to_head: bool) -> Answer {
        loop {
            let answer = self.try_read_answer(to_head).expect("an answer");
            if !answer.head.status.is_interim() {
                return answer;
            }
        }
    }

    /// The next response, including interim ones; `None` if the peer has closed instead.
    pub fn try_read_answer(&mut self, to_head: bool) -> Option<Answer> {
        self.receive(to_head).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Like [`Self::try_read_answer`], but returns an error if the response is cut or malformed.
    fn receive(&mut self, to_head: bool) -> Result<Option<Answer>, String> {
        let (head, length) = loop {
            let parsed = Received::parse(&self.unread, to_head);
            if let Some(found) = parsed.map_err(|error| format!("no answer: {error}"))? {
                break found;
            }
            if !self.try_fill()? {
                let unread = String::from_utf8_lossy(&self.unread);
                return if unread.is_empty() {
                    Ok(None)
                } else {
                    Err(format!("incomplete response: {unread:?}"))
                };
            }
        };
        self.unread.drain(..length);
        let body = self.read_body(head.framing)?;
        Ok(Some(Answer { head, body }))
    }

    fn read_body(&mut self, framing: Framing) -> Result<Vec<u8>, String> {
        let (mut decoder, mut body) = (BodyDecoder::new(framing), Vec::new());
        loop {
            while !self.unread.is_empty() && !decoder.is_done() {
                let found = decoder.decode(&self.unread).map_err(|error| format!("no body: {error}"))?;
                body.extend_from_slice(&self.unread[found.content]);
                self.unread.drain(..found.used);
            }
            if decoder.is_done() {
                return Ok(body);
            }
            if !self.try_fill()? {
                return if decoder.ends_with_connection() {
                    Ok(body)
                } else {
                    Err(format!("cut after {} bytes of content", body.len()))
                };
            }
        }
    }

    /// Like [`Self::try_fill`], but panics on an error.
    fn fill(&mut self) -> bool {
        self.try_fill().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Reads once; false at the end, or if the peer has reset the connection. A signal may interrupt a read
    /// with a timeout (it is not restarted, signal(7)): then nothing has been read yet.
    fn try_fill(&mut self) -> Result<bool, String> {
        let mut bytes = [0; 16 * 1024];
        let read = match &mut self.tls {
            Some(tls) => tls.read(&mut self.stream, &mut bytes),
            None => self.stream.read(&mut bytes),
        };
        match read {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.unread.extend_from_slice(&bytes[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            // Over TLS, the connection has ended without `close_notify`.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                self.was_cut = true;
                Ok(false)
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(false),
            Err(error) => Err(format!("no response: {error}")),
        }
    }

    /// Reads until this text has arrived, at any position; for a response that does not end.
    #[track_caller]
    pub fn read_until(&mut self, text: &str) {
        while !self.unread.windows(text.len()).any(|window| window == text.as_bytes()) {
            assert!(self.fill(), "it ended: {}", String::from_utf8_lossy(&self.unread));
        }
    }

    /// Reads exactly this many bytes of a response, and keeps none of them.
    pub fn skip(&mut self, count: usize) {
        while self.unread.len() < count {
            assert!(self.fill(), "it ended after {} of {count} bytes", self.unread.len());
        }
        self.unread.drain(..count);
    }

    /// Reads everything until the peer closes, which it must.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.unread)
    }

    /// Whether the peer closes now, without sending another byte.
    pub fn is_closed(&mut self) -> bool {
        self.read_to_end().is_empty()
    }

    /// The socket, for options that a test sets.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

impl Answer {
    /// The status, as a number.
    pub fn code(&self) -> u16 {
        self.head.status.code()
    }

    /// A field's value; empty if it is absent.
    pub fn field(&self, name: &str) -> String {
        self.head.field(name).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
