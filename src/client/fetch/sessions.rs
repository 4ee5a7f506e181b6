//! The connections of one worker, one to each server, and redirects.
//!
//! A few redirects are followed, also to another server, but never from TLS to plain HTTP: the content could come from
//! anyone. A redirect never changes a file's local name.

use std::collections::HashMap;
use std::time::SystemTime;

use crate::client::address::{Endpoint, Resource};
use crate::client::error::ClientError;
use crate::client::error_response;
use crate::client::request::HttpRequest;
use crate::client::response::{Body, HttpResponse};
use crate::client::session::Session;
use crate::client::timeouts::Timeouts;
use crate::client::transfer::retry::FailedAttempt;
use crate::http::request::Method;
use crate::http::response::Received;
use crate::http::target::Target;

/// How many redirects are followed. The path of a directory without its slash needs one redirect. More than a few mean
/// a cycle.
pub(in crate::client) const MOST_REDIRECTS: usize = 5;

/// The longest content of a redirect that is read to keep the connection, in bytes.
const LONGEST_REDIRECT: u64 = 64 * 1024;

/// A pool of sessions, by server.
#[derive(Debug)]
pub(super) struct SessionPool {
    timeouts: Timeouts,
    open: HashMap<Endpoint, Session>,
}

impl SessionPool {
    /// An empty pool.
    pub(super) fn new(timeouts: Timeouts) -> Self {
        Self { timeouts, open: HashMap::new() }
    }

    /// Adds a session.
    pub(super) fn lend(&mut self, session: Session) {
        self.open.insert(session.server().clone(), session);
    }

    /// Removes a session.
    pub(super) fn give_back(&mut self, server: &Endpoint) -> Option<Session> {
        self.open.remove(server)
    }

    /// The session with this server; opened if necessary.
    pub(super) fn with(&mut self, server: &Endpoint) -> &mut Session {
        let timeouts = self.timeouts;
        self.open.entry(server.clone()).or_insert_with(|| Session::with_timeouts(server.clone(), timeouts))
    }

    /// Sends a request and follows redirects. `take` gets the final response, and the address that sent it.
    pub(super) fn ask<T>(
        &mut self,
        method: Method,
        resource: &Resource,
        fields: &[(&str, &str)],
        take: impl FnOnce(&Resource, HttpResponse<'_>) -> Result<T, FailedAttempt>,
    ) -> Result<T, FailedAttempt> {
        let mut current = resource.clone();
        for _ in 0..=MOST_REDIRECTS {
            let request = HttpRequest { method, target: &current.target, fields, content: None };
            let response = self.with(&current.server).send(&request)?;
            let Some(location) = redirect(&response.head) else { return take(&current, response) };
            current = follow(&current, &location)?;
            discard(response.body)?;
        }
        Err(ClientError::Redirects.into())
    }
}

/// Reads short content, so that the connection can be reused.
fn discard(body: Body<'_>) -> Result<(), ClientError> {
    match body.length() {
        Some(length) if length <= LONGEST_REDIRECT => body.discard().map(drop),
        _ => Ok(()),
    }
}

/// The target of a redirect, if the response is one (RFC 9110 §15.4).
fn redirect(head: &Received) -> Option<String> {
    let sends = matches!(head.status.code(), 301 | 302 | 303 | 307 | 308);
    if sends { head.field("Location") } else { None }
}

/// Turns an error response into a failed attempt.
pub(in crate::client) fn refused(response: HttpResponse<'_>) -> FailedAttempt {
    let head = response.head.clone();
    FailedAttempt::refused(error_response::read(response), &head, SystemTime::now())
}

/// A target without its query.
pub(super) fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or(target)
}

/// Resolves a Location (RFC 9110 §10.2.2).
pub(in crate::client) fn follow(current: &Resource, location: &str) -> Result<Resource, ClientError> {
    let elsewhere = || ClientError::Elsewhere(location.to_owned());
    let location = location.split('#').next().unwrap_or_default();
    let server = current.server.clone();
    let (scheme, absolute) = match location.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => ("http", Some(rest)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => ("https", Some(rest)),
        Some((scheme, _)) if !scheme.contains(['/', '?']) => return Err(elsewhere()),
        _ => (server.scheme(), location.starts_with("//").then_some(location)),
    };
    if server.is_tls() && scheme != server.scheme() {
        return Err(ClientError::Downgrade(location.to_owned()));
    }
    let resource = match absolute {
        Some(rest) => {
            let rest = rest.strip_prefix("//").ok_or_else(elsewhere)?;
            let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let slash = if path.starts_with('/') { "" } else { "/" };
            let target = format!("{slash}{path}");
            let is_here = scheme == server.scheme()
                && (server.is_at(authority) || authority.eq_ignore_ascii_case(&server.host_field()));
            if is_here {
                Resource { server, target }
            } else {
                let server =
                    Resource::parse(&format!("{scheme}://{authority}")).map_err(|_| elsewhere())?.server;
                Resource { server: server.named_by_redirect(), target }
            }
        }
        None if location.starts_with('/') => Resource { server, target: location.to_owned() },
        None => {
            let directory = path_of(&current.target).rsplit_once('/').map_or("", |(directory, _)| directory);
            Resource { server, target: format!("{directory}/{location}") }
        }
    };
    Target::parse(&resource.target)?;
    Ok(resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects() {
        let server = Endpoint::tcp("h", 81).expect("valid");
        let current = Resource { server, target: "/dir/a?b".to_owned() };
        let cases = [
            ("/b?c", Ok("h:81/b?c")),
            ("/b#part", Ok("h:81/b")),
            ("http://H:81/b", Ok("h:81/b")),
            ("http://h:81", Ok("h:81/")),
            ("http://h:81?b", Ok("h:81/?b")),
            ("c", Ok("h:81/dir/c")),
            ("c?at=12:30", Ok("h:81/dir/c?at=12:30")),
            ("//other/b", Ok("other:80/b")),
            ("http://h/b", Ok("h:80/b")),
            ("HTTP://[::1]:82/b", Ok("[::1]:82/b")),
            ("https://h:81/b", Ok("https://h:81/b")),
            ("HTTPS://h/b", Ok("https://h:443/b")),
            ("file:///etc/passwd", Err("another server")),
            ("http:b", Err("another server")),
            ("http://me@other/", Err("another server")),
            ("/a b", Err("percent-encoded")),
        ];
        for (location, expected) in cases {
            check(&current, location, expected);
        }
    }

    #[test]
    fn redirects_of_a_server_over_tls() {
        let server = Endpoint::tls("h", 443).expect("valid");
        let current = Resource { server, target: "/a".to_owned() };
        let cases = [
            ("/b", Ok("https://h:443/b")),
            ("https://h/b", Ok("https://h:443/b")),
            ("//h:443/b", Ok("https://h:443/b")),
            ("https://other/b", Ok("https://other:443/b")),
            ("http://h/b", Err("from https to http")),
            ("http://h:443/b", Err("from https to http")),
            ("https://me:secret@other/", Err("another server")),
        ];
        for (location, expected) in cases {
            check(&current, location, expected);
        }
    }

    fn check(current: &Resource, location: &str, expected: Result<&str, &str>) {
        match (follow(current, location), expected) {
            (Ok(found), Ok(expected)) => {
                assert_eq!(format!("{}{}", found.server, found.target), expected, "{location}");
            }
            (Err(error), Err(word)) => {
                let error = error.to_string();
                assert!(error.contains(word) && !error.contains("secret"), "{location}: {error}");
            }
            (found, _) => panic!("{location}: {found:?}"),
        }
    }
}
