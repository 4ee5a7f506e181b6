//! The client's socket: blocking, over TCP or a Unix-domain socket, with a timeout for every operation.

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::address::Endpoint;
use super::error::ClientError;
use crate::net::unix::SocketName;

/// How long connecting may take. A lost SYN is sent again after 1, 3 and 7 seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the server may neither send nor read within an exchange; the default of the server's `--stall`.
pub(super) const STALL: Duration = Duration::from_secs(60);

/// A connected socket.
#[derive(Debug)]
pub(super) enum Socket {
    /// Over TCP, without Nagle's delay.
    Tcp(TcpStream),
    /// Over a Unix-domain socket.
    Unix(UnixStream),
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    /// Readable, or closed by the peer.
    ToRead,
    /// Writable, and not readable.
    ToWrite,
    /// Timed out.
    No,
}

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadOutcome {
    /// This many bytes of content; 0 at the end.
    Content(usize),
    /// This many bytes on the wire, but no content yet. This happens only with TLS.
    #[cfg_attr(not(feature = "tls"), allow(dead_code))]
    Nothing(usize),
}

impl Socket {
    /// Connects to a server; `silence` is the read timeout.
    pub(super) fn connect(server: &Endpoint, silence: Duration) -> Result<Self, ClientError> {
        match server {
            Endpoint::Tcp { host, port, .. } | Endpoint::Tls { host, port, .. } => {
                Self::connect_tcp(server, host, *port, silence)
            }
            Endpoint::Unix(path) => Self::connect_unix(server, path, silence),
        }
    }

    /// Tries each address of the name in turn, and returns the error of the last.
    fn connect_tcp(server: &Endpoint, host: &str, port: u16, silence: Duration) -> Result<Self, ClientError> {
        let unresolved = || ClientError::Unresolved(host.to_owned());
        let addresses = (host, port).to_socket_addrs().map_err(|_| unresolved())?;
        let mut outcome = Err(unresolved());
        for address in addresses {
            outcome = open_tcp(&address, silence).map_err(|error| unreachable(server, error));
            if outcome.is_ok() {
                break;
            }
        }
        outcome.map(Self::Tcp)
    }

    fn connect_unix(server: &Endpoint, path: &Path, silence: Duration) -> Result<Self, ClientError> {
        let open = || {
            let stream = SocketName::parse(path.as_os_str()).connect()?;
            stream.set_read_timeout(Some(silence))?;
            Ok(stream)
        };
        open().map(Self::Unix).map_err(|error| unreachable(server, error))
    }

    /// Writes without blocking; `None` if the socket's buffer is full.
    pub(super) fn send_now(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match send(self, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(count) => Ok(Some(count)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads without blocking; `None` if nothing has arrived.
    pub(super) fn receive_now(&self, into: &mut [u8]) -> io::Result<Option<usize>> {
        match recv(self, into, RecvFlags::DONTWAIT) {
            Ok((_, count)) => Ok(Some(count)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the server has neither sent anything nor closed the connection. Only then can an idle connection be used.
    pub(super) fn is_quiet(&self) -> bool {
        recv(self, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT).is_err_and(|error| error == Errno::AGAIN)
    }

    /// Waits until the socket is readable, at most for this time.
    pub(super) fn wait_to_read(&self, timeout: Duration) -> io::Result<Readiness> {
        self.wait(PollFlags::IN, timeout)
    }

    /// Waits until the socket is readable or writable, at most for this time.
    pub(super) fn wait_for_either(&self, timeout: Duration) -> io::Result<Readiness> {
        self.wait(PollFlags::IN | PollFlags::OUT, timeout)
    }

    /// Waits until the socket or this input is readable; returns whether it is the socket.
    pub(super) fn is_first_readable(&self, input: BorrowedFd<'_>) -> io::Result<bool> {
        let mut fds = [PollFd::new(self, PollFlags::IN), PollFd::from_borrowed_fd(input, PollFlags::IN)];
        loop {
            match poll(&mut fds, None) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => break,
            }
        }
        let [socket, _] = fds;
        Ok(!socket.revents().is_empty())
    }

    fn wait(&self, wanted: PollFlags, timeout: Duration) -> io::Result<Readiness> {
        let timeout = Timespec::try_from(timeout).map_err(|_| ErrorKind::InvalidInput)?;
        let mut fds = [PollFd::new(self, wanted)];
        loop {
            match poll(&mut fds, Some(&timeout)) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(0) => return Ok(Readiness::No),
                Ok(_) => break,
            }
        }
        // An error or a hang-up counts as readable: what the server sent before is read first.
        let [fd] = fds;
        let writable = fd.revents() == PollFlags::OUT;
        Ok(if writable { Readiness::ToWrite } else { Readiness::ToRead })
    }
}

fn open_tcp(address: &SocketAddr, silence: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(address, CONNECT_TIMEOUT.min(silence))?;
    // A request is written whole, so Nagle's algorithm would only delay it.
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(silence))?;
    Ok(stream)
}

/// Maps a system error of connecting.
fn unreachable(server: &Endpoint, error: io::Error) -> ClientError {
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::NotFound => ClientError::NotRunning(server.to_string()),
        _ => ClientError::Unreachable(server.to_string(), error),
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}
