//! The locks gate: a request that changes something needs the tokens of the locks there, and its field `If` must be met
//! (RFC 4918 §7, §10.4).

use std::time::SystemTime;

use crate::access::ToRead;
use crate::blocking::Blocking;
use crate::dav::if_field::ResourceState;
use crate::dav::{IfField, multistatus};
use crate::folder::{EntryKind, Whereabouts};
use crate::http::destination::Destination;
use crate::http::request::Method;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::validators::EntityTag;
use crate::path::SharePath;
use crate::server::dav::hrefs::Hrefs;
use crate::server::dav::{self, XML, shown};
use crate::server::destination;
use crate::server::disk::Disk;
use crate::server::error_response::{self, bad_request};
use crate::server::folder_locks::Dav;
use crate::server::intent::{IntendedChange, Intent};
use crate::server::lock_tokens::SubmittedTokens;
use crate::server::representation;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// Whether the request may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It may.
    Free,
    /// It has to wait for the disk first, which this thread may not do.
    NeedsDisk,
}

/// Checks the conditions of a request that changes something in the folder, and the locks there.
pub(crate) fn check(
    request: &Request<'_, '_, '_>,
    disk: &mut Disk,
    state: &State,
) -> Result<Passage, Response> {
    let Some(locks) = state.dav.as_ref().filter(|_| request.is_in_folder && !request.method.is_safe()) else {
        return Ok(Passage::Free);
    };
    let conditions = IfField::of(request.head.fields).map_err(bad_request)?;
    if conditions.is_none() && !locks.has_locks() {
        return Ok(Passage::Free);
    }
    let Some(disk) = disk.may_wait(state) else { return Ok(Passage::NeedsDisk) };
    locks.catch_up(disk).map_err(|error| error_response::of(&error))?;
    if conditions.as_ref().is_some_and(|conditions| !are_met(conditions, request, locks, state, disk)) {
        let text = "precondition failed: a condition of the field If is not met\n";
        return Err(Response::text(Status::PRECONDITION_FAILED, text));
    }
    let tokens = SubmittedTokens::in_conditions(conditions.as_ref());
    let mut locked = Vec::new();
    for (path, intent) in intents(request, state) {
        let change = IntendedChange { path: &path, intent, tokens: &tokens, principal: &request.principal };
        locked.extend(dav::admit(&change, state, disk).err().unwrap_or_default());
    }
    if locked.is_empty() { Ok(Passage::Free) } else { Err(refuse(locked, request, state)) }
}

/// What the request is about to do, and where. The names in a form come with its body.
fn intents(request: &Request<'_, '_, '_>, state: &State) -> Vec<(SharePath, Intent)> {
    let own = |intent| (request.path.clone(), intent);
    let target = || destination::path(request, state).map(|path| (path, Intent::Replace));
    match request.method {
        Method::Put | Method::Post if request.target.ends_with_slash() => Vec::new(),
        Method::Put | Method::Post | Method::Mkcol => vec![own(Intent::Save)],
        Method::Delete => vec![own(Intent::Replace)],
        Method::Move => [own(Intent::Replace)].into_iter().chain(target()).collect(),
        Method::Copy => target().into_iter().collect(),
        Method::Proppatch => vec![own(Intent::Describe)],
        _ => Vec::new(),
    }
}

/// The response to a change that locks forbid: 423, or 207 if only something below the target is locked (§9.6.1).
fn refuse(mut locked: Vec<SharePath>, request: &Request<'_, '_, '_>, state: &State) -> Response {
    locked.sort();
    locked.dedup();
    let hrefs = Hrefs::of(request, state);
    let is_below = |path: &SharePath| *path != request.path && path.is_below(&request.path);
    let href = |path| hrefs.path(shown(path, &request.path, &request.principal, state), false);
    let mut paths: Vec<_> = locked.iter().map(href).collect();
    paths.dedup();
    if locked.iter().all(is_below) {
        let mut xml = multistatus::BEFORE.to_owned();
        for href in &paths {
            multistatus::write_status(href, "423 Locked", &mut xml);
        }
        xml.push_str(multistatus::BEHIND);
        return Response::bytes(Head::new(Status::MULTI_STATUS), XML, xml.into_bytes());
    }
    let xml = multistatus::error_at("lock-token-submitted", paths.iter().map(String::as_str));
    Response::bytes(Head::new(Status::LOCKED), XML, xml.into_bytes())
}

/// Whether the conditions are met.
fn are_met(
    conditions: &IfField,
    request: &Request<'_, '_, '_>,
    locks: &Dav,
    state: &State,
    disk: Blocking<'_>,
) -> bool {
    let now = SystemTime::now();
    conditions.are_met(|resource| {
        let path = match resource {
            None => request.path.clone(),
            Some(uri) => {
                let found = Destination::parse(uri.as_bytes()).ok()?;
                destination::find(&found, request, state).ok()?
            }
        };
        let stored = dav::stored_form(&path, &request.principal, state, disk);
        let path = stored.unwrap_or(path);
        let tag = tag_of(&path, request, state, disk);
        let place = dav::whereabouts(&path, &request.principal, state, disk);
        let path = place.as_ref().map_or(&path, Whereabouts::resolved);
        let tokens = locks.on(path, now).into_iter().map(|lock| lock.token).collect();
        Some(ResourceState { tag, tokens })
    })
}

/// The entity tag of a file that the principal may read.
fn tag_of(
    path: &SharePath,
    request: &Request<'_, '_, '_>,
    state: &State,
    disk: Blocking<'_>,
) -> Option<EntityTag<'static>> {
    let grant = state.access.check::<ToRead>(&request.principal, path).ok()?;
    let found = state.folder.describe(&grant, disk).ok()?;
    let is_file = matches!(found.kind, EntryKind::File { .. });
    is_file.then(|| representation::validators(&found.facts, SystemTime::now()).etag)?
}
