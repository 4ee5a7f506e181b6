//! Clients at every kind of socket, one request at a time over a kept connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use socket2::{Domain, Socket, Type};
use wharf::http::body::BodyDecoder;
use wharf::http::persistence::Persistence;
use wharf::http::response::Received;

use super::stage::PASSWORD;
use crate::common::PATIENCE;
use crate::common::accounts::basic;

/// Who asks, and where: over TCP from 127.0.0.N, or at the Unix socket, where clients have no address; without an account, or
/// as a user, from 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    From(u8),
    Unix,
    User(&'static str),
    /// A program with the token of anna for `TOKEN_PATH`, which can only list and read.
    Token,
    /// A visitor with a link of anna to this directory, which can be viewed or only takes files.
    Link(&'static str, Kind),
}

/// What a link allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    View,
    Drop,
}

/// Where the token leads.
pub const TOKEN_PATH: &str = "private";

pub const CALLERS: [Caller; 6] = [
    Caller::From(2),
    Caller::From(1),
    Caller::Unix,
    Caller::User("anna"),
    Caller::User("ben"),
    Caller::Token,
];

impl Caller {
    /// The field lines by which it says who it is.
    pub fn fields(self) -> String {
        match self {
            Self::User(name) => basic(name, PASSWORD),
            // The stage knows the secrets of the others.
            Self::From(_) | Self::Unix | Self::Token | Self::Link(..) => String::new(),
        }
    }

    /// The last byte of its address.
    fn host(self) -> Option<u8> {
        match self {
            Self::From(host) => Some(host),
            Self::User(_) | Self::Token | Self::Link(..) => Some(1),
            Self::Unix => None,
        }
    }
}

/// A socket of any kind.
trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// A client of one kind, with a connection that is kept.
pub struct Client {
    pub caller: Caller,
    /// The field lines by which it says who it is.
    pub fields: String,
    connect: Box<dyn Fn() -> Box<dyn Stream>>,
    stream: Option<Box<dyn Stream>>,
}

impl Client {
    pub fn new(caller: Caller, tcp: SocketAddr, unix: &Path) -> Self {
        let unix = unix.to_owned();
        let connect = move || -> Box<dyn Stream> {
            let Some(host) = caller.host() else {
                let stream = UnixStream::connect(&unix).expect("a connection");
                stream.set_read_timeout(Some(PATIENCE)).expect("set");
                return Box::new(stream);
            };
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            socket.bind(&SocketAddr::from(([127, 0, 0, host], 0)).into()).expect("loopback is all of 127/8");
            socket.connect(&tcp.into()).expect("a connection");
            socket.set_read_timeout(Some(PATIENCE)).expect("set");
            socket.set_tcp_nodelay(true).expect("set");
            Box::new(TcpStream::from(socket))
        };
        Self { caller, fields: caller.fields(), connect: Box::new(connect), stream: None }
    }

    /// The status of the response, and all of it but its date.
    pub fn ask(&mut self, request: &str) -> (u16, String) {
        let request = request.replacen("\r\n", &format!("\r\n{}", self.fields), 1);
        loop {
            let is_new = self.stream.is_none();
            let stream = self.stream.get_or_insert_with(&self.connect);
            // A server that closes after a response may do so at once.
            let answer = stream
                .write_all(request.as_bytes())
                .ok()
                .and_then(|()| receive(stream, request.starts_with("HEAD")));
            let Some((head, bytes, body)) = answer else {
                assert!(!is_new, "no response: {request}");
                self.stream = None;
                continue;
            };
            if head.persistence != Persistence::Keep {
                self.stream = None;
            }
            let text = String::from_utf8_lossy(&bytes);
            let mut text: String =
                text.split_inclusive('\n').filter(|line| !line.starts_with("Date: ")).collect();
            text.push_str(&String::from_utf8_lossy(&body));
            return (head.status.code(), text);
        }
    }
}

/// The next final response: its head, the bytes of that, and the body; `None` if there is none.
pub fn receive(stream: &mut impl Read, to_head: bool) -> Option<(Received, Vec<u8>, Vec<u8>)> {
    let (mut unread, mut bytes) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let (head, length) = loop {
            if let Some(found) = Received::parse(&unread, to_head).expect("an answer") {
                break found;
            }
            let count = stream.read(&mut bytes).ok().filter(|count| *count > 0)?;
            unread.extend_from_slice(&bytes[..count]);
        };
        let bytes_of_head = unread.drain(..length).collect();
        let (mut decoder, mut body) = (BodyDecoder::new(head.framing), Vec::new());
        while !decoder.is_done() {
            let found = decoder.decode(&unread).expect("a body");
            body.extend_from_slice(&unread[found.content]);
            let used = found.used;
            unread.drain(..used);
            if unread.is_empty() && !decoder.is_done() {
                let count = stream.read(&mut bytes).expect("more");
                if count == 0 {
                    assert!(decoder.ends_with_connection(), "cut");
                    break;
                }
                unread.extend_from_slice(&bytes[..count]);
            }
        }
        if !head.status.is_interim() {
            return Some((head, bytes_of_head, body));
        }
    }
}
