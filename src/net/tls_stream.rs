//! The server side of TLS over a non-blocking TCP socket.
//!
//! rustls encrypts and decrypts in memory; this file moves its records between memory and the socket. Its buffers are
//! bounded: the next piece of output is encrypted only when the kernel has taken the previous one, and input is
//! decrypted only when there is space for it.

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

/// How many bytes are encrypted at once.
const PIECE: usize = 64 * 1024;

/// How many bytes are read from the socket at once.
const READ: usize = 64 * 1024;

thread_local! {
    /// The buffer between rustls and the socket or a file. A call does not leave anything in it, so each thread has
    /// one.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A TLS connection.
pub struct TlsStream {
    socket: TcpStream,
    peer: SocketAddr,
    session: ServerConnection,
    /// Records that have arrived, but were not passed to rustls yet.
    raw: Vec<u8>,
    /// Whether the last read has emptied the socket.
    is_drained: bool,
    /// How many bytes of decrypted input wait to be read.
    readable: usize,
    /// How many bytes of records wait for the socket.
    unsent: usize,
    /// Whether the output ends after a whole message: only then may `close_notify` be sent.
    is_whole: bool,
}

impl TlsStream {
    /// Begins on this connection, from which these bytes have already been read.
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

    /// Continues the handshake; returns whether it is complete. If not, it waits to send records, if
    /// [`Self::wants_write`], or else to receive some.
    pub fn handshake(&mut self) -> io::Result<bool> {
        loop {
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

    /// Passes records of the handshake to rustls; what follows the handshake is kept.
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

    /// Whether there is input for which the socket reports no event, because it has already been read from the socket.
    pub fn has_buffered(&self) -> bool {
        self.readable > 0 || !self.raw.is_empty()
    }

    /// Whether the last read emptied the socket, and all of its bytes were returned.
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
            // Replies of the protocol itself, such as the reply to a key update.
            if self.session.wants_write() {
                self.flush_records(SendFlags::empty())?;
            }
            if let Some(count) = read? {
                return Ok(count);
            }
        }
    }

    /// Returns what has arrived at the socket, at most this many bytes; none at the end of the stream.
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
                // Without close_notify. Every request announces its length, so a truncated one is noticed.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Some(filled)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Passes the first of these records to rustls; no bytes mean the end of the stream.
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
        if !self.flush_records(flags)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.is_whole = false;
        let count = self.session.writer().write(&bytes[..bytes.len().min(PIECE)])?;
        self.flush_records(flags)?;
        Ok(count)
    }

    /// Sends bytes of a file from this offset on, at most `count`: otherwise like [`Self::write`]. Returns 0 at the end
    /// of the file.
    pub fn send_file(
        &mut self,
        file: &File,
        offset: u64,
        count: usize,
        _: Blocking<'_>,
    ) -> io::Result<usize> {
        // The socket first: if it is full, the file would be read twice.
        if !self.flush_records(SendFlags::empty())? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(PIECE, 0);
            let read = file.read_at(&mut buffer[..count.min(PIECE)], offset)?;
            if read == 0 { Ok(0) } else { self.write(&buffer[..read], SendFlags::empty()) }
        })
    }

    /// Sends what was written; returns whether the kernel has all of it. Call it at the end of a message.
    pub fn flush(&mut self) -> io::Result<bool> {
        self.is_whole = self.flush_records(SendFlags::empty())?;
        Ok(self.is_whole)
    }

    /// Writes the waiting records to the socket; returns whether it has taken all of them.
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

    /// Announces the end of the outgoing stream, if it ends after a whole message. Otherwise the client must see that
    /// the message was truncated (RFC 9112 §9.8).
    pub fn close_notify(&mut self) {
        if self.is_whole && !self.session.is_handshaking() {
            self.is_whole = false;
            self.session.send_close_notify();
            // A peer that does not read does not get it.
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

/// The socket for rustls: writes several records with one system call, without blocking.
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
