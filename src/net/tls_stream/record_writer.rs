//! The writer through which rustls sends records to the socket.

use std::io::{self, IoSlice};
use std::net::TcpStream;

use rustix::io::retry_on_intr;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

/// Writes several records to the socket with one system call, without blocking.
pub(super) struct RecordWriter<'a>(pub &'a TcpStream, pub SendFlags);

impl io::Write for RecordWriter<'_> {
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
