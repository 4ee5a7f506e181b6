//! The build without TLS: TLS connections do not exist.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::SendFlags;

use crate::blocking::Blocking;

/// A TLS connection: without the feature, none can exist.
#[derive(Debug)]
pub enum TlsStream {}

#[allow(missing_docs, clippy::missing_const_for_fn)]
impl TlsStream {
    pub fn peer(&self) -> SocketAddr {
        match *self {}
    }

    pub fn socket(&self) -> &TcpStream {
        match *self {}
    }

    pub fn handshake(&mut self) -> io::Result<bool> {
        match *self {}
    }

    pub fn wants_write(&self) -> bool {
        match *self {}
    }

    pub fn has_buffered(&self) -> bool {
        match *self {}
    }

    pub fn take_progress(&mut self) -> bool {
        match *self {}
    }

    pub fn is_drained(&self) -> bool {
        match *self {}
    }

    pub fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    pub fn write(&mut self, _: &[u8], _: SendFlags) -> io::Result<usize> {
        match *self {}
    }

    pub fn send_file(&mut self, _: &File, _: u64, _: usize, _: Blocking<'_>) -> io::Result<usize> {
        match *self {}
    }

    pub fn flush(&mut self) -> io::Result<bool> {
        match *self {}
    }

    pub fn unsent(&self) -> usize {
        match *self {}
    }

    pub fn end(&mut self) {
        match *self {}
    }
}

impl AsFd for TlsStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match *self {}
    }
}
