//! The bytes of one connection, over a non-blocking socket.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::sendfile;
use rustix::io::{Errno, retry_on_intr};
use rustix::ioctl;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
use socket2::SockRef;

use super::peer::Peer;
use super::tls_stream::TlsStream;
use crate::blocking::Blocking;

/// A connected socket in non-blocking mode.
#[derive(Debug)]
pub enum Transport {
    /// TCP, with the peer's address.
    Tcp(TcpStream, SocketAddr),
    /// A Unix-domain socket, with the peer.
    Unix(UnixStream, Peer),
    /// TLS over TCP.
    Tls(Box<TlsStream>),
}

/// The result of a read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transferred {
    /// This many bytes, at least one.
    Bytes(usize),
    /// Nothing now: the call would block.
    WouldWait,
    /// The end of the peer's stream, or of the file to send.
    End,
}

/// The state of the peer, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherEnd {
    /// It may still send.
    Open,
    /// It has ended its stream (a half-close); whether it still reads is unknown.
    Ended,
    /// The connection is broken.
    Gone,
}

/// Whether more bytes follow immediately. If so, a small write is not sent in a packet of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// More bytes follow (`MSG_MORE`).
    Follows,
    /// No more bytes for now.
    Ends,
}

/// How many unsent bytes the kernel may buffer (`TCP_NOTSENT_LOWAT`, tcp(7)). Bytes that were sent but not
/// acknowledged do not count, so a fast but distant reader is not slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendBufferSize {
    /// Few: a thousand stalled readers must not use up the system's memory for TCP.
    Small,
    /// About the kernel's default: each wake-up sends more, so a long response needs fewer wake-ups.
    Large,
}

impl SendBufferSize {
    /// The number of bytes.
    pub const fn bytes(self) -> u32 {
        match self {
            Self::Small => 256 * 1024,
            Self::Large => 4 * 1024 * 1024,
        }
    }
}

impl Transport {
    /// Sets how many unsent bytes the kernel buffers. Ignored if the kernel does not support it.
    pub fn set_send_buffer(&self, size: SendBufferSize) {
        let stream = match self {
            Self::Tcp(stream, _) => stream,
            Self::Tls(stream) => stream.socket(),
            Self::Unix(..) => return,
        };
        let _ = SockRef::from(stream).set_tcp_notsent_lowat(size.bytes());
    }

    /// The peer, for the log.
    pub fn peer(&self) -> Peer {
        match self {
            Self::Tcp(_, peer) => Peer::Inet(*peer),
            Self::Unix(_, peer) => *peer,
            Self::Tls(stream) => Peer::Inet(stream.peer()),
        }
    }

    /// Whether nobody on the network path can read what is sent.
    pub const fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Turns a TCP connection into a TLS connection.
    pub fn encrypt(
        &mut self,
        begin: impl FnOnce(TcpStream, SocketAddr) -> io::Result<TlsStream>,
    ) -> io::Result<()> {
        let Self::Tcp(stream, peer) = self else { return Ok(()) };
        // The poller identifies the socket by its descriptor, so the TLS connection gets the original one. A duplicate
        // takes its place meanwhile.
        let second = Self::Tcp(stream.try_clone()?, *peer);
        if let Self::Tcp(stream, peer) = std::mem::replace(self, second) {
            *self = Self::Tls(Box::new(begin(stream, peer)?));
        }
        Ok(())
    }

    /// Whether the connection needs another turn as soon as its socket is writable. Either input was already read from
    /// the socket, so no event will come for it, or the socket has not taken all output yet.
    pub fn has_buffered(&self) -> bool {
        match self {
            Self::Tcp(..) | Self::Unix(..) => false,
            Self::Tls(stream) => stream.has_buffered() || stream.wants_write(),
        }
    }

    /// Whether a part of a TLS record has arrived since the last call. A read can return its content only when the
    /// record is complete.
    pub fn take_progress(&mut self) -> bool {
        match self {
            Self::Tcp(..) | Self::Unix(..) => false,
            Self::Tls(stream) => stream.take_progress(),
        }
    }

    /// Reads what has arrived.
    #[inline]
    pub fn read(&mut self, into: &mut [u8]) -> io::Result<Transferred> {
        if let Self::Tls(stream) = self {
            return encrypted(stream.read(into));
        }
        // The caller takes "would block" to mean that the socket is empty.
        let read = retry_on_intr(|| recv(&*self, &mut *into, RecvFlags::DONTWAIT));
        transferred(read.map(|(count, _)| count))
    }

    /// The state of the peer, without waiting and without reading.
    pub fn other_end(&self) -> OtherEnd {
        let mut look = [PollFd::new(self, PollFlags::RDHUP)];
        match poll(&mut look, Some(&Timespec::default())) {
            Ok(0) | Err(_) => OtherEnd::Open,
            Ok(_) if look[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) => OtherEnd::Gone,
            Ok(_) => OtherEnd::Ended,
        }
    }

    /// Reads and discards what has arrived, up to a limit. Closing a socket with unread data resets the connection, and
    /// the peer loses the last bytes that were sent to it.
    pub fn discard_input(&mut self) {
        const LIMIT: usize = 64 * 1024;
        let mut bytes = [0; 4096];
        let mut read = 0;
        while let Ok(Transferred::Bytes(count)) = self.read(&mut bytes) {
            read += count;
            if read >= LIMIT {
                return;
            }
        }
    }

    /// Copies what has arrived without consuming it; returns the number of bytes. `None` if the connection is
    /// encrypted.
    pub fn peek(&self, into: &mut [u8]) -> io::Result<Option<usize>> {
        if self.is_encrypted() {
            return Ok(None);
        }
        match retry_on_intr(|| recv(self, &mut *into, RecvFlags::DONTWAIT | RecvFlags::PEEK)) {
            Ok((count, _)) => Ok(Some(count)),
            Err(Errno::AGAIN) => Ok(Some(0)),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a read that returned fewer bytes than requested has emptied the socket. On a Unix-domain socket, a read
    /// stops after bytes that came with descriptors (unix(7)).
    pub fn reads_all(&self) -> bool {
        match self {
            Self::Tcp(..) => true,
            Self::Unix(..) => false,
            Self::Tls(stream) => stream.is_drained(),
        }
    }

    /// Writes as many bytes as the socket accepts. `bytes` must not be empty.
    #[inline]
    pub fn write(&mut self, bytes: &[u8], more: More) -> io::Result<Transferred> {
        let more = if more == More::Follows { SendFlags::MORE } else { SendFlags::empty() };
        if let Self::Tls(stream) = self {
            return encrypted(stream.write(bytes, more));
        }
        transferred(send(&*self, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL | more))
    }

    /// Sends bytes of a file from this offset on, as many as the socket accepts. `Transferred::End` means
    /// that the file has become shorter. This may wait for the disk, but not for the socket.
    pub fn send_file(
        &mut self,
        file: &File,
        offset: u64,
        count: usize,
        disk: Blocking<'_>,
    ) -> io::Result<Transferred> {
        if let Self::Tls(stream) = self {
            return encrypted(stream.send_file(file, offset, count, disk));
        }
        let mut offset = offset;
        transferred(sendfile(&*self, file, Some(&mut offset), count))
    }

    /// Sends what waits in memory; returns whether the kernel has taken all of it. Call it at the end of a message:
    /// until then, TLS records may wait.
    pub fn flush(&mut self) -> io::Result<bool> {
        match self {
            Self::Tcp(..) | Self::Unix(..) => Ok(true),
            Self::Tls(stream) => stream.flush(),
        }
    }

    /// How many of the written bytes the peer has not acknowledged yet. This is Linux's SIOCOUTQ, which no
    /// crate wraps.
    pub fn unacknowledged(&self) -> io::Result<u64> {
        const SIOCOUTQ: ioctl::Opcode = 0x5411;
        #[allow(unsafe_code)]
        // SAFETY: SIOCOUTQ (tcp(7), unix(7)) writes one int through the pointer that it is given, and no more.
        let count = unsafe { ioctl::ioctl(self, ioctl::Getter::<SIOCOUTQ, i32>::new()) }?;
        let waiting = if let Self::Tls(stream) = self { stream.unsent() } else { 0 };
        Ok(u64::from(count.unsigned_abs()) + waiting as u64)
    }

    /// Sets how long sent bytes may be unacknowledged before the kernel aborts the connection (TCP's user timeout, RFC 5482).
    pub fn give_up_after(&self, time: Duration) -> io::Result<()> {
        let stream = match self {
            Self::Tcp(stream, _) => stream,
            Self::Tls(stream) => stream.socket(),
            // There is no network in between, so the kernel sees the peer close.
            Self::Unix(..) => return Ok(()),
        };
        let milliseconds = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        Ok(rustix::net::sockopt::set_tcp_user_timeout(stream, milliseconds)?)
    }

    /// Ends the outgoing stream; reading continues.
    pub fn end_sending(&mut self) -> io::Result<()> {
        if let Self::Tls(stream) = self {
            stream.end();
        }
        Ok(shutdown(&*self, Shutdown::Write)?)
    }
}

impl AsFd for Transport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream, _) => stream.as_fd(),
            Self::Unix(stream, _) => stream.as_fd(),
            Self::Tls(stream) => stream.as_fd(),
        }
    }
}

/// Converts the result of a TLS call.
fn encrypted(answer: io::Result<usize>) -> io::Result<Transferred> {
    match answer {
        Ok(0) => Ok(Transferred::End),
        Ok(count) => Ok(Transferred::Bytes(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Transferred::WouldWait),
        Err(error) => Err(error),
    }
}

/// Converts the result of a system call. A call that was interrupted counts as one that would block. The poller then
/// reports the socket at once, and the call is repeated.
fn transferred(answer: rustix::io::Result<usize>) -> io::Result<Transferred> {
    match answer {
        Ok(0) => Ok(Transferred::End),
        Ok(count) => Ok(Transferred::Bytes(count)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(Transferred::WouldWait),
        Err(error) => Err(error.into()),
    }
}
