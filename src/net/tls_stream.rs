//! The server side of TLS over a non-blocking TCP socket.
//!
//! rustls encrypts and decrypts in memory; this file moves its records between memory and the socket. The buffers are
//! bounded: output is encrypted in pieces, each only when the kernel has taken the previous one. Input is decrypted
//! only when there is space for it.

mod handshake;
mod record_writer;

use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt as _;

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, SendFlags, recv};
use rustls::ServerConnection;
use rustls::pki_types::CertificateDer;

use self::record_writer::RecordWriter;
use crate::blocking::Blocking;

/// How many bytes are encrypted at once. With the 22 bytes that each record adds, they fill 45 Ethernet packets of
/// 1,448 bytes, or one packet over loopback. The kernel handles up to 45 packets as one (GSO). For 64 KiB it would need
/// two, the second nearly empty.
const PIECE: usize = 45 * 1448 - 4 * 22;

/// How many bytes are read from the socket at once.
const READ: usize = 64 * 1024;

/// The maximum number of bytes without content that one call reads: more than the longest record. A peer may send
/// records without content forever, and other clients have to be served too.
const VAIN: usize = 64 * 1024;

/// The maximum length of a record (RFC 5246 §6.2.3; RFC 8446 §5.2 lowers it).
const RECORD: usize = 5 + 16 * 1024 + 2048;

thread_local! {
    /// The buffer between rustls and the socket or a file. One for each thread is enough, because no data stays in it
    /// between calls.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A TLS connection.
pub struct TlsStream {
    socket: TcpStream,
    peer: SocketAddr,
    session: ServerConnection,
    /// Records that have arrived, but have not been passed to rustls yet.
    raw: Vec<u8>,
    /// Whether the last read emptied the socket.
    is_drained: bool,
    /// How many bytes of decrypted input wait to be read.
    readable: usize,
    /// Whether the last read stopped before it found content, although more input may have arrived.
    is_unfinished: bool,
    /// How many bytes have arrived since the last content.
    since_content: usize,
    /// Whether a part of a record has arrived since [`Self::take_progress`] was last called.
    has_progressed: bool,
    /// How many bytes of records the socket has not taken yet.
    unsent: usize,
    written: Written,
    stage: Stage,
}

/// What has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// Whole messages only, so the stream may end with `close_notify`.
    Whole,
    /// A part of a message.
    Part,
    /// Everything: the stream has ended.
    All,
}

/// How the stream uses the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The session's records are sent at once.
    Open,
    /// The TLS 1.3 tickets wait for the first response. If a client closes its socket before it has read them, the
    /// connection is reset, and the server may lose what the client has sent.
    HoldsTickets,
    /// Nothing more is decrypted: the peer violated the protocol, or the handshake was abandoned.
    Over,
}

impl TlsStream {
    /// Begins on this connection, from which these bytes have already been read.
    pub fn new(socket: TcpStream, peer: SocketAddr, mut session: ServerConnection, arrived: &[u8]) -> Self {
        session.set_buffer_limit(Some(2 * PIECE));
        let raw = arrived.to_vec();
        Self {
            socket,
            peer,
            session,
            raw,
            is_drained: false,
            readable: 0,
            is_unfinished: false,
            since_content: 0,
            has_progressed: false,
            unsent: 0,
            written: Written::Whole,
            stage: Stage::Open,
        }
    }

    /// The peer.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The socket.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// The peer's certificate, followed by the certificates of its issuers. Empty if the peer presented none.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        self.session.peer_certificates().unwrap_or_default()
    }

    /// Whether records wait for the socket. After the end of the stream, no records are sent, even if the peer's
    /// messages call for some.
    pub fn wants_write(&self) -> bool {
        self.written != Written::All && self.stage != Stage::HoldsTickets && self.session.wants_write()
    }

    /// Whether there is input for which the socket reports no event, because it has already been read from the socket.
    pub fn has_buffered(&self) -> bool {
        self.readable > 0 || !self.raw.is_empty() || self.is_unfinished
    }

    /// Whether a part of a record has arrived since the last call. If the length of the longest record has arrived
    /// without any content, further bytes do not count: they belong to records without content.
    pub fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.has_progressed)
    }

    /// Whether the last read emptied the socket, and all of its bytes were returned.
    pub fn is_drained(&self) -> bool {
        self.is_drained && !self.has_buffered()
    }

    /// Reads what has arrived; 0 is the end of the peer's stream. Once the stage is `Over`, it discards the bytes and
    /// returns their number. The peer may still send, and the connection must not be reset before the peer has read the
    /// alert with the reason.
    pub fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.is_unfinished = false;
        if self.stage == Stage::Over {
            return self.receive(into.len().clamp(1, READ), |_, bytes| Ok(bytes.len()));
        }
        let raw = std::mem::take(&mut self.raw);
        if let Some(count) = self.decrypt(&raw, into)? {
            return Ok(count);
        }
        let mut vain = 0;
        while vain < VAIN {
            let read = self.receive(into.len().clamp(1, READ), |stream, bytes| {
                vain += bytes.len();
                stream.since_content += bytes.len();
                if bytes.is_empty() {
                    stream.feed(&mut &*bytes)?;
                }
                stream.decrypt(bytes, into)
            });
            // Responses of the protocol itself, such as to a key update.
            if self.wants_write() {
                self.flush_records(SendFlags::empty())?;
            }
            if let Some(count) = read? {
                self.since_content = 0;
                return Ok(count);
            }
            self.has_progressed |= self.since_content <= RECORD;
        }
        (self.is_unfinished, self.is_drained) = (true, false);
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Passes on what has arrived at the socket, at most `at_most` bytes. If it passes on no bytes, the stream has
    /// ended.
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

    /// Decrypts these records; returns the number of bytes, which is 0 at the end of the stream, or `None` if
    /// more records are needed. Records for which there is no space are kept.
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
                // The stream ended without `close_notify`. Every request announces its length, so a truncated request
                // is detected.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Some(filled)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Passes the first of these records to rustls. An empty slice stands for the end of the stream.
    fn feed(&mut self, records: &mut &[u8]) -> io::Result<()> {
        if self.session.read_tls(records)? == 0 {
            // Anything after `close_notify` is ignored.
            *records = &[];
        }
        match self.session.process_new_packets() {
            Ok(now) => {
                self.readable = now.plaintext_bytes_to_read();
                Ok(())
            }
            Err(error) => {
                // This sends the alert with the reason.
                let _ = self.flush_records(SendFlags::empty());
                (self.written, self.stage) = (Written::Part, Stage::Over);
                Err(io::Error::new(io::ErrorKind::InvalidData, error))
            }
        }
    }

    /// Encrypts and sends as many bytes as fit, at least one. Fails with `WouldBlock` if none fit. The flags are the
    /// flags of send(2).
    pub fn write(&mut self, bytes: &[u8], flags: SendFlags) -> io::Result<usize> {
        // Waiting records are sent together with these, unless the socket refused some earlier.
        if self.unsent > 0 && self.wants_write() && !self.flush_records(flags)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.written = Written::Part;
        let count = self.session.writer().write(&bytes[..bytes.len().min(PIECE)])?;
        self.flush_records(flags)?;
        Ok(count)
    }

    /// Like [`Self::write`], for at most `count` bytes of a file, from this offset. Returns 0 at the end of
    /// the file.
    pub fn send_file(
        &mut self,
        file: &File,
        offset: u64,
        count: usize,
        _: Blocking<'_>,
    ) -> io::Result<usize> {
        // The waiting records come first: if the socket is full, reading the file would be in vain.
        if self.wants_write() && !self.flush_records(SendFlags::empty())? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(PIECE, 0);
            let read = file.read_at(&mut buffer[..count.min(PIECE)], offset)?;
            if read == 0 { Ok(0) } else { self.write(&buffer[..read], SendFlags::empty()) }
        })
    }

    /// Sends what was written; returns whether the kernel has taken all of it. Call it at the end of a message.
    pub fn flush(&mut self) -> io::Result<bool> {
        if self.written == Written::All {
            return Ok(true);
        }
        let is_flushed = self.flush_records(SendFlags::empty())?;
        self.written = if is_flushed { Written::Whole } else { Written::Part };
        Ok(is_flushed)
    }

    /// Writes the waiting records to the socket; returns whether it has taken all of them.
    fn flush_records(&mut self, flags: SendFlags) -> io::Result<bool> {
        if self.stage == Stage::HoldsTickets {
            self.stage = Stage::Open;
        }
        let mut socket = RecordWriter(&self.socket, flags | SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
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

    /// Ends the outgoing stream. It sends `close_notify` only if all messages are whole: the client of a truncated
    /// message must detect that (RFC 9112 §9.8). During the handshake, no `close_notify` is needed.
    pub fn end(&mut self) {
        if self.session.is_handshaking() {
            self.stage = Stage::Over;
        } else if self.written == Written::Whole {
            self.session.send_close_notify();
            // A peer that does not read does not receive it.
            let _ = self.flush_records(SendFlags::empty());
        }
        self.written = Written::All;
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        self.end();
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

#[cfg(test)]
mod tests;
