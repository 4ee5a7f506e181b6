//! The response to MOVE (RFC 4918 §9.9): it moves a file, a link or a whole directory.

use crate::access::Principal;
use crate::access::{ToRemove, ToWrite};
use crate::blocking::Blocking;
use crate::chat::event::Uploader;
use crate::folder::{Error, Guard, NewName, Renamed};
use crate::http::destination::Depth;
use crate::path::SharePath;
use crate::server::announce;
use crate::server::client_key::ClientKey;
use crate::server::disk::Disk;
use crate::server::error_response::{bad_request, not_found, of};
use crate::server::gate::authorise;
use crate::server::handle::copies::{self, CopyJob};
use crate::server::handle::destination::{Relocation, ensure_names_are_known, respond};
use crate::server::handle::{member, remove};
use crate::server::handled::Handled;
use crate::server::receive::JobOutcome;
use crate::server::remover::{self, Displaced, RemovingClient};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// A MOVE, as far as its head says it.
struct Moving {
    relocation: Relocation,
    from: SharePath,
    principal: Principal,
    removing: RemovingClient,
    by: Uploader,
    client: ClientKey,
}

/// Checks the head, and returns the job that moves.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let relocation = Relocation::of(request, state)?;
    if relocation.depth != Depth::Infinity {
        return Err(bad_request("MOVE moves all of a directory (send no Depth, or infinity)"));
    }
    remove::refuse_root(request, "moved")?;
    let moving = Moving {
        relocation,
        from: request.path.clone(),
        principal: request.principal.clone(),
        removing: remover::of(request, state),
        by: member::uploader(request, state),
        client: request.client.key(),
    };
    Ok(Handled::Save(Box::new(move |state, disk| {
        moving.run(state, disk).unwrap_or_else(|refused| JobOutcome::Respond(refused, None))
    })))
}

impl Moving {
    fn run(self, state: &State, disk: Blocking<'_>) -> Result<JobOutcome, Response> {
        let Self { relocation, from, principal, removing, by, client } = self;
        authorise::ensure_current(&principal, state)?;
        let source = authorise::grant::<ToRemove>(&principal, &from, state)?;
        let target = authorise::grant::<ToWrite>(&principal, &relocation.to, state)?;
        ensure_names_are_known(&target)?;
        let guard = if relocation.depends_on_source() {
            let named = state.folder.look(&source, disk).map_err(|error| of_source(&error))?;
            if relocation.needs_directory && named.is_file() {
                return Err(not_found());
            }
            relocation.guard(named)?
        } else {
            Guard::None
        };
        let wanted = NewName { to: &target, conflict: relocation.conflict, remover: &removing.remover };
        let renamed = state.folder.rename(&source, guard, wanted, disk);
        match renamed.map_err(|error| relocation.refuse(&error))? {
            Renamed::Done(moved) => {
                announce::moved(&by, &moved, state);
                let displaced = Displaced::replaced(moved.created, moved.kept);
                let response = respond("moved to", moved.told(), moved.is_directory, moved.created);
                Ok(JobOutcome::Respond(removing.remember(response, displaced), None))
            }
            Renamed::OtherFileSystem => {
                let permit = copies::permit(client, state)?;
                let copying = state.folder.move_by_copy(&source, guard, wanted, disk);
                let copying = copying.map_err(|error| relocation.refuse(&error))?;
                let copy = CopyJob { copying, relocation, principal, removing, by, _permit: permit };
                Ok(JobOutcome::Again(copies::job(copy)))
            }
        }
    }
}

/// A source whose path goes through a file does not exist.
fn of_source(error: &Error) -> Response {
    match error {
        Error::NotDirectory => not_found(),
        error => of(error),
    }
}
