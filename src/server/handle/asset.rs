//! `GET /.wharf/assets/NAME`: the style sheet, script and icon of the pages.

use crate::server::assets;
use crate::server::disk::Disk;
use crate::server::handled::Handled;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// Sends the asset of this name, if it belongs to this version of the server.
pub(crate) fn handle(request: &Request<'_, '_, '_>, _: &mut Disk, _: &State) -> Result<Handled, Response> {
    assets::respond(request.target.raw(), request.head.fields).map(Handled::Respond)
}
