//! The non-blocking socket of one connection.

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

/// A connected socket in non-blocking mode; an enum, so that a kind with TLS has its place.
#[derive(Debug)]
pub enum Stream {
    /// TCP, and who is at its other end.
    Tcp(TcpStream, SocketAddr),
    /// A Unix-domain socket, and which program is at its other end.
    Unix(UnixStream, Peer),
}

/// The result of a read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transferred {
    /// This many bytes, at least one.
    Bytes(usize),
    /// Nothing now: the call would block.
    WouldWait,
    /// The end: the peer has ended its stream, or, for a file, the file has ended.
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

/// Whether more bytes follow at once, so that a small write need not leave in a packet of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// They do (`MSG_MORE`).
    Follows,
    /// This is all for now.
    Ends,
}

/// How much of what was written may wait in the kernel to be sent (`TCP_NOTSENT_LOWAT`, tcp(7)). What has been sent and
/// not acknowledged does not count, so a fast reader far away is sent to as fast as ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendBufferSize {
    /// Little: a thousand readers who stall must not fill all the memory that the system has for TCP.
    Small,
    /// About what the kernel would allow by itself: each wake-up moves more, and a long answer takes fewer of them.
    Large,
}

impl SendBufferSize {
    /// Its length in bytes.
    pub const fn bytes(self) -> u32 {
        match self {
            Self::Small => 256 * 1024,
            Self::Large => 4 * 1024 * 1024,
        }
    }
}

impl Stream {
    /// Lets so much wait in the kernel. One that does not know this goes by its own measure.
    pub fn set_send_buffer(&self, size: SendBufferSize) {
        if let Self::Tcp(stream, _) = self {
            let _ = SockRef::from(stream).set_tcp_notsent_lowat(size.bytes());
        }
    }

    /// Who is at the other end, for the log.
    pub fn peer(&self) -> Peer {
        match self {
            Self::Tcp(_, peer) => Peer::Inet(*peer),
            Self::Unix(_, peer) => *peer,
        }
    }

    /// Reads what has arrived.
    pub fn read(&self, into: &mut [u8]) -> io::Result<Transferred> {
        // Whoever is told that there was nothing relies on it.
        let read = retry_on_intr(|| recv(self, &mut *into, RecvFlags::DONTWAIT));
        transferred(read.map(|(count, _)| count))
    }

    /// Looks at the other side, without waiting and without reading.
    pub fn other_end(&self) -> OtherEnd {
        let mut look = [PollFd::new(self, PollFlags::RDHUP)];
        match poll(&mut look, Some(&Timespec::default())) {
            Ok(0) | Err(_) => OtherEnd::Open,
            Ok(_) if look[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) => OtherEnd::Gone,
            Ok(_) => OtherEnd::Ended,
        }
    }

    /// Reads what has arrived, up to a limit, and throws it away: a socket that is closed with something unread resets its
    /// connection, and what was sent last is lost.
    pub fn discard_input(&self) {
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

    /// Copies what has arrived, and leaves it to be read; how many bytes.
    pub fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        match retry_on_intr(|| recv(self, &mut *into, RecvFlags::DONTWAIT | RecvFlags::PEEK)) {
            Ok((count, _)) => Ok(count),
            Err(Errno::AGAIN) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a read that leaves room has read all that there was. On a Unix-domain socket it stops behind what came with
    /// descriptors (unix(7)).
    pub const fn reads_all(&self) -> bool {
        matches!(self, Self::Tcp(..))
    }

    /// Writes as much as there is room for. `bytes` must not be empty.
    pub fn write(&self, bytes: &[u8], more: More) -> io::Result<Transferred> {
        let more = if more == More::Follows { SendFlags::MORE } else { SendFlags::empty() };
        transferred(send(self, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL | more))
    }

    /// Sends so many bytes of a file from this offset on, as far as there is room. `Moved::End` means that
    /// the file is shorter than that by now. A disk may be waited for; the socket never is.
    pub fn send_file(&self, file: &File, offset: u64, count: usize) -> io::Result<Transferred> {
        let mut offset = offset;
        transferred(sendfile(self, file, Some(&mut offset), count))
    }

    /// How many of the bytes written the other side has not taken yet. Linux's SIOCOUTQ; no crate has it.
    pub fn unacknowledged(&self) -> io::Result<u64> {
        const SIOCOUTQ: ioctl::Opcode = 0x5411;
        // SAFETY: SIOCOUTQ (tcp(7), unix(7)) writes one int through the pointer that it is given, and no more.
        #[allow(unsafe_code)]
        let count = unsafe { ioctl::ioctl(self, ioctl::Getter::<SIOCOUTQ, i32>::new()) }?;
        Ok(u64::from(count.unsigned_abs()))
    }

    /// Lets the kernel give up the connection when what was sent is not acknowledged for so long (TCP's user timeout,
    /// RFC 5482).
    pub fn give_up_after(&self, time: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream, _) => {
                let milliseconds = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
                Ok(rustix::net::sockopt::set_tcp_user_timeout(stream, milliseconds)?)
            }
            // There is no network between the two: whoever goes is seen to go.
            Self::Unix(..) => Ok(()),
        }
    }

    /// Says that nothing more will be sent; reading goes on.
    pub fn end_sending(&self) -> io::Result<()> {
        Ok(shutdown(self, Shutdown::Write)?)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream, _) => stream.as_fd(),
            Self::Unix(stream, _) => stream.as_fd(),
        }
    }
}

/// The system's answer in our words. An interrupted call counts as one that would have waited: it is tried again
/// when the poller says so, which is at once.
fn transferred(answer: rustix::io::Result<usize>) -> io::Result<Transferred> {
    match answer {
        Ok(0) => Ok(Transferred::End),
        Ok(count) => Ok(Transferred::Bytes(count)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(Transferred::WouldWait),
        Err(error) => Err(error.into()),
    }
}
