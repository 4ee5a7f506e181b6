//! `GET /dir/?tar` and `GET /dir/?zip` in a build without archives: 501, so that no client saves a listing as an archive.

use crate::access::{Grant, ToList};
use crate::blocking::Blocking;
use crate::http::status::Status;
use crate::server::handled::Handled;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The parameters that ask for an archive.
const PARAMETERS: [&str; 2] = ["tar", "zip"];

/// A request for an archive, which this build cannot make.
pub(crate) struct Unavailable;

/// Whether the query asks for an archive.
pub(crate) fn format(request: &Request<'_, '_, '_>) -> Option<Unavailable> {
    let is_asked = PARAMETERS.iter().any(|name| request.target.parameter(name).is_some());
    is_asked.then_some(Unavailable)
}

/// Refuses the archive.
pub(crate) fn answer(
    _: &Request<'_, '_, '_>,
    _: &Grant<'_, ToList>,
    _: Unavailable,
    _: &State,
    _: Blocking<'_>,
) -> Result<Handled, Response> {
    let text = "this server cannot make archives (build wharf with the feature `archive`)\n";
    Err(Response::text(Status::NOT_IMPLEMENTED, text))
}
