//! The certificate gate: with client CAs, a request needs a certificate that one of them has issued and that
//! names a user.
//!
//! Without accounts, each of these users may do what the server allows everybody.

use std::time::SystemTime;

use crate::http::request::Head;
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::own_paths;
use crate::server::request::RequestSource;
use crate::server::response::Response;
use crate::server::state::State;
use crate::server::tls::Tls;

/// Lets a request pass if its client's certificate names a user now. Health checks need no certificate. Nor do peers at
/// a Unix-domain socket, which has no TLS: its file permissions decide. But a trusted proxy there sends requests for
/// other clients, so its requests are refused.
pub(crate) fn check(
    head: &Head<'_, '_>,
    peer: Peer,
    source: &RequestSource<'_>,
    state: &State,
) -> Result<(), Response> {
    if !state.tls.as_ref().is_some_and(Tls::asks_for_certificates) {
        return Ok(());
    }
    let is_health =
        head.target.path().is_some_and(|path| matches!(path.raw(), own_paths::HEALTH | own_paths::READY));
    let is_local = matches!(peer, Peer::Unix(_)) && state.proxies.family(peer).is_none();
    if is_health || is_local {
        return Ok(());
    }
    let Some(certificate) = source.certificate else {
        return Err(refused(format_args!(
            "this server requires a client certificate (import it into the browser, or give it with --cert and --key)"
        )));
    };
    let user = certificate.user(SystemTime::now());
    user.map(drop).map_err(|nobody| refused(format_args!("the client certificate {nobody}")))
}

fn refused(why: std::fmt::Arguments<'_>) -> Response {
    Response::text(Status::FORBIDDEN, format_args!("{why}\n"))
}
