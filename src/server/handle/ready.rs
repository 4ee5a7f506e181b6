//! `GET /.wharf/ready`: whether a load balancer should send requests here. The folder can be reached, and written if clients
//! may write; the disk has more space than the reserve; a shared room was read, if its store is available; the server is not
//! about to stop.

use std::fmt;

use crate::folder::Error;
use crate::http::status::Status;
use crate::server::disk::Disk;
use crate::server::handled::Handled;
use crate::server::moment::Moment;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// Responds `ready`, or 503 and why not. It accesses the disk: while that hangs, the checks that have begun get no response,
/// and each later one gets 503.
pub(crate) fn handle(_: &Request<'_, '_, '_>, disk: &mut Disk, state: &State) -> Result<Handled, Response> {
    if state.stop.is_near() {
        return Err(not_ready("the server is stopping"));
    }
    if state.readiness.hangs(Moment::now()) {
        return Err(not_ready("the folder's disk does not respond"));
    }
    if state.chat.as_ref().and_then(|chat| chat.shared()).is_some_and(|shared| !shared.was_tried()) {
        return Err(not_ready("the shared chat room was not read yet"));
    }
    let Some(disk) = disk.may_wait(state) else { return Ok(Handled::NeedsDisk) };
    let _check = state.readiness.begin(Moment::now());
    match state.folder.check(state.access.lets_anyone_change(), disk) {
        Ok(()) => {
            let ready = Response::text(Status::OK, "ready\n").with("Cache-Control", "no-store");
            Ok(Handled::Respond(ready))
        }
        Err(Error::Io(error)) => {
            log::error!("cannot access the shared folder: {error}");
            Err(not_ready("the folder cannot be accessed; see the server's log"))
        }
        Err(error) => Err(not_ready(error)),
    }
}

fn not_ready(why: impl fmt::Display) -> Response {
    Response::text(Status::SERVICE_UNAVAILABLE, format_args!("not ready: {why}\n"))
        .with("Cache-Control", "no-store")
}
