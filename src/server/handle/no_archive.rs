//! `GET /dir/?tar` and `GET /dir/?zip` in a build without archives: 501, so that no client saves a listing as an archive.

use crate::access::{Grant, ToList};
use crate::blocking::Blocking;
use crate::http::status::Status;
use crate::http::target::PathAndQuery;
use crate::server::disk::Disk;
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

/// Whether a POST to this target names entries for a zip.
pub(crate) fn is_of_form(target: PathAndQuery<'_>) -> bool {
    target.ends_with_slash() && target.parameter("zip").is_some()
}

/// Refuses a zip of the entries that a form names.
pub(crate) fn posted(_: &Request<'_, '_, '_>, _: &mut Disk, _: &State) -> Result<Handled, Response> {
    Err(refuse())
}

/// Refuses the archive.
pub(crate) fn answer(
    _: &Request<'_, '_, '_>,
    _: &Grant<'_, ToList>,
    _: Unavailable,
    _: &State,
    _: Blocking<'_>,
) -> Result<Handled, Response> {
    Err(refuse())
}

fn refuse() -> Response {
    let text = "this server cannot make archives (build wharf with the feature `archive`)\n";
    Response::text(Status::NOT_IMPLEMENTED, text)
}
