//! The host gate: a request must use a name of this server (RFC 9110 §15.5.20). Otherwise, a page whose name was made
//! to resolve to this machine (DNS rebinding) could read here.

use crate::http::request::{Head, is_host};
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::server::response::Response;
use crate::server::state::State;

/// Finds the host that the client asked for; refuses a request for another host. A host that a trusted proxy names must
/// be one that was given with `--host`, and the Host field must name this server too: many proxies pass on a forged
/// `X-Forwarded-Host` with the real `Host`.
pub(crate) fn check<'b>(
    head: &Head<'_, 'b>,
    peer: Peer,
    forwarded: Option<&'b [u8]>,
    state: &State,
) -> Result<Option<&'b str>, Response> {
    if !state.allowed_hosts.takes(peer, head.host, head.fields, &state.proxies) {
        return Err(unknown(head.host.unwrap_or("")));
    }
    let Some(forwarded) = forwarded else { return Ok(head.host) };
    let host = std::str::from_utf8(forwarded).ok().filter(|host| is_host(host));
    match host {
        Some(host) if state.allowed_hosts.was_given(host) => Ok(Some(host)),
        _ => Err(unknown(host.unwrap_or("in the proxy's fields"))),
    }
}

fn unknown(host: &str) -> Response {
    let text =
        format_args!("unknown host {host} (to accept it, start the server with --host NAME)\n").to_string();
    Response::text(Status::MISDIRECTED_REQUEST, text)
}
