//! The host gate: a request must use a name of this server (RFC 9110 §15.5.20), so that no page whose name was made to
//! resolve to this machine (DNS rebinding) can read here.

use crate::http::request::Head;
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::server::response::Response;
use crate::server::state::State;

/// Refuses a request for another host.
pub(crate) fn check(head: &Head<'_, '_>, peer: Peer, state: &State) -> Result<(), Response> {
    if state.allowed_hosts.takes(peer, head.host, head.fields) {
        return Ok(());
    }
    let host = head.host.unwrap_or("");
    let text =
        format_args!("unknown host {host} (to accept it, start the server with --host NAME)\n").to_string();
    Err(Response::text(Status::MISDIRECTED_REQUEST, text))
}
