//! Clients at every kind of socket, one request at a time over a kept connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
#[cfg(feature = "tls")]
use std::sync::Arc;

#[cfg(feature = "tls")]
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use socket2::{Domain, Socket, Type};
use wharf::http::body::BodyDecoder;
use wharf::http::persistence::Persistence;
use wharf::http::response::Received;

use super::caller::Caller;
use crate::common::PATIENCE;

/// A socket of any kind.
trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Where a client connects.
#[derive(Debug, Clone)]
pub enum Listener {
    Tcp(SocketAddr),
    #[cfg(feature = "tls")]
    Tls(SocketAddr, Arc<ClientConfig>),
    Unix(PathBuf),
}

impl Listener {
    fn connect(&self, caller: Caller) -> Box<dyn Stream> {
        match self {
            Self::Tcp(address) => Box::new(tcp(*address, caller)),
            #[cfg(feature = "tls")]
            Self::Tls(address, config) => {
                let name = ServerName::try_from("localhost").expect("a name");
                let session = ClientConnection::new(Arc::clone(config), name).expect("a session");
                Box::new(StreamOwned::new(session, tcp(*address, caller)))
            }
            Self::Unix(path) => {
                let stream = UnixStream::connect(path).expect("a connection");
                stream.set_read_timeout(Some(PATIENCE)).expect("set");
                Box::new(stream)
            }
        }
    }
}

fn tcp(address: SocketAddr, caller: Caller) -> TcpStream {
    let host = caller.peer().expect("clients of TCP have addresses");
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, host], 0)).into()).expect("loopback is all of 127/8");
    socket.connect(&address.into()).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    socket.set_tcp_nodelay(true).expect("set");
    TcpStream::from(socket)
}

/// A client of one kind, with a connection that is kept.
pub struct Client {
    pub caller: Caller,
    /// The field lines with its credentials.
    pub fields: String,
    listener: Listener,
    stream: Option<Box<dyn Stream>>,
}

impl Client {
    pub fn new(caller: Caller, listener: Listener) -> Self {
        Self { caller, fields: caller.fields(), listener, stream: None }
    }

    /// The status of the response, and all of it but its date.
    pub fn ask(&mut self, request: &str) -> (u16, String) {
        let request = request.replacen("\r\n", &format!("\r\n{}", self.fields), 1);
        loop {
            let is_new = self.stream.is_none();
            let stream = self.stream.get_or_insert_with(|| self.listener.connect(self.caller));
            // A server that closes after a response may do so at once.
            let answer = stream
                .write_all(request.as_bytes())
                .and_then(|()| stream.flush())
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
