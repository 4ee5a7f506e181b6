//! The response to COPY (RFC 4918 §9.8): it copies a file, or a whole directory.
//!
//! A copy is a job in pieces. Between two pieces, other jobs run; after each piece, the copy ends if its client has
//! disconnected. The chores thread then removes the incomplete copy.

use crate::access::ToRead;
use crate::blocking::Blocking;
use crate::folder::{Copying, Extent, Relocated};
use crate::http::destination::Depth;
use crate::http::status::Status;
use crate::server::client_key::ClientKey;
use crate::server::disk::Disk;
use crate::server::error_response::{self, bad_request, not_found, of_read_error};
use crate::server::gate::authorise;
use crate::server::handle::destination::Relocation;
use crate::server::handle::relocating::Relocating;
use crate::server::handled::Handled;
use crate::server::jobs::fair_permits::FairPermit;
use crate::server::receive::{Job, JobOutcome};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// When to retry if too much is being copied, in seconds.
const RETRY_AFTER: u32 = 5;

/// A copy in progress, for a COPY or for a MOVE to another file system.
pub(super) struct CopyJob {
    pub copying: Copying,
    pub relocating: Relocating,
    /// Whether the source is removed at the end.
    pub is_move: bool,
    pub _permit: FairPermit,
}

/// Checks the head, and returns the job that copies.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let relocation = Relocation::of(request, state)?;
    let extent = match relocation.depth {
        Depth::Zero => Extent::Itself,
        Depth::Infinity => Extent::Everything,
        Depth::One => return Err(bad_request("COPY takes Depth: 0 or Depth: infinity")),
    };
    let relocating = Relocating::of(relocation, request, state);
    Ok(Handled::Work(Box::new(move |state, disk| {
        begin(relocating, extent, state, disk).unwrap_or_else(|refused| JobOutcome::Respond(refused, None))
    })))
}

/// A permit to copy.
pub(super) fn permit(client: ClientKey, state: &State) -> Result<FairPermit, Response> {
    state.copies.take(client).ok_or_else(|| {
        let text = "too much is being copied; try again later\n";
        Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", RETRY_AFTER)
    })
}

fn begin(
    mut relocating: Relocating,
    extent: Extent,
    state: &State,
    disk: Blocking<'_>,
) -> Result<JobOutcome, Response> {
    relocating.find_stored_form(state, disk);
    let Relocating { relocation, from, principal, client, .. } = &relocating;
    let source = authorise::grant::<ToRead>(principal, from, state)?;
    let target = relocating.target(state)?;
    let named = state.folder.what_is_read(&source, disk).map_err(|error| of_read_error(&error))?;
    if relocation.needs_directory && named.is_file() {
        return Err(not_found());
    }
    relocation.guard(named)?;
    let permit = permit(*client, state)?;
    let judge = state.access.judge(principal);
    let copying = state.folder.copy(&source, &judge, extent, relocating.new_name(&target), disk);
    let copying = copying.map_err(|error| relocation.refuse(&error))?;
    Ok(job(CopyJob { copying, relocating, is_move: false, _permit: permit })(state, disk))
}

/// The job that copies one piece, and queues itself again for the rest.
pub(super) fn job(mut copy: CopyJob) -> Job {
    Box::new(move |state, disk| {
        let response = match step(&mut copy, state, disk) {
            Ok(None) => return JobOutcome::Again(job(copy)),
            Ok(Some(response)) | Err(response) => response,
        };
        JobOutcome::Respond(response, None)
    })
}

/// Copies one piece; returns the response if that was the last.
fn step(copy: &mut CopyJob, state: &State, disk: Blocking<'_>) -> Result<Option<Response>, Response> {
    let CopyJob { copying, relocating, is_move, .. } = copy;
    if state.stop.asked().is_some() {
        return Err(error_response::shutting_down());
    }
    authorise::ensure_current(&relocating.principal, state)?;
    // This may be the last piece, and a client may have locked something since the first.
    let target = relocating.unlocked_target(state, disk)?;
    let source = is_move.then(|| relocating.unlocked_source(&target, state, disk)).transpose()?;
    let done = copying.step(disk).map_err(|error| relocating.relocation.refuse(&error))?;
    Ok(done.map(|done| match done {
        Relocated::Copied { saved, is_directory } => relocating.copied(&saved, is_directory, state),
        Relocated::Moved(moved) => {
            if let Some(place) = source {
                place.end_locks(state, disk);
            }
            relocating.moved(&moved, state)
        }
    }))
}
