//! The authorise gate: a request is refused before the disk is looked at if its principal has no right that the route
//! needs. It is a first, cheap refusal. What an operation of the folder needs is said by the type of its [`Grant`], which
//! handlers get here.

use crate::access::{Denied, Grant, Operation, Principal, Rights};
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::error_response::{self, not_found};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// Refuses a request whose principal has none of these rights; a route that needs none lets everybody through.
pub(crate) fn check(any_of: Rights, request: &Request<'_, '_, '_>, state: &State) -> Result<(), Response> {
    if any_of == Rights::NONE {
        return Ok(());
    }
    let required = state.access.require(any_of, &request.principal, &request.path);
    required.map(|_| ()).map_err(refuse)
}

/// The grant for an operation at this path.
pub(crate) fn grant<'p, O: Operation>(
    principal: &Principal,
    path: &'p SharePath,
    state: &State,
) -> Result<Grant<'p, O>, Response> {
    state.access.check(principal, path).map_err(refuse)
}

/// The response to a request that is not allowed.
fn refuse(denied: Denied) -> Response {
    match denied {
        // A chat that is disabled looks absent.
        Denied::NoRight(Rights::CHAT) => not_found(),
        Denied::NoRight(Rights::ADMIN) => {
            let text = "remote shutdown is disabled (start the server with --allow-exit)\n";
            Response::text(Status::FORBIDDEN, text)
        }
        denied => error_response::of(&denied.into()),
    }
}
