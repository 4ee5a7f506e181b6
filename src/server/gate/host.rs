//! The host gate: a request must use a name of this server (RFC 9110 §15.5.20), so that no page whose name was made to
//! resolve to this machine (DNS rebinding) can read here.

use std::cell::RefCell;

use crate::http::request::Head;
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::server::response::Response;
use crate::server::state::State;

thread_local! {
    /// The Host that was last found to be this server's: nearly all requests have the same. A thread serves one server.
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Refuses a request for another host.
pub(crate) fn check(head: &Head<'_, '_>, peer: Peer, state: &State) -> Result<(), Response> {
    if head.host.is_some_and(|host| LAST.with_borrow(|last| last == host)) {
        return Ok(());
    }
    if state.allowed_hosts.takes(peer, head.host, head.fields) {
        // At a Unix-domain socket, other hosts may be taken too.
        if let (Some(host), Peer::Inet(_)) = (head.host, peer) {
            LAST.with_borrow_mut(|last| host.clone_into(last));
        }
        return Ok(());
    }
    let host = head.host.unwrap_or("");
    let text =
        format_args!("unknown host {host} (to accept it, start the server with --host NAME)\n").to_string();
    Err(Response::text(Status::MISDIRECTED_REQUEST, text))
}
