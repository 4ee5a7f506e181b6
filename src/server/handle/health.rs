//! `GET /.wharf/health`: the server runs, and a worker is free.

use crate::http::status::Status;
use crate::server::disk::Disk;
use crate::server::handled::Handled;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// Responds `ok`. It never blocks on the disk.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a handler")]
pub(crate) fn handle(_: &Request<'_, '_, '_>, _: &mut Disk, _: &State) -> Result<Handled, Response> {
    Ok(Handled::Respond(Response::text(Status::OK, "ok\n").with("Cache-Control", "no-store")))
}
