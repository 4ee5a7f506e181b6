//! The handshake.

use std::io;

use rustix::net::SendFlags;
use rustls::ProtocolVersion;

use super::{READ, Stage, TlsStream};

impl TlsStream {
    /// Continues the handshake; returns whether it is complete. If not, it waits to send records, if
    /// [`Self::wants_write`], or else to receive some.
    pub fn handshake(&mut self) -> io::Result<bool> {
        loop {
            // The client has got all of the handshake: it has ended it.
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

    /// Passes records of the handshake to rustls; what follows the handshake is kept.
    fn shake(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() && self.session.is_handshaking() {
            self.feed(&mut bytes)?;
        }
        self.raw = bytes.to_vec();
        Ok(())
    }
}
