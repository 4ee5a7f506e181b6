//! The response to POST and PUT, and the checks before the body is received.
//!
//! Everything that can be checked from the head is checked here, before `100 Continue` is sent and before a byte of
//! the body is read, so that a refused client need not send its file.

use std::time::SystemTime;

use crate::access::{Grant, ToWrite};
use crate::blocking::Blocking;
use crate::folder::{self, Guard, Plan};
use crate::http::body::Framing;
use crate::http::conditional::{self, Action, Verdict};
use crate::http::fields::decimal;
use crate::http::multipart::{self, BoundaryError};
use crate::http::request::{Head, Method};
use crate::http::resumable::{Announced, UploadKind, announced_length};
use crate::http::status::Status;
use crate::server::dav;
use crate::server::disk::Disk;
use crate::server::error_response::{self, bad_request};
use crate::server::gate::authorise;
use crate::server::handle::form::FormUpload;
use crate::server::handle::member;
use crate::server::handle::modified;
use crate::server::handle::resumable::{self, Beginning};
use crate::server::handle::upload_response::{FileUpload, refuse_part, refuse_parts_and_codings};
use crate::server::handled::Handled;
use crate::server::receive::Receiving;
use crate::server::remover;
use crate::server::representation::validators;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// Checks whether the body is accepted.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    disk: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let Some(disk) = disk.may_wait(state) else { return Ok(Handled::NeedsDisk) };
    let head = request.head;
    let kind = UploadKind::of(head).map_err(refuse_part)?;
    if request.target.ends_with_slash() {
        return begin_form(request, kind, state, disk);
    }
    if let UploadKind::ResumableWithInterim(announced) | UploadKind::Resumable(announced) = kind {
        return begin_resumable(
            request,
            announced,
            matches!(kind, UploadKind::ResumableWithInterim(_)),
            state,
            disk,
        );
    }
    let size = length(head)?;
    refuse_parts_and_codings(head)?;
    let grant = authorise::grant(&request.principal, &request.path, state)?;
    let client = remover::of(request, state);
    let holds = || guard(request, &grant, state, disk).map(drop);
    let has_room = dav::make_room(&grant, &client.tokens, holds, state, disk)?;
    let mut incoming =
        state.folder.receive(&grant, size, disk).map_err(|error| error_response::of(&error))?;
    let modified = modified::of(head);
    incoming.set_modified(modified);
    let guard = if has_room { Guard::MustBeNew } else { guard(request, &grant, state, disk)? };
    let is_put = request.method == Method::Put;
    let upload = Box::new(FileUpload {
        incoming,
        announced: announced_length(head).or_else(|| expected_length(head)),
        is_resumable: false,
        guard,
        is_put,
        keeps_time: modified.is_some(),
        by: member::uploader(request, state),
        principal: request.principal.clone(),
        client,
    });
    Ok(Handled::Receive(Box::new(Receiving::new(head.framing, upload, &state.chores))))
}

/// A resumable upload; a job asks the folder, which may block.
fn begin_resumable(
    request: &Request<'_, '_, '_>,
    announced: Announced,
    is_told: bool,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Handled, Response> {
    let head = request.head;
    refuse_parts_and_codings(head)?;
    let grant = authorise::grant(&request.principal, &request.path, state)?;
    let guard = guard(request, &grant, state, disk)?;
    let memo = resumable::memo(request.method);
    let by = member::uploader(request, state);
    let owner = request.principal.owner().unwrap_or_else(|| request.client.key_text());
    let modified = modified::of(head);
    let plan = Plan { length: announced.length, guard, modified, owner, memo: memo.to_owned() };
    let (path, principal, framing) = (request.path.clone(), request.principal.clone(), head.framing);
    let link = request.link.clone();
    let client = remover::of(request, state);
    let beginning = Beginning { path, principal, plan, announced, is_told, framing, by, client, link };
    Ok(Handled::Work(resumable::begin(beginning)))
}

/// Handles an upload to a directory. It must be a form, because any other upload needs the name of a file. A form
/// cannot be resumed, so it must be sent in one request.
fn begin_form(
    request: &Request<'_, '_, '_>,
    kind: UploadKind,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Handled, Response> {
    let head = request.head;
    let size = length(head)?;
    refuse_parts_and_codings(head)?;
    let content_type = head.fields.get("Content-Type").unwrap_or_default();
    let boundary = match multipart::boundary(content_type) {
        Ok(boundary) if request.method == Method::Post => boundary,
        Err(error @ (BoundaryError::Missing | BoundaryError::Invalid)) => return Err(bad_request(error)),
        _ => {
            let text = "that is a directory; add the name of the file (/directory/file)\n";
            return Err(Response::text(Status::CONFLICT, text));
        }
    };
    if let UploadKind::ResumableWithInterim(announced) | UploadKind::Resumable(announced) = kind
        && !announced.completes
    {
        return Err(bad_request("a form cannot be sent in parts (send the whole form in one request)"));
    }
    let form = FormUpload::begin(request, &boundary, size, state, disk)?;
    Ok(Handled::Receive(Box::new(Receiving::new(head.framing, Box::new(form), &state.chores))))
}

/// The length that macOS Finder expects of a body with chunked coding, which it may have to abort without a sign of that.
fn expected_length(head: &Head<'_, '_>) -> Option<u64> {
    head.fields.get("X-Expected-Entity-Length").and_then(decimal)
}

/// The length of the body, if it is given. A body with neither a length nor chunked coding cannot be received.
fn length(head: &Head<'_, '_>) -> Result<Option<u64>, Response> {
    match head.framing {
        Framing::Sized(length) => Ok(Some(length)),
        Framing::Chunked => Ok(None),
        Framing::Empty | Framing::UntilClose if head.fields.get("Content-Length").is_some() => Ok(Some(0)),
        Framing::Empty | Framing::UntilClose => Err(Response::text(
            Status::LENGTH_REQUIRED,
            "an upload needs Content-Length or chunked transfer coding\n",
        )),
    }
}

/// Checks the preconditions, and returns the condition that the commit has to check again.
fn guard(
    request: &Request<'_, '_, '_>,
    grant: &Grant<'_, ToWrite>,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Guard, Response> {
    let preconditions = conditional::gather(request.head.fields.iter());
    if !preconditions.guard_a_write() {
        return Ok(Guard::None);
    }
    let current = state.folder.occupant(grant, disk).map_err(|error| error_response::of(&error))?;
    let now = SystemTime::now();
    let validators = current.map(|facts| validators(&facts, now));
    if conditional::evaluate(&preconditions, Action::Modify, validators.as_ref()) != Verdict::Proceed {
        return Err(error_response::of(&folder::Error::Changed));
    }
    match current.map(|facts| facts.version) {
        None => Ok(Guard::MustBeNew),
        Some(version) if version.is_settled(now) => Ok(Guard::MustBe(version)),
        Some(_) if preconditions.only_ask_for_existence() => Ok(Guard::MustExist),
        // The version is not settled, so the commit could not check whether the file is still the same.
        Some(_) => Err(error_response::of(&folder::Error::Changed)),
    }
}
