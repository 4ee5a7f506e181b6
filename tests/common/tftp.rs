//! TFTP without a library: one datagram at a time, and a network that loses some.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{PATIENCE, Random};

/// A client's socket.
pub struct Tftp {
    socket: UdpSocket,
    server: SocketAddr,
    /// The server's address for the transfer, once it has answered.
    peer: Option<SocketAddr>,
}

impl Tftp {
    /// A client of this server.
    pub fn new(server: SocketAddr) -> Self {
        Self::from(1, server)
    }

    /// A client at 127.0.0.`host`.
    pub fn from(host: u8, server: SocketAddr) -> Self {
        Self::at([127, 0, 0, host].into(), server)
    }

    /// A client at this address.
    pub fn at(address: IpAddr, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind(SocketAddr::from((address, 0))).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        Self { socket, server, peer: None }
    }

    /// Allows broadcasts.
    pub fn allow_broadcast(&self) {
        self.socket.set_broadcast(true).expect("set");
    }

    /// The address from which the server answered.
    pub fn peer(&self) -> SocketAddr {
        self.peer.expect("it has answered")
    }

    /// Sends a datagram to the server's listening address.
    pub fn send_request(&mut self, datagram: &[u8]) -> &mut Self {
        self.socket.send_to(datagram, self.server).expect("sent");
        self
    }

    /// Sends a datagram to the address of the transfer.
    pub fn send(&mut self, datagram: &[u8]) -> &mut Self {
        self.socket.send_to(datagram, self.peer()).expect("sent");
        self
    }

    /// Sends a datagram to another address.
    pub fn send_to(&mut self, datagram: &[u8], to: SocketAddr) -> &mut Self {
        self.socket.send_to(datagram, to).expect("sent");
        self
    }

    /// The next datagram.
    #[track_caller]
    pub fn hear(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; 70_000];
        let (length, from) = loop {
            match self.socket.recv_from(&mut buffer) {
                // Nothing has been received yet: see `Wire::fill`.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                heard => break heard.expect("an answer"),
            }
        };
        self.peer = Some(from);
        buffer.truncate(length);
        buffer
    }

    /// Whether all received datagrams have been taken.
    pub fn is_quiet(&self) -> bool {
        self.socket.set_nonblocking(true).expect("set");
        let quiet = self.socket.recv_from(&mut [0; 8]).is_err();
        self.socket.set_nonblocking(false).expect("set");
        quiet
    }

    /// The next datagram with this prefix. Earlier ones are repetitions, which a peer sends when a busy
    /// machine delays this client.
    #[track_caller]
    pub fn hear_until(&mut self, beginning: &[u8]) -> Vec<u8> {
        loop {
            let datagram = self.hear();
            if datagram.starts_with(beginning) {
                return datagram;
            }
        }
    }

    /// The code and the message of the next error packet.
    #[track_caller]
    pub fn hear_error(&mut self) -> (u16, String) {
        let datagram = self.hear_until(&[0, 5]);
        let text = datagram[4..].strip_suffix(&[0]).expect("a NUL at its end");
        (u16::from_be_bytes([datagram[2], datagram[3]]), String::from_utf8_lossy(text).into_owned())
    }

    /// Downloads a file in lock-step; the error's code and message if it fails.
    #[track_caller]
    pub fn get(&mut self, name: &str) -> Result<Vec<u8>, (u16, String)> {
        self.send_request(&request(1, name.as_bytes(), &[]));
        let (mut content, mut next) = (Vec::new(), 1u16);
        loop {
            let datagram = self.hear();
            if datagram.starts_with(&[0, 5]) {
                return Err(Self::fault(&datagram));
            }
            assert!(datagram.starts_with(&[0, 3]), "{:?}", datagram.escape_ascii().to_string());
            if datagram[2..4] != next.to_be_bytes() {
                // On a busy machine the server repeats a block whose ACK is in flight.
                continue;
            }
            next = next.wrapping_add(1);
            content.extend_from_slice(&datagram[4..]);
            self.send(&[0, 4, datagram[2], datagram[3]]);
            if datagram.len() < 516 {
                return Ok(content);
            }
        }
    }

    /// Uploads a file in lock-step; the error's code and message if it fails.
    #[track_caller]
    pub fn put(&mut self, name: &str, options: &[(&str, &str)], content: &[u8]) -> Result<(), (u16, String)> {
        self.send_request(&request(2, name.as_bytes(), options));
        let mut blocks = content.chunks(512).chain((content.len().is_multiple_of(512)).then_some(&[][..]));
        let mut number = 0u16;
        loop {
            let datagram = self.hear();
            if datagram.starts_with(&[0, 5]) {
                return Err(Self::fault(&datagram));
            }
            // The OACK replaces the ACK of block 0, and may be repeated like it.
            let is_options = datagram.starts_with(&[0, 6]);
            let is_next = if is_options { number == 0 } else { datagram[2..4] == number.to_be_bytes() };
            if !is_next {
                continue;
            }
            let Some(block) = blocks.next() else { return Ok(()) };
            number = number.wrapping_add(1);
            self.send(&[&[0, 3], &number.to_be_bytes()[..], block].concat());
        }
    }

    fn fault(datagram: &[u8]) -> (u16, String) {
        let text = String::from_utf8_lossy(&datagram[4..]);
        (u16::from_be_bytes([datagram[2], datagram[3]]), text.trim_end_matches('\0').to_owned())
    }
}

/// A request in octet mode: 1 reads, 2 writes.
pub fn request(opcode: u8, name: &[u8], options: &[(&str, &str)]) -> Vec<u8> {
    let mut datagram = [&[0, opcode], name, b"\0octet\0"].concat();
    for (name, value) in options {
        datagram.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    datagram
}

/// A network between one client and a server that drops one datagram in twenty, duplicates some and delays
/// some. It serves one transfer after the other.
pub struct Network {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Network {
    /// A network in front of this server.
    pub fn before(server: SocketAddr, seed: u64) -> Self {
        let near = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let address = near.local_addr().expect("an address");
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let thread = thread::spawn(move || carry(&near, server, seed, &told));
        Self { address, is_over, thread: Some(thread) }
    }

    /// The address that clients send to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A client behind the network, with a socket of its own towards the server.
struct Path {
    client: SocketAddr,
    far: UdpSocket,
    /// The server's address for the transfer, once it has answered.
    transfer: Option<SocketAddr>,
    /// A datagram that is sent after the next one, and whether it goes to the server.
    held: Option<(bool, Vec<u8>)>,
}

/// Forwards datagrams in both directions.
fn carry(near: &UdpSocket, server: SocketAddr, seed: u64, is_over: &AtomicBool) {
    let moment = Some(Duration::from_millis(1));
    near.set_read_timeout(moment).expect("set");
    let mut random = Random::new(seed);
    let mut path: Option<Path> = None;
    let mut buffer = vec![0; 70_000];
    while !is_over.load(Ordering::Relaxed) {
        while let Ok((length, client)) = near.recv_from(&mut buffer) {
            if path.as_ref().is_none_or(|path| path.client != client) {
                let far = UdpSocket::bind("127.0.0.1:0").expect("a socket");
                far.set_read_timeout(moment).expect("set");
                path = Some(Path { client, far, transfer: None, held: None });
            }
            if let Some(path) = &mut path {
                path.carry(true, buffer[..length].to_vec(), near, server, &mut random);
            }
        }
        let Some(path) = &mut path else { continue };
        while let Ok((length, from)) = path.far.recv_from(&mut buffer) {
            path.transfer = Some(from);
            path.carry(false, buffer[..length].to_vec(), near, server, &mut random);
        }
    }
}

impl Path {
    /// Forwards a datagram, or drops it; a delayed one is sent after it.
    fn carry(
        &mut self,
        outward: bool,
        datagram: Vec<u8>,
        near: &UdpSocket,
        server: SocketAddr,
        random: &mut Random,
    ) {
        let late = self.held.take();
        let now = match random.below(100) {
            0..5 => vec![],
            5..8 => vec![datagram.clone(), datagram],
            8..11 => {
                self.held = Some((outward, datagram));
                vec![]
            }
            _ => vec![datagram],
        };
        for (outward, datagram) in now.into_iter().map(|datagram| (outward, datagram)).chain(late) {
            // A request goes to the listening address, everything else to the address of the transfer.
            let to = self.transfer.filter(|_| !matches!(datagram.as_slice(), [0, 1 | 2, ..]));
            let sent = if outward {
                self.far.send_to(&datagram, to.unwrap_or(server))
            } else {
                near.send_to(&datagram, self.client)
            };
            sent.expect("sent");
        }
    }
}
