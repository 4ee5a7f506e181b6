//! A socket on which connections come in.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Protocol, Socket, Type};

use super::stream::Stream;

/// How many connections may wait to be accepted; the kernel lowers it to `net.core.somaxconn`. Less, and a burst of
/// a thousand browsers would see a second's delay for a lost SYN.
const BACKLOG: i32 = 4096;

/// How much of what was written may wait in the kernel to be sent, in bytes (`TCP_NOTSENT_LOWAT`, tcp(7)). By default
/// it is some megabytes, and a thousand readers who stall fill all the memory that the system has for TCP. What has
/// been sent and not acknowledged does not count, so a fast reader far away is sent to as fast as ever.
const UNSENT: u32 = 256 * 1024;

/// A listening socket in non-blocking mode.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens on this address; port 0 takes a free one.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            // `::` and `0.0.0.0` can then be given side by side, and mean what they say.
            socket.set_only_v6(true)?;
        }
        // A server that was stopped can be started again while its old connections still time out.
        socket.set_reuse_address(true)?;
        // What is accepted inherits these on Linux: two system calls less for each connection.
        socket.set_tcp_nodelay(true)?;
        // A kernel that does not know this one serves all the same.
        let _ = socket.set_tcp_notsent_lowat(UNSENT);
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let socket = TcpListener::from(socket);
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// Where it listens, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection, or `None` when nobody is waiting.
    pub fn accept(&self) -> io::Result<Option<Stream>> {
        let accepted = match acceptfrom_with(self, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(accepted) => accepted,
            // The last two: it gave up while it waited. That is its affair.
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED | Errno::PROTO) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let (socket, peer) = accepted;
        let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok()).unwrap_or(self.address);
        Ok(Some(Stream::Tcp(TcpStream::from(socket), peer)))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Waits until a connection comes to one of the listeners, or `stop` becomes readable. It returns early for a
/// signal; the caller looks at everything again anyhow.
pub fn wait_for_any(listeners: &[Listener], stop: impl AsFd) -> io::Result<()> {
    let stop = stop.as_fd();
    let mut waiting: Vec<PollFd<'_>> = listeners
        .iter()
        .map(AsFd::as_fd)
        .chain([stop])
        .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
        .collect();
    match poll(&mut waiting, None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::stream::{More, Moved};

    #[test]
    fn a_reader_who_stalls_costs_the_kernel_little() {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a listener");
        let _client = TcpStream::connect(listener.address()).expect("a connection");
        let stream = listener.accept().expect("no error").expect("it waits");
        let bytes = vec![0; 64 * 1024];
        while let Moved::Bytes(_) = stream.write(&bytes, More::Ends).expect("written") {}
        let waiting = stream.unacknowledged().expect("a number");
        assert!(waiting <= 2 * u64::from(UNSENT), "{waiting} bytes");
    }
}
