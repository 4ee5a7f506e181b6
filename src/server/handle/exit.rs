//! `POST /.wharf/exit`: stops the server.

use crate::http::status::Status;
use crate::server::disk::Disk;
use crate::server::error_response;
use crate::server::handled::Handled;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;
use crate::stop::StopReason;

/// Stops the server, with `--allow-exit`. Its route needs the right `admin`.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    if !state.allow_exit {
        return Err(error_response::exit_disabled());
    }
    log::info!("{} requested a shutdown", request.client);
    state.stop.ask(StopReason::Client);
    Ok(Handled::Respond(Response::text(Status::OK, "the server is shutting down\n")))
}
