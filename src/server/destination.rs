//! Which path of the folder a path or URI in a header field names, such as the field `Destination` (RFC 4918 §10.3).

use crate::http::destination::Destination;
use crate::http::request::is_host;
use crate::http::status::Status;
use crate::http::target::PathAndQuery;
use crate::path::SharePath;
use crate::server::error_response::{bad_request, not_found};
use crate::server::link_view::LinkStage;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The path in the folder that a path or URI of the server names.
pub(super) fn find(
    destination: &Destination<'_>,
    request: &Request<'_, '_, '_>,
    state: &State,
) -> Result<SharePath, Response> {
    check_authority(destination, request, state)?;
    locate(request, destination.path, state)
}

/// The path that the field `Destination` of a request names, if it names one.
#[cfg(feature = "dav")]
pub(super) fn path(request: &Request<'_, '_, '_>, state: &State) -> Option<SharePath> {
    find(&Destination::of(request.head.fields).ok()?, request, state).ok()
}

/// Refuses a destination on another server.
fn check_authority(
    destination: &Destination<'_>,
    request: &Request<'_, '_, '_>,
    state: &State,
) -> Result<(), Response> {
    let Some(authority) = destination.authority else { return Ok(()) };
    if !is_host(authority) {
        return Err(bad_request("the Destination has an invalid host"));
    }
    if state.allowed_hosts.is_where_asked(authority, request.head.host) {
        return Ok(());
    }
    let text = "the Destination is on another server (send its path alone, or the host of the request)\n";
    Err(Response::text(Status::BAD_GATEWAY, text))
}

/// The path in the folder for a path as the client sees it: below the base, and below the link of the
/// request.
fn locate(
    request: &Request<'_, '_, '_>,
    path: PathAndQuery<'_>,
    state: &State,
) -> Result<SharePath, Response> {
    let outside = |directory: &str| {
        bad_request(format_args!(
            "the Destination is outside of what is shared (it must begin with {directory})"
        ))
    };
    let path = path.below(state.base.as_str()).ok_or_else(|| outside(&state.base.directory()))?;
    let link = request.link.as_deref().filter(|link| link.stage == LinkStage::Inside);
    let path = match link {
        // The address of the link is a secret, which the client knows.
        Some(link) => path.below(&link.prefix).ok_or_else(|| outside("the address of the link"))?,
        None => path,
    };
    let invalid = |error: &dyn std::fmt::Display| bad_request(format_args!("invalid Destination: {error}"));
    let mut below = SharePath::root();
    for segment in path.segments() {
        let segment = segment.map_err(|error| invalid(&error))?;
        below.push(&segment).map_err(|error| invalid(&error))?;
    }
    match link {
        Some(link) => link.inside(&below).map_err(|error| invalid(&error))?.ok_or_else(not_found),
        None => Ok(below),
    }
}
