//! The byte stream of a connection: a socket, with TLS over it if the address says so.
//!
//! TLS has records: a socket may be readable without content, and content that the stream has accepted may still wait
//! to be sent. So a reader waits for content, and a sender waits until nothing is [unsent](Stream::has_unsent).

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use super::address::Endpoint;
use super::error::ClientError;
use super::proxy;
use super::socket::{ReadOutcome, Readiness, Socket};
use super::tls::TlsSession;

/// A connected stream.
#[derive(Debug)]
pub(super) struct Stream {
    socket: Socket,
    tls: Option<Box<TlsSession>>,
}

impl Stream {
    /// Connects to a server, through a proxy if there is one; `silence` is the read timeout.
    pub(super) fn connect(
        server: &Endpoint,
        proxy: Option<&Endpoint>,
        silence: Duration,
    ) -> Result<Self, ClientError> {
        let connect = || Socket::connect(proxy.unwrap_or(server), silence);
        let Endpoint::Tls { host, port, named_by } = server else {
            return Ok(Self { socket: connect()?, tls: None });
        };
        let mut tls = Box::new(TlsSession::new(server, host, *named_by)?);
        let socket = connect()?;
        if let Some(proxy) = proxy {
            proxy::tunnel(&socket, proxy, host, *port, silence)?;
        }
        tls.shake_hands(&socket, server, silence)?;
        Ok(Self { socket, tls: Some(tls) })
    }

    /// Writes without blocking; `None` if the socket's buffer is full.
    pub(super) fn send_now(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match &mut self.tls {
            None => self.socket.send_now(bytes),
            Some(tls) => tls.send_now(&self.socket, bytes),
        }
    }

    /// Whether some of what was written waits for the next [`send_now`](Self::send_now).
    pub(super) fn has_unsent(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.has_unsent())
    }

    /// Reads once. A timeout is the error of a silent server.
    pub(super) fn receive(&mut self, into: &mut [u8]) -> io::Result<ReadOutcome> {
        match &mut self.tls {
            None => io::Read::read(&mut self.socket, into).map(ReadOutcome::Content),
            Some(tls) => tls.receive(&mut self.socket, into),
        }
    }

    /// Whether the connection ended without `close_notify`: an attacker may have cut it (RFC 9112 §9.8).
    pub(super) fn is_truncated(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_truncated())
    }

    /// Whether the server has neither sent content nor closed the connection. Only then can an idle connection be used.
    pub(super) fn is_quiet(&mut self) -> bool {
        match &mut self.tls {
            None => self.socket.is_quiet(),
            Some(tls) => !tls.has_content(&self.socket),
        }
    }

    /// Waits until there is content, or the end, at most for this time.
    pub(super) fn wait_to_read(&mut self, timeout: Duration) -> io::Result<Readiness> {
        self.wait(timeout, Socket::wait_to_read)
    }

    /// Waits until there is content, or space to write, at most for this time.
    pub(super) fn wait_for_either(&mut self, timeout: Duration) -> io::Result<Readiness> {
        self.wait(timeout, Socket::wait_for_either)
    }

    /// Waits until there is content or this input is readable; returns whether there is content.
    pub(super) fn is_first_readable(&mut self, input: BorrowedFd<'_>) -> io::Result<bool> {
        loop {
            if self.has_content() {
                return Ok(true);
            }
            if !self.socket.is_first_readable(input)? {
                return Ok(false);
            }
            if self.tls.is_none() || self.has_content() {
                return Ok(true);
            }
        }
    }

    /// Waits on the socket. A record without content, such as a session ticket, is read, and does not count.
    fn wait(
        &mut self,
        timeout: Duration,
        wait: impl Fn(&Socket, Duration) -> io::Result<Readiness>,
    ) -> io::Result<Readiness> {
        let end = Instant::now().checked_add(timeout);
        loop {
            if self.has_content() {
                return Ok(Readiness::ToRead);
            }
            let left = end.map_or(timeout, |end| end.saturating_duration_since(Instant::now()));
            let readiness = wait(&self.socket, left)?;
            let is_content = self.tls.is_none() || readiness != Readiness::ToRead || self.has_content();
            if is_content {
                return Ok(readiness);
            }
        }
    }

    /// Whether TLS already has content, or the end, for the reader.
    fn has_content(&mut self) -> bool {
        self.tls.as_mut().is_some_and(|tls| tls.has_content(&self.socket))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.close(&self.socket);
        }
    }
}
