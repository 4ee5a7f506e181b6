//! The response to MOVE (RFC 4918 §9.9): it moves a file, a link or a whole directory.

use crate::access::ToRemove;
use crate::blocking::Blocking;
use crate::folder::{Expected, Guard, Renamed};
use crate::http::destination::Depth;
use crate::server::disk::Disk;
use crate::server::error_response::{bad_request, not_found, of_read_error};
use crate::server::gate::authorise;
use crate::server::handle::copies::{self, CopyJob};
use crate::server::handle::destination::Relocation;
use crate::server::handle::relocating::Relocating;
use crate::server::handle::remove;
use crate::server::handled::Handled;
use crate::server::receive::JobOutcome;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

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
    let moving = Relocating::of(relocation, request, state);
    Ok(Handled::Save(Box::new(move |state, disk| {
        run(moving, state, disk).unwrap_or_else(|refused| JobOutcome::Respond(refused, None))
    })))
}

fn run(mut moving: Relocating, state: &State, disk: Blocking<'_>) -> Result<JobOutcome, Response> {
    moving.find_stored_form(state, disk);
    let Relocating { relocation, from, principal, .. } = &moving;
    authorise::ensure_current(principal, state)?;
    let source = authorise::grant::<ToRemove>(principal, from, state)?;
    let target = moving.target(state)?;
    let guard = if relocation.has_conditions() {
        let named = state.folder.look(&source, disk).map_err(|error| of_read_error(&error))?;
        if relocation.needs_directory && named.is_file() {
            return Err(not_found());
        }
        relocation.guard(named)?
    } else {
        Guard::None
    };
    let expected = Expected { guard, is_directory: relocation.needs_directory };
    let target_place = moving.unlocked_target(state, disk)?;
    let place = moving.unlocked_source(&target_place, state, disk)?;
    let renamed = state.folder.rename(&source, expected, moving.new_name(&target), disk);
    match renamed.map_err(|error| relocation.refuse(&error))? {
        Renamed::Done(moved) => {
            // Locks stay with their paths, not with what is moved (RFC 4918 §7.5).
            place.end_locks(state, disk);
            Ok(JobOutcome::Respond(moving.moved(&moved, state), None))
        }
        Renamed::OtherFileSystem => {
            let permit = copies::permit(moving.client, state)?;
            let copying = state.folder.move_by_copy(&source, guard, moving.new_name(&target), disk);
            let copying = copying.map_err(|error| relocation.refuse(&error))?;
            Ok(JobOutcome::Again(copies::job(CopyJob {
                copying,
                relocating: moving,
                is_move: true,
                _permit: permit,
            })))
        }
    }
}
