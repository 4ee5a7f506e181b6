//! A server that plays a part: for tests of what a client does with whatever a server may do.
//!
//! A part is a list of connections, a connection a list of acts; the connection is closed after the last.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use super::address::Endpoint;

/// One thing that the server does.
#[derive(Clone, Copy)]
pub(crate) enum PeerAction {
    /// Reads a request with its sized content.
    Read,
    /// Reads a request's head and leaves its content.
    ReadHead,
    /// Reads this many bytes of content.
    ReadContent(usize),
    /// Sends this.
    Say(&'static str),
    /// Waits until the client has closed, so that the server is not the first.
    AwaitEnd,
}

/// A server that plays its part once.
pub(crate) struct FakePeer {
    server: Endpoint,
    player: JoinHandle<Vec<String>>,
}

impl FakePeer {
    /// Begins to play, a connection after the other.
    pub(crate) fn plays(part: &[&[PeerAction]]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let connections: Vec<Vec<PeerAction>> = part.iter().map(|acts| acts.to_vec()).collect();
        let player = thread::spawn(move || {
            let mut requests = Vec::new();
            for acts in connections {
                let (stream, _) = listener.accept().expect("a client");
                play(stream, &acts, &mut requests);
            }
            requests
        });
        Self { server: Endpoint::Tcp { host: address.ip().to_string(), port: address.port() }, player }
    }

    /// Where it listens.
    pub(crate) fn server(&self) -> Endpoint {
        self.server.clone()
    }

    /// The requests that it read, with their content, once its part is over.
    pub(crate) fn heard(self) -> Vec<String> {
        self.player.join().expect("a server that plays its part")
    }
}

fn play(mut stream: TcpStream, acts: &[PeerAction], requests: &mut Vec<String>) {
    for act in acts {
        match act {
            PeerAction::Say(text) => stream.write_all(text.as_bytes()).expect("a client that listens"),
            PeerAction::ReadHead => requests.push(read_head(&mut stream)),
            PeerAction::ReadContent(length) => add_content(&mut stream, *length, requests),
            PeerAction::Read => {
                let head = read_head(&mut stream);
                let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                let length = length.map_or(0, |length| length.parse().expect("a number"));
                requests.push(head);
                add_content(&mut stream, length, requests);
            }
            PeerAction::AwaitEnd => {
                // An end is an end, however it comes.
                let _ = stream.read(&mut [0]);
            }
        }
    }
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a whole head");
        head.extend(byte);
    }
    String::from_utf8(head).expect("text")
}

fn add_content(stream: &mut TcpStream, length: usize, requests: &mut [String]) {
    let mut content = vec![0; length];
    stream.read_exact(&mut content).expect("whole content");
    let last = requests.last_mut().expect("a head before its content");
    last.push_str(&String::from_utf8_lossy(&content));
}
