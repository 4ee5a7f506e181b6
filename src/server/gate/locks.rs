//! The locks gate: a request that changes something needs the tokens of the locks there, and its field `If` must be met
//! (RFC 4918 §7, §10.4).

use std::time::SystemTime;

use crate::access::ToRead;
use crate::blocking::Blocking;
use crate::dav::if_field::ResourceState;
use crate::dav::{IfField, PathChange, multistatus};
use crate::folder::EntryKind;
use crate::http::destination::Destination;
use crate::http::request::Method;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::validators::EntityTag;
use crate::path::SharePath;
use crate::server::dav::hrefs::Hrefs;
use crate::server::dav::{XML, hides_names, shown};
use crate::server::destination;
use crate::server::disk::Disk;
use crate::server::error_response::bad_request;
use crate::server::folder_locks::Dav;
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
    let Some(dav) = state.dav.as_ref().filter(|_| request.is_in_folder && !request.method.is_safe()) else {
        return Ok(Passage::Free);
    };
    let conditions = IfField::of(request.head.fields).map_err(bad_request)?;
    if let Some(conditions) = &conditions {
        let disk = if conditions.have_tags() {
            let Some(disk) = disk.may_wait(state) else { return Ok(Passage::NeedsDisk) };
            Some(disk)
        } else {
            None
        };
        if !are_met(conditions, request, dav, state, disk) {
            let text = "precondition failed: a condition of the field If is not met\n";
            return Err(Response::text(Status::PRECONDITION_FAILED, text));
        }
    }
    if dav.locks().is_empty() {
        return Ok(Passage::Free);
    }
    let tokens = SubmittedTokens::in_conditions(conditions.as_ref());
    let path = &request.path;
    let (parent, target) = (path.parent(), destination::path(request, state));
    let changes = match request.method {
        Method::Delete => vec![PathChange::Entry(path)],
        Method::Mkcol => parent.iter().chain([path]).map(PathChange::Content).collect(),
        Method::Move => {
            [PathChange::Entry(path)].into_iter().chain(target.as_ref().map(PathChange::Entry)).collect()
        }
        Method::Copy => target.iter().map(PathChange::Entry).collect(),
        Method::Proppatch => vec![PathChange::Content(path)],
        Method::Put | Method::Post if request.target.ends_with_slash() => return Ok(Passage::Free),
        Method::Put | Method::Post => {
            if hides_names(&request.principal, path, state) {
                return Ok(Passage::Free);
            }
            let parent_is_locked = parent.as_ref().is_some_and(|parent| {
                dav.admit(&[PathChange::Content(parent)], &tokens, &request.principal).is_err()
            });
            if parent_is_locked {
                // Only a new file is a change of its directory.
                let Some(disk) = disk.may_wait(state) else { return Ok(Passage::NeedsDisk) };
                let is_there = state
                    .access
                    .check::<ToRead>(&request.principal, path)
                    .is_ok_and(|grant| state.folder.describe(&grant, disk).is_ok());
                vec![if is_there { PathChange::Content(path) } else { PathChange::Entry(path) }]
            } else {
                vec![PathChange::Content(path)]
            }
        }
        _ => return Ok(Passage::Free),
    };
    dav.admit(&changes, &tokens, &request.principal).map_err(|locked| refuse(&locked, request, state))?;
    Ok(Passage::Free)
}

/// The response to a change that locks forbid: 423, or 207 if only something below the target is locked (§9.6.1).
fn refuse(locked: &[SharePath], request: &Request<'_, '_, '_>, state: &State) -> Response {
    let hrefs = Hrefs::of(request, state);
    let is_below = |path: &SharePath| *path != request.path && path.is_below(&request.path);
    let paths =
        locked.iter().map(|path| hrefs.path(shown(path, &request.path, &request.principal, state), false));
    if locked.iter().all(is_below) {
        let mut xml = multistatus::BEFORE.to_owned();
        paths.for_each(|href| multistatus::write_status(&href, "423 Locked", &mut xml));
        xml.push_str(multistatus::BEHIND);
        return Response::bytes(Head::new(Status::MULTI_STATUS), XML, xml.into_bytes());
    }
    let paths: Vec<_> = paths.collect();
    let xml = multistatus::error_at("lock-token-submitted", paths.iter().map(String::as_str));
    Response::bytes(Head::new(Status::LOCKED), XML, xml.into_bytes())
}

/// Whether the conditions are met. Without the disk, they are not about entity tags.
fn are_met(
    conditions: &IfField,
    request: &Request<'_, '_, '_>,
    dav: &Dav,
    state: &State,
    disk: Option<Blocking<'_>>,
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
        let tag = disk.and_then(|disk| tag_of(&path, request, state, disk));
        let tokens = dav.locks().on(&path, now).map(|lock| lock.token.clone()).collect();
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
