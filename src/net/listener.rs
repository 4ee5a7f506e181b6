//! A listening socket.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;
use std::{fmt, io};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::datagrams::{canonical, choose_versions, ipv4_of};
use super::peer::Peer;
use super::transport::{SendBufferSize, Transport};
use super::unix::{BoundPath, CannotBind, SocketName};
use super::zone::authority;

/// How many connections may wait to be accepted. The kernel lowers this to `net.core.somaxconn`. With a smaller
/// backlog, a burst of a thousand browsers would lose SYNs, and each lost SYN costs its client a second.
const BACKLOG: i32 = 4096;

/// A listening socket in non-blocking mode.
#[derive(Debug)]
pub struct Listener {
    address: ListenAddress,
    /// The path of a Unix-domain socket that was bound here; it is removed before the socket is closed.
    _bound: Option<BoundPath>,
    socket: Kind,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix-domain socket.
    Unix(SocketName),
    /// UDP.
    Udp(SocketAddr),
}

impl ListenAddress {
    /// The address, if it is a TCP socket.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) | Self::Udp(_) => None,
        }
    }
}

impl Listener {
    /// Listens on this address; port 0 chooses a free one.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::bind_among(address, &[])
    }

    /// Like [`Self::bind`], for one of several listeners: `all` has the addresses of all of them.
    pub fn bind_among(address: SocketAddr, all: &[SocketAddr]) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        choose_versions(&socket, address, all)?;
        // This lets a server restart while its old connections are still in TIME_WAIT.
        socket.set_reuse_address(true)?;
        prepare(&socket)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Self::of_tcp(TcpListener::from(socket))
    }

    /// Listens on a Unix-domain socket with this name and mode.
    pub fn bind_unix(name: SocketName, mode: Mode) -> Result<Self, CannotBind> {
        let (socket, bound) = name.bind(mode, BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            address: ListenAddress::Unix(name),
            _bound: bound,
            socket: Kind::Unix(UnixListener::from(socket)),
        })
    }

    /// Uses a listening TCP socket from another process.
    pub fn inherit_tcp(socket: TcpListener) -> io::Result<Self> {
        prepare(&SockRef::from(&socket))?;
        Self::of_tcp(socket)
    }

    /// Uses a listening Unix-domain socket from another process. Its path is not removed.
    pub fn inherit_unix(socket: UnixListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = ListenAddress::Unix(SocketName::of(&socket.local_addr()?));
        Ok(Self { address, _bound: None, socket: Kind::Unix(socket) })
    }

    fn of_tcp(socket: TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = ListenAddress::Tcp(socket.local_addr()?);
        Ok(Self { address, _bound: None, socket: Kind::Tcp(socket) })
    }

    /// The address it listens on, with the actual port.
    pub fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// The address `0.0.0.0` with its port, if it accepts IPv4 too.
    pub fn ipv4_address(&self) -> Option<ListenAddress> {
        match &self.socket {
            Kind::Tcp(socket) => ipv4_of(self.address.tcp()?, &SockRef::from(socket)).map(ListenAddress::Tcp),
            Kind::Unix(_) => None,
        }
    }

    /// The next connection, or `None` if none is waiting.
    pub fn accept(&self) -> io::Result<Option<Transport>> {
        let (socket, peer) = match acceptfrom_with(self, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(accepted) => accepted,
            // The last two mean that the client closed the connection while it was queued.
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED | Errno::PROTO) => return Ok(None),
            // The kernel allocates a descriptor before it checks whether a connection is waiting.
            Err(Errno::MFILE | Errno::NFILE) if !wait_for_any([self.as_fd()], Some(Duration::ZERO))? => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Some(match &self.socket {
            Kind::Tcp(here) => {
                let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
                let peer = peer.map_or_else(|| here.local_addr(), Ok)?;
                Transport::Tcp(TcpStream::from(socket), canonical(peer))
            }
            Kind::Unix(_) => {
                let peer = Peer::of_unix(&socket);
                Transport::Unix(UnixStream::from(socket), peer)
            }
        }))
    }
}

/// Sets options of the listener that its connections inherit on Linux. This saves two system calls for each connection.
fn prepare(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    // Not required: an old kernel may not support it.
    let _ = socket.set_tcp_notsent_lowat(SendBufferSize::Small.bytes());
    Ok(())
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Kind::Tcp(socket) => socket.as_fd(),
            Kind::Unix(socket) => socket.as_fd(),
        }
    }
}

/// The address as users give it to a client: `127.0.0.1:8080`, `unix:/run/wharf.sock`,
/// `tftp://127.0.0.1:6969`.
impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(&authority(*address)),
            Self::Unix(name) => write!(f, "unix:{name}"),
            Self::Udp(address) => write!(f, "tftp://{}", authority(*address)),
        }
    }
}

/// Waits up to `at_most` until one of these is readable; returns whether one is. A signal ends the wait
/// early; callers check everything again anyway.
pub fn wait_for_any<'a>(
    sources: impl IntoIterator<Item = BorrowedFd<'a>>,
    at_most: Option<Duration>,
) -> io::Result<bool> {
    let mut waiting: Vec<PollFd<'_>> =
        sources.into_iter().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    let at_most = at_most.and_then(|time| Timespec::try_from(time).ok());
    match poll(&mut waiting, at_most.as_ref()) {
        Ok(count) => Ok(count > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::transport::{More, Transferred};

    #[test]
    fn a_listener_for_all_addresses_accepts_both_versions() {
        let all = SocketAddr::from(([0u16; 8], 0));
        let Ok(listener) = Listener::bind(all) else { return };
        let here = listener.ipv4_address().and_then(|address| address.tcp()).expect("IPv4 too");
        let client = TcpStream::connect(("127.0.0.1", here.port())).expect("a connection");
        let accepted = listener.accept().expect("no error").expect("it waits");
        assert_eq!(accepted.peer(), Peer::Inet(client.local_addr().expect("its address")));
        let beside = Listener::bind_among(all, &[SocketAddr::from(([0, 0, 0, 0], 0))]).expect("a listener");
        assert_eq!(beside.ipv4_address(), None, "another one accepts IPv4");
    }

    #[test]
    fn a_stalled_reader_uses_little_kernel_memory() {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a listener");
        let _client = TcpStream::connect(listener.address().to_string()).expect("a connection");
        let mut stream = listener.accept().expect("no error").expect("it waits");
        let bytes = vec![0; 64 * 1024];
        while let Transferred::Bytes(_) = stream.write(&bytes, More::Ends).expect("written") {}
        let waiting = stream.unacknowledged().expect("a number");
        assert!(waiting <= 2 * u64::from(SendBufferSize::Small.bytes()), "{waiting} bytes");
    }
}
