//! A build without TLS.

use std::io;
use std::net::TcpStream;

/// No connection.
pub enum ClientTls {}

/// No flags.
pub fn tls_flags() -> Vec<String> {
    Vec::new()
}

impl ClientTls {
    pub fn read(&mut self, _: &mut TcpStream, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    pub fn write_all(&mut self, _: &mut TcpStream, _: &[u8]) -> io::Result<()> {
        match *self {}
    }

    pub fn end(&mut self, _: &mut TcpStream) {
        match *self {}
    }
}
