//! The response to DELETE (RFC 9110 §9.3.5, RFC 4918 §9.6): it removes a file, a link or a whole directory, into the trash.

use crate::access::{Grant, Principal, ToRemove};
use crate::blocking::Blocking;
use crate::folder::{Expected, Guard, Named};
use crate::http::conditional;
use crate::http::destination::Depth;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::server::announce;
use crate::server::dav;
use crate::server::disk::Disk;
use crate::server::error_response::{self, bad_request};
use crate::server::gate::authorise;
use crate::server::handle::conditions::{self, Conditions};
use crate::server::handle::member;
use crate::server::handled::Handled;
use crate::server::intent::{IntendedChange, Intent};
use crate::server::receive::JobOutcome;
use crate::server::remover::{self, Displaced};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The demands of a request on the file or directory that it removes.
struct Demands {
    conditions: Conditions,
    /// Whether the target ends in a slash: a file has no such path.
    is_directory: bool,
    /// Whether the request asks to remove a directory without its content, which is not possible.
    is_shallow: bool,
}

/// Checks the head, and returns the job that removes the target.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    refuse_root(request, "removed")?;
    let demands = Demands {
        conditions: Conditions::of(request.head.fields),
        is_directory: request.target.ends_with_slash(),
        is_shallow: Depth::of(request.head.fields).map_err(bad_request)? != Depth::Infinity,
    };
    let (by, client) = (member::uploader(request, state), remover::of(request, state));
    let (path, principal) = (request.path.clone(), request.principal.clone());
    Ok(Handled::Save(Box::new(move |state, disk| {
        let removed = authorise::ensure_current(&principal, state).and_then(|()| {
            let grant = authorise::grant(&principal, &path, state)?;
            let expected = demands.expected(&grant, state, disk)?;
            let change = IntendedChange {
                path: &path,
                intent: Intent::Replace,
                tokens: &client.tokens,
                principal: &principal,
            };
            let place = dav::ensure_unlocked(&change, state, disk)?;
            let removed = state.folder.remove(&grant, expected, &client.remover, disk);
            let removed = removed.map_err(|error| error_response::of_read_error(&error))?;
            place.end_locks(state, disk);
            Ok(removed)
        });
        let response = removed.map(|removed| {
            announce::removed(&by, &removed, state);
            if removed.is_directory && removed.kept.is_none() {
                // The directory's content is still on the disk.
                state.sweep_trash_soon();
            }
            let response = Response::empty(Head::new(Status::NO_CONTENT));
            client.remember(response, Displaced::removed(removed.kept))
        });
        JobOutcome::Respond(response.unwrap_or_else(|refused| refused), None)
    })))
}

/// Refuses an operation on the root that the client sees: the root of the folder, of a link or of a token.
pub(super) fn refuse_root(request: &Request<'_, '_, '_>, done: &str) -> Result<(), Response> {
    let is_scope = |principal: &Principal| principal.scope().is_some_and(|scope| scope.path == request.path);
    if request.shown_path().is_root() || is_scope(&request.principal) {
        let text = format_args!("the shared folder itself cannot be {done}\n").to_string();
        return Err(Response::text(Status::FORBIDDEN, text));
    }
    Ok(())
}

impl Demands {
    /// Checks the demands, and returns what the removal has to check again. Without conditions, this does not access the
    /// disk.
    fn expected(
        &self,
        grant: &Grant<'_, ToRemove>,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<Expected, Response> {
        let is_directory = self.is_directory;
        let preconditions = conditional::gather(self.conditions.iter());
        if !preconditions.guard_a_write() && !self.is_shallow {
            return Ok(Expected { guard: Guard::None, is_directory });
        }
        let named = state.folder.look(grant, disk).map_err(|error| error_response::of_read_error(&error))?;
        match named {
            Named::File(_) if self.is_directory => Err(error_response::not_found()),
            Named::Directory if self.is_shallow => {
                Err(bad_request("a directory is removed with all that is in it (send Depth: infinity)"))
            }
            named => Ok(Expected { guard: conditions::guard(&preconditions, named)?, is_directory }),
        }
    }
}
