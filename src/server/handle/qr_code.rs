//! `GET /.wharf/qr.svg`: the server's URL as a QR code.

use crate::http::response;
use crate::http::status::Status;
use crate::qr;
use crate::server::address;
use crate::server::disk::Disk;
use crate::server::error_response::not_found;
use crate::server::handled::Handled;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// Draws the URL that the client can pass on to others.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let url = address::to_hand_on(request.head, request.client, state);
    let svg = url.and_then(|url| qr::svg(&url)).ok_or_else(not_found)?;
    // It depends on the client and on the current network addresses.
    let head = response::Head::new(Status::OK).field("Cache-Control", "no-store");
    Ok(Handled::Respond(Response::bytes(head, "image/svg+xml", svg.into_bytes())))
}
