//! Requests to one server over one persistent connection (RFC 9112 §9.3).
//!
//! ```text
//! Session ── send ──> HttpResponse { head, body } ── pour ──> the connection is back in the session
//!    ^                                └── dropped ──> the connection is closed
//!    └── connects if there is no connection, or if the server has closed it
//! ```
//!
//! An [`HttpResponse`] borrows its session, and its body owns the connection: the next request cannot be sent before the
//! response has been read or dropped.
//!
//! Through a proxy, requests over plain HTTP have an absolute target; a connection over TLS leads through a tunnel.

use super::address::Endpoint;
use super::connection::{Answered, HttpConnection};
use super::error::ClientError;
use super::proxy;
use super::proxy_error::ProxyError;
use super::request::HttpRequest;
use super::response::HttpResponse;
use super::timeouts::Timeouts;

/// A server, and the connection to it while there is one.
#[derive(Debug)]
pub struct Session {
    server: Endpoint,
    /// The proxy through which the server is reached, or why it cannot be used.
    proxy: Result<Option<Endpoint>, ProxyError>,
    timeouts: Timeouts,
    idle: Option<HttpConnection>,
}

impl Session {
    /// A session that connects at its first request.
    pub fn new(server: Endpoint) -> Self {
        Self::with_timeouts(server, Timeouts::default())
    }

    /// The same, with these timeouts.
    pub fn with_timeouts(server: Endpoint, timeouts: Timeouts) -> Self {
        let proxy = proxy::from_environment(&server);
        Self { server, proxy, timeouts, idle: None }
    }

    /// Connects before the first request.
    pub fn connect(&mut self) -> Result<(), ClientError> {
        self.idle = Some(self.open()?);
        Ok(())
    }

    /// Its server.
    pub fn server(&self) -> &Endpoint {
        &self.server
    }

    /// Sends a request and reads the head of its response.
    ///
    /// Reconnects if the server has closed the connection since the last response. If the server closes it while the
    /// request is on its way, an idempotent request is sent again (RFC 9110 §9.2.2), unless its content was read from a pipe.
    pub fn send(&mut self, request: &HttpRequest<'_>) -> Result<HttpResponse<'_>, ClientError> {
        let asks_proxy = matches!(self.proxy, Ok(Some(_))) && !self.server.is_tls();
        let absolute = asks_proxy.then(|| format!("http://{}{}", self.server.host_field(), request.target));
        let request = &HttpRequest { target: absolute.as_deref().unwrap_or(request.target), ..*request };
        let idle = self.idle.take().and_then(|mut idle| idle.is_usable().then_some(idle));
        let answered = match idle {
            None => self.send_anew(request),
            Some(connection) => match connection.exchange(&self.server, request) {
                Err(ClientError::Silent) if request.may_be_repeated() => self.send_anew(request),
                outcome => outcome,
            },
        }?;
        Ok(HttpResponse::new(answered, &mut self.idle))
    }

    fn send_anew(&self, request: &HttpRequest<'_>) -> Result<Answered, ClientError> {
        self.open()?.exchange(&self.server, request)
    }

    fn open(&self) -> Result<HttpConnection, ClientError> {
        let proxy = self.proxy.as_ref().map_err(|error| {
            let variable = format!("{}_proxy", self.server.scheme());
            ClientError::Proxy(variable, error.clone())
        })?;
        HttpConnection::open(&self.server, proxy.as_ref(), self.timeouts)
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
