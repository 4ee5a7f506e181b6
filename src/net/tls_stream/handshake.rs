//! The handshake.

use std::io;

use rustix::net::SendFlags;
use rustls::ProtocolVersion;

use super::{READ, Stage, TlsStream};

impl TlsStream {
    /// Continues the handshake; returns whether it is complete. If not, call it again when the socket is writable if
    /// [`Self::wants_write`], and otherwise when it is readable.
    pub fn handshake(&mut self) -> io::Result<bool> {
        loop {
            // The client has sent its last handshake message, so it has received all messages of the server.
            if !self.session.is_handshaking()
                && self.session.protocol_version() == Some(ProtocolVersion::TLSv1_3)
            {
                self.stage = Stage::HoldsTickets;
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

    /// Passes handshake records to rustls; bytes after the handshake are kept.
    fn shake(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() && self.session.is_handshaking() {
            self.feed(&mut bytes)?;
        }
        self.raw = bytes.to_vec();
        Ok(())
    }
}
