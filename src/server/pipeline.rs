//! The path of a request: gates, then its handler. The first gate that refuses ends it.
//!
//! ```text
//! host ──► expectation ──► route (405, OPTIONS) ──► origin ──► authorise ──► handler
//! ```
//!
//! The connection passes what a handler returns through the filters (`filter`), turns it into bytes, and tells the
//! observers: `Exchange::note` writes the access log and the record.

use crate::http::request::{Expectation, Head};
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::server::disk::Disk;
use crate::server::gate::{authorise, host, origin};
use crate::server::handled::Handled;
use crate::server::response::Response;
use crate::server::routes;
use crate::server::state::State;

/// Finds the response to a request, or what has to be done for it.
pub(super) fn run(head: &Head<'_, '_>, state: &State, peer: Peer, disk: &mut Disk) -> Handled {
    respond(head, state, peer, disk).unwrap_or_else(Handled::Respond)
}

fn respond(head: &Head<'_, '_>, state: &State, peer: Peer, disk: &mut Disk) -> Result<Handled, Response> {
    host::check(head, peer, state)?;
    check_expectation(head)?;
    let (needs, handler, request) = routes::find(head, peer, state)?;
    origin::check(&request, state)?;
    authorise::check(needs, &request, state)?;
    handler(&request, disk, state)
}

/// Refuses an expectation that is not `100-continue` (RFC 9110 §10.1.1).
fn check_expectation(head: &Head<'_, '_>) -> Result<(), Response> {
    match head.expectation {
        Expectation::Other => {
            let text = "unsupported expectation (only 100-continue is supported)\n";
            Err(Response::text(Status::EXPECTATION_FAILED, text))
        }
        _ => Ok(()),
    }
}
