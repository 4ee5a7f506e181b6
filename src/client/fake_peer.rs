//! A scripted server for tests.
//!
//! A script is a list of connections, and a connection is a list of actions. The server closes it after the last action.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::address::Endpoint;

/// An action of the server.
#[derive(Clone, Copy)]
pub(crate) enum PeerAction {
    /// Reads a request with its sized content.
    Read,
    /// Reads the head of a request and not its content.
    ReadHead,
    /// Reads this many bytes of content.
    ReadContent(usize),
    /// Sends this.
    Say(&'static str),
    /// Waits until the client has closed the connection.
    AwaitEnd,
    /// Resets the connection. Closing it while it has unread input would do the same.
    Reset,
}

/// A server that runs its script once.
pub(crate) struct FakePeer {
    server: Endpoint,
    player: JoinHandle<Vec<String>>,
}

impl FakePeer {
    /// Starts the script; one connection follows the other.
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
        let server = Endpoint::tcp(&address.ip().to_string(), address.port()).expect("an address");
        Self { server, player }
    }

    /// Its address.
    pub(crate) fn server(&self) -> Endpoint {
        self.server.clone()
    }

    /// Waits for the end of the script, and returns the requests that were read, with their content.
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
            PeerAction::Reset => {
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("set");
            }
            PeerAction::AwaitEnd => {
                // A reset is an end too.
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
