//! A build without TLS: no server has certificates.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::SystemTime;

use crate::blocking::Blocking;
use crate::net::tls_stream::TlsStream;

/// No certificates.
#[derive(Debug, Clone)]
pub enum Tls {}

/// No certificate of a client.
#[derive(Debug)]
pub(super) enum ClientCertificate {}

impl ClientCertificate {
    /// It names nobody.
    pub(super) fn user(&self, _: SystemTime) -> Result<String, Infallible> {
        match *self {}
    }
}

#[allow(missing_docs)]
impl Tls {
    pub(super) fn begin(&self, _: TcpStream, _: SocketAddr, _: &[u8]) -> io::Result<TlsStream> {
        match *self {}
    }

    pub(super) fn answers_plain(&self) -> bool {
        match *self {}
    }

    pub(super) fn asks_for_certificates(&self) -> bool {
        match *self {}
    }

    pub(super) fn client_certificate(_: &TlsStream) -> Option<ClientCertificate> {
        None
    }

    pub(super) fn hsts(&self) -> Option<u64> {
        match *self {}
    }

    pub(super) fn fingerprint(&self) -> Option<String> {
        match *self {}
    }

    pub fn check(&self) -> io::Result<()> {
        match *self {}
    }

    pub fn reload_soon(&self) {
        match *self {}
    }

    pub(super) fn follow_files(&self, _: Blocking<'_>) {
        match *self {}
    }
}
