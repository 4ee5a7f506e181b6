//! A build without TLS: `https://` cannot be reached.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use super::address::{Endpoint, NamedBy};
use super::error::ClientError;
use super::socket::{ReadOutcome, Socket};
use super::tls_error::TlsError;

/// A session that never exists.
#[derive(Debug)]
pub(super) struct TlsSession(Infallible);

impl TlsSession {
    pub(super) fn new(server: &Endpoint, _: &str, _: NamedBy) -> Result<Self, ClientError> {
        Err(ClientError::Tls(server.to_string(), TlsError::Missing))
    }

    pub(super) fn shake_hands(&mut self, _: &Socket, _: &Endpoint, _: Duration) -> Result<(), ClientError> {
        match self.0 {}
    }

    pub(super) fn send_now(&mut self, _: &Socket, _: &[u8]) -> io::Result<Option<usize>> {
        match self.0 {}
    }

    pub(super) fn has_unsent(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn receive(&mut self, _: &mut Socket, _: &mut [u8]) -> io::Result<ReadOutcome> {
        match self.0 {}
    }

    pub(super) fn is_truncated(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn has_content(&mut self, _: &Socket) -> bool {
        match self.0 {}
    }

    pub(super) fn close(&mut self, _: &Socket) {
        match self.0 {}
    }
}
