//! TLS over a non-blocking TCP socket, as a server speaks it.
//!
//! rustls encrypts and decrypts in memory; this file moves its records. Its buffers are bounded: at most one piece of
//! output is encrypted before the kernel has all of the one before, and input is decrypted only when there is space for it.

use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt as _;

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, sendmsg};
use rustls::ServerConnection;

use crate::blocking::Blocking;

/// How many bytes are encrypted at once. As records, which add 22 bytes each, they fill 45 packets of Ethernet (1,448 bytes
/// each), and one of loopback. The kernel passes that many on as one (GSO), while 64 KiB would be two, the second nearly empty.
const PIECE: usize = 45 * 1448 - 4 * 22;

/// How many bytes are read from the socket at once.
const READ: usize = 64 * 1024;

thread_local! {
    /// What is between the socket or a file and rustls: each thread needs it for the length of one call.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A TLS connection.
pub struct TlsStream {
    socket: TcpStream,
    peer: SocketAddr,
    session: ServerConnection,
    /// Records that have arrived, and that rustls has not got yet.
    raw: Vec<u8>,
    /// Whether the last read has emptied the socket.
    is_drained: bool,
    /// How many bytes of decrypted input wait to be read.
    readable: usize,
    /// How many bytes of records wait for the socket.
    unsent: usize,
    /// Whether all that was written is whole messages: only then may the stream be ended in order.
    is_whole: bool,
}

impl TlsStream {
    /// Begins on this connection, of which these bytes have been read already.
    pub fn new(socket: TcpStream, peer: SocketAddr, mut session: ServerConnection, arrived: &[u8]) -> Self {
        session.set_buffer_limit(Some(2 * PIECE));
        let raw = arrived.to_vec();
        Self { socket, peer, session, raw, is_drained: false, readable: 0, unsent: 0, is_whole: true }
    }

    /// The peer.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The socket.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Moves the handshake on; whether it is over. If not, more has to arrive, or, if [`Self::wants_write`], to be sent.
    pub fn handshake(&mut self) -> io::Result<bool> {
        loop {
            // What ends the handshake can leave with the response to a request that has arrived already.
            if !self.session.is_handshaking() && self.has_buffered() {
                return Ok(true);
            }
            self.flush_records(SendFlags::empty())?;
            if !self.session.is_handshaking() {
                return Ok(true);
            }
            if self.session.wants_write() {
                return Ok(false);
            }
            if !self.raw.is_empty() {
                let raw = std::mem::take(&mut self.raw);
                self.shake(&raw)?;
                continue;
            }
            let arrived = self.receive(READ, |stream, bytes| {
                if bytes.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { stream.shake(bytes) }
            });
            match arrived {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives rustls records of the handshake; what follows it is kept.
    fn shake(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() && self.session.is_handshaking() {
            self.feed(&mut bytes)?;
        }
        self.raw = bytes.to_vec();
        Ok(())
    }

    /// Whether records wait for the socket.
    pub fn wants_write(&self) -> bool {
        self.session.wants_write()
    }

    /// Whether there is input that causes no event at the socket, as it has been read from there.
    pub fn has_buffered(&self) -> bool {
        self.readable > 0 || !self.raw.is_empty()
    }

    /// Whether the last read has emptied the socket, and all that it got was returned.
    pub fn is_drained(&self) -> bool {
        self.is_drained && !self.has_buffered()
    }

    /// Reads what has arrived; 0 is the end of the peer's stream.
    pub fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let raw = std::mem::take(&mut self.raw);
        if let Some(count) = self.decrypt(&raw, into)? {
            return Ok(count);
        }
        loop {
            let read = self.receive(into.len().clamp(1, READ), |stream, bytes| {
                if bytes.is_empty() {
                    stream.feed(&mut &*bytes)?;
                }
                stream.decrypt(bytes, into)
            });
            // Answers of the protocol itself, such as that to a change of keys.
            if self.session.wants_write() {
                self.flush_records(SendFlags::empty())?;
            }
            if let Some(count) = read? {
                return Ok(count);
            }
        }
    }

    /// Passes on what has arrived at the socket, at most this many bytes; none at the end of the stream.
    fn receive<T>(
        &mut self,
        at_most: usize,
        pass_on: impl FnOnce(&mut Self, &[u8]) -> io::Result<T>,
    ) -> io::Result<T> {
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(READ, 0);
            let arrived = retry_on_intr(|| recv(&self.socket, &mut buffer[..at_most], RecvFlags::DONTWAIT));
            self.is_drained = match arrived {
                Ok((count, _)) => 0 < count && count < at_most,
                Err(error) => error == Errno::AGAIN,
            };
            let (count, _) = arrived?;
            pass_on(self, &buffer[..count])
        })
    }

    /// Decrypts these records; returns the number of bytes, which is 0 at the end of the stream, or `None` if more have to
    /// arrive. Records for which there is no space are kept.
    fn decrypt(&mut self, mut records: &[u8], into: &mut [u8]) -> io::Result<Option<usize>> {
        let mut filled = 0;
        loop {
            match self.session.reader().read(&mut into[filled..]) {
                Ok(0) => return Ok(Some(filled)),
                Ok(count) => {
                    filled += count;
                    self.readable = self.readable.saturating_sub(count);
                    if filled == into.len() {
                        self.raw = records.to_vec();
                        return Ok(Some(filled));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = 0;
                    if records.is_empty() {
                        return Ok((filled > 0).then_some(filled));
                    }
                    self.feed(&mut records)?;
                }
                // Without close_notify. Every request says where it ends, so one that was cut off is noticed.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Some(filled)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives rustls the first of these records; no bytes are the end of the stream.
    fn feed(&mut self, records: &mut &[u8]) -> io::Result<()> {
        if self.session.read_tls(records)? == 0 {
            // What follows close_notify is ignored.
            *records = &[];
        }
        match self.session.process_new_packets() {
            Ok(now) => {
                self.readable = now.plaintext_bytes_to_read();
                Ok(())
            }
            Err(error) => {
                // The alert that says why.
                let _ = self.flush_records(SendFlags::empty());
                self.is_whole = false;
                Err(io::Error::new(io::ErrorKind::InvalidData, error))
            }
        }
    }

    /// Encrypts and sends as many bytes as fit, at least one; an error of the kind `WouldBlock` if none do. The flags are
    /// those of send(2).
    pub fn write(&mut self, bytes: &[u8], flags: SendFlags) -> io::Result<usize> {
        // Records that the socket has not refused leave together with these.
        if self.unsent > 0 && !self.flush_records(flags)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.is_whole = false;
        let count = self.session.writer().write(&bytes[..bytes.len().min(PIECE)])?;
        self.flush_records(flags)?;
        Ok(count)
    }

    /// Sends bytes of a file from this offset on, at most `count`: as [`Self::write`]. 0 is the end of the file.
    pub fn send_file(
        &mut self,
        file: &File,
        offset: u64,
        count: usize,
        _: Blocking<'_>,
    ) -> io::Result<usize> {
        // The socket first: what is read in vain would be read again.
        if !self.flush_records(SendFlags::empty())? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(PIECE, 0);
            let read = file.read_at(&mut buffer[..count.min(PIECE)], offset)?;
            if read == 0 { Ok(0) } else { self.write(&buffer[..read], SendFlags::empty()) }
        })
    }

    /// Sends what was written; whether the kernel has all of it. Call it at the end of a message.
    pub fn flush(&mut self) -> io::Result<bool> {
        self.is_whole = self.flush_records(SendFlags::empty())?;
        Ok(self.is_whole)
    }

    /// Gives the socket the records that wait for it; whether it has taken all.
    fn flush_records(&mut self, flags: SendFlags) -> io::Result<bool> {
        let mut socket = Socket(&self.socket, flags | SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
        while self.session.wants_write() {
            match self.session.write_tls(&mut socket) {
                Ok(count) => self.unsent = self.unsent.saturating_sub(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.unsent = self
                        .session
                        .process_new_packets()
                        .map_or(self.unsent, |now| now.tls_bytes_to_write());
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        self.unsent = 0;
        Ok(true)
    }

    /// How many bytes wait for the socket.
    pub fn unsent(&self) -> usize {
        self.unsent
    }

    /// Announces the end of the outgoing stream, if it ends after whole messages: else a client must see that one was cut
    /// off (RFC 9112 §9.8).
    pub fn close_notify(&mut self) {
        if self.is_whole && !self.session.is_handshaking() {
            self.is_whole = false;
            self.session.send_close_notify();
            // Whoever does not read is not told.
            let _ = self.flush_records(SendFlags::empty());
        }
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        self.close_notify();
    }
}

impl AsFd for TlsStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// A socket as rustls writes to it: several records by one system call, without waiting.
struct Socket<'a>(&'a TcpStream, SendFlags);

impl io::Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let sent = retry_on_intr(|| sendmsg(self.0, pieces, &mut SendAncillaryBuffer::default(), self.1));
        Ok(sent?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
