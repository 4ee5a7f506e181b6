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
//! Each request has the user's credentials for the server, unless it already has an `Authorization` field. Credentials
//! that the server has refused are not sent again, because that would count as another guess.
//!
//! Through a proxy, requests over plain HTTP have an absolute target; a connection over TLS leads through a tunnel.

use std::sync::Arc;

use super::address::Endpoint;
use super::connection::{Answered, HttpConnection};
use super::credentials::{self, Authorization, SentCredentials};
use super::error::ClientError;
use super::link_path::link_of;
use super::links;
use super::proxy;
use super::proxy_error::ProxyError;
use super::request::HttpRequest;
use super::response::HttpResponse;
use super::timeouts::Timeouts;
use super::undo_cookies::UndoCookies;
use crate::http::status::Status;
use crate::own_paths::TRASH;
use crate::printable::Foreign;

/// A server, and the connection to it, if one is open.
#[derive(Debug)]
pub struct Session {
    server: Endpoint,
    /// The proxy through which the server is reached, or why it cannot be used.
    proxy: Result<Option<Endpoint>, ProxyError>,
    timeouts: Timeouts,
    /// The user's credentials for the server.
    authorization: Option<Arc<Authorization>>,
    /// Whether credentials are sent even if the server has refused them.
    insists: bool,
    /// The cookies with which the user can undo changes, if the session makes changes.
    undo: Option<Arc<UndoCookies>>,
    idle: Option<HttpConnection>,
}

impl Session {
    /// A session that connects at its first request.
    pub fn new(server: Endpoint) -> Self {
        Self::with_timeouts(server, Timeouts::default())
    }

    /// A session with these timeouts, which connects at its first request.
    pub fn with_timeouts(server: Endpoint, timeouts: Timeouts) -> Self {
        let (proxy, authorization) = (proxy::from_environment(&server), credentials::of(&server));
        Self { server, proxy, timeouts, authorization, insists: false, undo: None, idle: None }
    }

    /// The same session, which sends every request, also with credentials that the server has refused.
    #[must_use]
    pub fn insisting(self) -> Self {
        Self { insists: true, ..self }
    }

    /// The same session, but its user can undo changes. It keeps the cookies for undo, and sends them with requests
    /// that change something.
    #[must_use]
    pub fn undoable(self, cookies: &Arc<UndoCookies>) -> Self {
        Self { undo: Some(Arc::clone(cookies)), ..self }
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
    /// Reconnects if the server has closed the connection since the last response. If the server closes the connection
    /// while the request is on its way, an idempotent request is sent again (RFC 9110 §9.2.2), unless its content was
    /// read from a pipe.
    pub fn send(&mut self, request: &HttpRequest<'_>) -> Result<HttpResponse<'_>, ClientError> {
        let asks_proxy = matches!(self.proxy, Ok(Some(_))) && !self.server.is_tls();
        let absolute = asks_proxy.then(|| format!("http://{}{}", self.server.host_field(), request.target));
        let (authorization, sent) = self.credentials(request)?;
        let mut fields = request.fields.to_vec();
        let cookies = self.cookies(request, authorization.is_some());
        fields.retain(|(name, _)| !name.eq_ignore_ascii_case("Cookie"));
        fields.extend(cookies.as_deref().map(|cookies| ("Cookie", cookies)));
        fields.extend(authorization.as_deref().map(|it| ("Authorization", it.value())));
        let target = absolute.as_deref().unwrap_or(request.target);
        let request = &HttpRequest { target, fields: &fields, ..*request };
        let idle = self.idle.take().and_then(|mut idle| idle.is_usable().then_some(idle));
        let answered = match idle {
            None => self.send_anew(request),
            Some(connection) => match connection.exchange(&self.server, request) {
                Err(ClientError::Silent) if request.may_be_repeated() => self.send_anew(request),
                outcome => outcome,
            },
        }?;
        if let Some(authorization) = authorization {
            authorization.note(answered.head.status);
        }
        if let Some(cookies) = &self.undo {
            cookies.keep(&self.server, &answered.head);
        }
        Ok(HttpResponse::new(answered, &mut self.idle, sent))
    }

    /// All cookies for undo that fit this target, the newest last; none if the user is known by credentials.
    pub(super) fn cookies_for_undo(&self, target: &str) -> Vec<String> {
        let undo = self.undo.as_ref().filter(|_| self.authorization.is_none());
        undo.map(|cookies| cookies.fitting(&self.server, target)).unwrap_or_default()
    }

    /// Whether the server may know the user without a cookie: by credentials, or at a Unix socket by the login name.
    pub(super) fn may_know_the_user(&self) -> bool {
        self.authorization.is_some() || matches!(self.server, Endpoint::Unix(_))
    }

    /// The field `Cookie`: the request's own cookie or the cookie for undo, and the cookie of a link.
    fn cookies(&self, request: &HttpRequest<'_>, has_user: bool) -> Option<String> {
        let own = request.field("Cookie").map(str::to_owned);
        // The server finds the changes of a logged-in user by the user's name.
        let is_change = !request.method.is_safe() || request.target.contains(TRASH);
        let undo = self.undo.as_ref().filter(|_| is_change && !has_user);
        let undo = || undo.and_then(|cookies| cookies.newest(&self.server, request.target));
        let link = links::cookie(&self.server, request.target);
        let link = link.map(|cookie| cookie.expose().to_owned());
        let all: Vec<_> = own.or_else(undo).into_iter().chain(link).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// The credentials that are added to this request.
    fn credentials(
        &self,
        request: &HttpRequest<'_>,
    ) -> Result<(Option<Arc<Authorization>>, SentCredentials), ClientError> {
        let sent = match &self.authorization {
            _ if request.has("Authorization") || link_of(request.target).is_some() => {
                return Ok((None, SentCredentials::Own));
            }
            Some(authorization) => SentCredentials::Given(authorization.kind()),
            None if self.server.is_named_by_redirect() => {
                return Ok((None, SentCredentials::Withheld(self.server.to_string())));
            }
            None => return Ok((None, SentCredentials::Nothing)),
        };
        if !self.insists && self.authorization.as_ref().is_some_and(|it| it.is_refused()) {
            return Err(ClientError::Refused(Status::UNAUTHORIZED, sent.explain(None).map(Foreign::from)));
        }
        Ok((self.authorization.clone(), sent))
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

#[cfg(test)]
#[path = "early_response_tests.rs"]
mod early_response_tests;
