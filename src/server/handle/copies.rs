//! The response to COPY (RFC 4918 §9.8): it copies a file, or a whole directory.
//!
//! A copy is a job in pieces: between two of them other jobs run, and after each the copy ends if its client has gone. What it has made
//! until then is removed by the chores thread.

use crate::access::{Principal, ToRead, ToWrite};
use crate::blocking::Blocking;
use crate::chat::event::Uploader;
use crate::folder::{Copying, Extent, NewName, Relocated};
use crate::http::destination::Depth;
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::announce;
use crate::server::client_key::ClientKey;
use crate::server::disk::Disk;
use crate::server::error_response::{bad_request, not_found, of_read_error};
use crate::server::gate::authorise;
use crate::server::handle::destination::{Relocation, ensure_names_are_known, respond};
use crate::server::handle::member;
use crate::server::handled::Handled;
use crate::server::jobs::fair_permits::FairPermit;
use crate::server::receive::{Job, JobOutcome};
use crate::server::remover::{self, Displaced, RemovingClient};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// When to retry if too much is being copied, in seconds.
const RETRY_AFTER: u32 = 5;

/// A COPY, as far as its head says it.
struct CopyRequest {
    relocation: Relocation,
    from: SharePath,
    extent: Extent,
    principal: Principal,
    removing: RemovingClient,
    by: Uploader,
    client: ClientKey,
}

/// A copy in progress, for a COPY or for a MOVE to another file system.
pub(super) struct CopyJob {
    pub copying: Copying,
    pub relocation: Relocation,
    pub principal: Principal,
    pub removing: RemovingClient,
    pub by: Uploader,
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
    let copy = CopyRequest {
        relocation,
        from: request.path.clone(),
        extent,
        principal: request.principal.clone(),
        removing: remover::of(request, state),
        by: member::uploader(request, state),
        client: request.client.key(),
    };
    Ok(Handled::Work(Box::new(move |state, disk| {
        copy.begin(state, disk).unwrap_or_else(|refused| JobOutcome::Respond(refused, None))
    })))
}

/// A permit to copy.
pub(super) fn permit(client: ClientKey, state: &State) -> Result<FairPermit, Response> {
    state.copies.take(client).ok_or_else(|| {
        let text = "too much is being copied; try again later\n";
        Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", RETRY_AFTER)
    })
}

impl CopyRequest {
    fn begin(self, state: &State, disk: Blocking<'_>) -> Result<JobOutcome, Response> {
        let Self { relocation, from, extent, principal, removing, by, client } = self;
        let source = authorise::grant::<ToRead>(&principal, &from, state)?;
        let target = authorise::grant::<ToWrite>(&principal, &relocation.to, state)?;
        ensure_names_are_known(&target)?;
        let named = state.folder.what_is_read(&source, disk).map_err(|error| of_read_error(&error))?;
        if relocation.needs_directory && named.is_file() {
            return Err(not_found());
        }
        relocation.guard(named)?;
        let permit = permit(client, state)?;
        let judge = state.access.judge(&principal);
        let wanted = NewName { to: &target, conflict: relocation.conflict, remover: &removing.remover };
        let copying = state.folder.copy(&source, &judge, extent, wanted, disk);
        let copying = copying.map_err(|error| relocation.refuse(&error))?;
        let copy = CopyJob { copying, relocation, principal, removing, by, _permit: permit };
        Ok(job(copy)(state, disk))
    }
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
    let CopyJob { copying, relocation, principal, removing, by, .. } = copy;
    if state.stop.asked().is_some() {
        let text = "the server is shutting down\n";
        return Err(Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", RETRY_AFTER));
    }
    authorise::ensure_current(principal, state)?;
    let done = copying.step(disk).map_err(|error| relocation.refuse(&error))?;
    Ok(done.map(|done| {
        let (response, displaced) = match done {
            Relocated::Copied { saved, is_directory } => {
                announce::copied(by, &saved, is_directory, state);
                (
                    respond("copied to", saved.told(), is_directory, saved.created),
                    Displaced::replaced(saved.created, saved.kept),
                )
            }
            Relocated::Moved(moved) => {
                announce::moved(by, &moved, state);
                (
                    respond("moved to", moved.told(), moved.is_directory, moved.created),
                    Displaced::replaced(moved.created, moved.kept),
                )
            }
        };
        removing.remember(response, displaced)
    }))
}
