//! The response to UNLOCK (RFC 4918 §9.11): it ends a lock.

use crate::access::Right;
use crate::dav::locks::{Lock, NoUnlock};
use crate::folder::Whereabouts;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::server::dav::whereabouts;
use crate::server::disk::Disk;
use crate::server::error_response::{self, bad_request};
use crate::server::handle::dav::{failed, locks};
use crate::server::handled::Handled;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// Ends the lock that the field `Lock-Token` names. Users end only their own locks, unless they have the right `admin`.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    disk: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let dav = locks(state)?;
    let value = request.head.fields.text("Lock-Token").map(str::trim);
    let token = value.and_then(|value| value.strip_prefix('<')?.strip_suffix('>'));
    let token = token.ok_or_else(|| bad_request("UNLOCK needs the field Lock-Token: <token>"))?;
    let Some(disk) = disk.may_wait(state) else { return Ok(Handled::NeedsDisk) };
    let place = whereabouts(&request.path, &request.principal, state, disk);
    let path = place.as_ref().map_or(&request.path, Whereabouts::resolved);
    let holder = request.principal.owner();
    let is_admin = request.principal.user().is_some()
        && state.access.rights(&request.principal, &request.path).has(Right::Admin);
    let may_end =
        |lock: &Lock| is_admin || lock.holder.as_deref().is_none_or(|its| holder.as_deref() == Some(its));
    let ended = dav.unlock(path, token, may_end, disk).map_err(|error| error_response::of(&error))?;
    match ended {
        Ok(()) => Ok(Handled::Respond(Response::empty(Head::new(Status::NO_CONTENT)))),
        Err(NoUnlock::NoSuchLock) => Err(failed(Status::CONFLICT, "lock-token-matches-request-uri")),
        Err(NoUnlock::Another) => {
            Err(Response::text(Status::FORBIDDEN, "the lock belongs to somebody else\n"))
        }
    }
}
