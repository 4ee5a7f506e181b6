//! TLS in the client, by rustls: the handshake, and records over a socket.

mod config;
mod identity;
mod trust;
mod verifier;

pub use config::{present, trust};
pub use identity::{ClientIdentity, ClientIdentityError};
pub use trust::{Pin, PinError, Trust, TrustError};

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::time::{Duration, Instant};

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::address::{Endpoint, NamedBy};
use super::error::ClientError;
use super::socket::{ReadOutcome, Readiness, Socket};
use super::tls_error::TlsError;

/// The size of the buffer for records, in bytes. rustls alone would read 4 KiB at a time.
const RECORDS: usize = 64 * 1024;

/// For the error of a silent server: what the client was doing.
const SHAKING_HANDS: &str = "in the TLS handshake";

/// The types of the records with which a server may begin: an alert, or the handshake (RFC 8446 §5.1).
const FIRST_RECORDS: [u8; 2] = [21, 22];

/// An encrypted session over a socket.
#[derive(Debug)]
pub(super) struct TlsSession {
    connection: ClientConnection,
    /// What was read from the socket and rustls has not consumed yet.
    records: Box<[u8]>,
    start: usize,
    end: usize,
    /// Whether the connection has ended without `close_notify`.
    is_truncated: bool,
}

impl TlsSession {
    /// A session that has not begun.
    pub(super) fn new(server: &Endpoint, host: &str, named_by: NamedBy) -> Result<Self, ClientError> {
        let failed = |error| ClientError::Tls(server.to_string(), error);
        // A zone is meaningful only on this machine.
        let name = host.split('%').next().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned()).map_err(|_| failed(TlsError::Name))?;
        let connection = ClientConnection::new(config::config(named_by).map_err(failed)?, name)
            .map_err(|error| failed(error.into()))?;
        let records = vec![0; RECORDS].into_boxed_slice();
        Ok(Self { connection, records, start: 0, end: 0, is_truncated: false })
    }

    /// Performs the handshake, for at most as long as a server may be silent.
    pub(super) fn shake_hands(
        &mut self,
        socket: &Socket,
        server: &Endpoint,
        silence: Duration,
    ) -> Result<(), ClientError> {
        let (end, mut is_first) = (Instant::now().checked_add(silence), true);
        while self.connection.is_handshaking() {
            let is_flushed = self.flush(socket).map_err(ClientError::Broken)?;
            let left = end.map_or(silence, |end| end.saturating_duration_since(Instant::now()));
            let wait = if is_flushed { Socket::wait_to_read } else { Socket::wait_for_either };
            match wait(socket, left).map_err(ClientError::Broken)? {
                Readiness::No => return Err(ClientError::Slow(SHAKING_HANDS, silence.as_secs())),
                Readiness::ToWrite => {}
                Readiness::ToRead => {
                    let read = self.read_handshake(socket, is_first);
                    read.map_err(|error| ClientError::Tls(server.to_string(), error))?;
                    is_first = false;
                }
            }
        }
        Ok(())
    }

    /// Reads the part of the handshake that has arrived.
    fn read_handshake(&mut self, socket: &Socket, is_first: bool) -> Result<(), TlsError> {
        match self.fill_now(socket) {
            Ok(None) => return Ok(()),
            Ok(Some(0)) => return Err(TlsError::Closed),
            Err(error) if is_reset(&error) => return Err(TlsError::Closed),
            Err(error) => return Err(TlsError::Other(error.to_string())),
            Ok(Some(_)) => {}
        }
        if is_first && !self.unread().first().is_some_and(|kind| FIRST_RECORDS.contains(kind)) {
            return Err(TlsError::NotTls);
        }
        while self.connection.is_handshaking() && !self.unread().is_empty() {
            if let Err(error) = self.feed() {
                // The alert tells the server why; whether it arrives makes no difference here.
                let _ = self.flush(socket);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Encrypts and writes without blocking; `None` if the socket's buffer is full.
    pub(super) fn send_now(&mut self, socket: &Socket, bytes: &[u8]) -> io::Result<Option<usize>> {
        if !self.flush(socket)? {
            return Ok(None);
        }
        let count = self.connection.writer().write(bytes)?;
        self.flush(socket)?;
        Ok(Some(count))
    }

    /// Whether encrypted bytes wait for space in the socket's buffer.
    pub(super) fn has_unsent(&self) -> bool {
        self.connection.wants_write()
    }

    /// Reads once, and decrypts all that has arrived.
    pub(super) fn receive(&mut self, socket: &mut Socket, into: &mut [u8]) -> io::Result<ReadOutcome> {
        // Sends messages of the protocol itself, such as new keys. An error is ignored: a server that stopped reading
        // may have sent the reason.
        let _ = self.flush(socket);
        let (mut arrived, mut filled) = (0, 0);
        loop {
            let place = into.get_mut(filled..).unwrap_or_default();
            match self.connection.reader().read(place) {
                Ok(0) => return Ok(ReadOutcome::Content(filled)),
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    self.is_truncated = true;
                    return Ok(ReadOutcome::Content(filled));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.unread().is_empty() {
                        if filled > 0 {
                            return Ok(ReadOutcome::Content(filled));
                        }
                        if arrived > 0 {
                            return Ok(ReadOutcome::Nothing(arrived));
                        }
                        arrived = socket.read(&mut self.records)?;
                        (self.start, self.end) = (0, arrived);
                    }
                    match self.feed() {
                        // What was decrypted before comes first; the next call returns the error again.
                        Err(_) if filled > 0 => return Ok(ReadOutcome::Content(filled)),
                        outcome => outcome.map_err(io::Error::other)?,
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the connection ended without `close_notify`.
    pub(super) fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Whether there is content, the end or an error to [receive](Self::receive), without waiting for it.
    pub(super) fn has_content(&mut self, socket: &Socket) -> bool {
        loop {
            match self.connection.process_new_packets() {
                Ok(state) if state.plaintext_bytes_to_read() > 0 || state.peer_has_closed() => return true,
                Ok(_) => {}
                Err(_) => return true,
            }
            if self.unread().is_empty() {
                match self.fill_now(socket) {
                    Ok(Some(1..)) => {}
                    Ok(None) => return false,
                    // The next read returns the error again: after an error, the socket is at its end.
                    Ok(Some(0)) | Err(_) => return true,
                }
            }
            if self.feed().is_err() {
                return true;
            }
        }
    }

    /// Sends what is encrypted, without blocking; returns whether that was all.
    fn flush(&mut self, socket: &Socket) -> io::Result<bool> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut Now(socket)) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn unread(&self) -> &[u8] {
        self.records.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads records without blocking; `None` if none have arrived. All earlier ones must have been consumed.
    fn fill_now(&mut self, socket: &Socket) -> io::Result<Option<usize>> {
        let count = socket.receive_now(&mut self.records)?;
        (self.start, self.end) = (0, count.unwrap_or(0));
        Ok(count)
    }

    /// Passes some of the input to rustls; no bytes mean the end of the connection.
    fn feed(&mut self) -> Result<(), TlsError> {
        let mut unread = self.records.get(self.start..self.end).unwrap_or_default();
        let count =
            self.connection.read_tls(&mut unread).map_err(|error| TlsError::Other(error.to_string()))?;
        self.start += count;
        self.connection.process_new_packets().map(drop).map_err(TlsError::from)
    }

    /// Sends `close_notify`, so that the server does not take this for a truncated connection (RFC 8446 §6.1).
    pub(super) fn close(&mut self, socket: &Socket) {
        self.connection.send_close_notify();
        // Does not wait: all responses have been read, or are not needed.
        let _ = self.flush(socket);
    }
}

/// Whether the peer has closed the connection.
fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// Writes to a socket without blocking.
struct Now<'s>(&'s Socket);

impl io::Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send_now(bytes)?.ok_or_else(|| ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
