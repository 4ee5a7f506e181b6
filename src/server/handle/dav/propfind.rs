//! The response to PROPFIND (RFC 4918 §9.1): the properties of a file, or of a directory and its entries.
//!
//! The response is made in pieces while it is sent, in the order of the disk, so a directory of any size needs the memory of one
//! piece.

use std::sync::Arc;

use crate::access::{Principal, ToList, ToRead};
use crate::blocking::Blocking;
use crate::dav::{LiveProperty, PropertyName, Propfind};
use crate::folder::{EntryKind, Error};
use crate::http::destination::Depth;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::dav;
use crate::server::dav::XML;
use crate::server::dav::hrefs::Hrefs;
use crate::server::disk::Disk;
use crate::server::error_response::{self, bad_request, of_read_error};
use crate::server::folder_locks::Dav;
use crate::server::gate::authorise;
use crate::server::handle::dav::propfind_body::{PropfindBody, PropfindView};
use crate::server::handle::dav::{MAX_BODY, failed, locks, refuse_body};
use crate::server::handle::posted;
use crate::server::handled::Handled;
use crate::server::receive::AfterBody;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// What a request asks for.
#[derive(Debug)]
struct Question {
    path: SharePath,
    principal: Principal,
    hrefs: Hrefs,
    is_deep: bool,
    /// Whether the client may know how much space there is. macOS 15.4 waits for 90 seconds if it does.
    tells_space: bool,
}

/// Checks the head, and receives the body.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let dav = locks(state)?;
    let is_deep = match Depth::of(request.head.fields).map_err(bad_request)? {
        Depth::Zero => false,
        Depth::One => true,
        Depth::Infinity => return Err(failed(Status::FORBIDDEN, "propfind-finite-depth")),
    };
    let question = Question {
        path: request.path.clone(),
        principal: request.principal.clone(),
        hrefs: Hrefs::of(request, state),
        is_deep,
        tells_space: !request.head.fields.text("User-Agent").is_some_and(waits_for_space),
    };
    let then = AfterBody::Read(Box::new(move |body, state, disk| {
        let answer = Propfind::parse(&body).map_err(|error| refuse_body(&error));
        let answer = answer.and_then(|propfind| respond(question, propfind, dav, state, disk));
        answer.unwrap_or_else(|refused| refused)
    }));
    posted::receive(request.head, MAX_BODY, then)
}

/// Whether this is a client of macOS 15.4 or later: `WebDAVFS/… Darwin/24.4…`.
fn waits_for_space(agent: &str) -> bool {
    let version =
        agent.split_once("Darwin/").filter(|_| agent.starts_with("WebDAVFS/")).map(|(_, version)| version);
    let mut numbers = version.unwrap_or_default().split('.').map(|number| number.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (24, 4)
}

fn respond(
    question: Question,
    propfind: Propfind,
    dav: Arc<Dav>,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Response, Response> {
    let refuse = |error: Error| of_read_error(&error);
    let Question { path, principal, hrefs, is_deep, tells_space } = question;
    // A principal that may only list learns as much about a file as from the listing of its directory.
    let list = authorise::grant::<ToList>(&principal, &path, state);
    let read = authorise::grant::<ToRead>(&principal, &path, state);
    let found = match (&list, &read) {
        (Ok(grant), _) => state.folder.describe(grant, disk),
        (_, Ok(grant)) => state.folder.describe(grant, disk),
        (Err(_), Err(_)) => return Err(read.err().unwrap_or_else(error_response::not_found)),
    };
    let found = found.map_err(refuse)?;
    let stored = read.ok().and_then(|grant| state.folder.properties(&grant, disk).ok()).flatten();
    let scan = match list {
        Ok(grant) if is_deep && found.kind == EntryKind::Directory => {
            Some(state.folder.scan(&grant, disk).map_err(refuse)?)
        }
        Err(refused) if is_deep && found.kind == EntryKind::Directory => return Err(refused),
        _ => None,
    };
    let asks_for_space = |property: &PropertyName| {
        matches!(
            LiveProperty::of(property),
            Some(LiveProperty::QuotaAvailableBytes | LiveProperty::QuotaUsedBytes)
        )
    };
    let wants_space = match &propfind {
        Propfind::Named(names) | Propfind::All(names) => names.iter().any(asks_for_space),
        Propfind::Names => true,
    };
    let space = (wants_space && tells_space).then(|| state.folder.space(disk).ok()).flatten();
    dav.catch_up(disk).map_err(refuse)?;
    let place = if dav.has_locks() { dav::whereabouts(&path, &principal, state, disk) } else { None };
    let lies_at = place.map_or_else(|| path.clone(), |place| place.resolved().clone());
    let view = PropfindView {
        wants_stored: propfind.wants_stored(),
        propfind,
        judge: state.access.judge(&principal),
        rules: state.folder.rules().clone(),
        hrefs,
        dav,
        space,
    };
    let mut body = PropfindBody::new(view, path, lies_at, scan);
    body.begin(found, stored.as_deref());
    let head = Head::new(Status::MULTI_STATUS)
        .field("Content-Type", XML)
        .field("X-Content-Type-Options", "nosniff")
        .field("Cache-Control", "no-store");
    body.make(disk).map_err(refuse)?;
    Ok(Response::new(head, body.into_content(&state.chores)))
}

impl Propfind {
    /// Whether dead properties are asked for, or may be.
    fn wants_stored(&self) -> bool {
        match self {
            Self::All(_) | Self::Names => true,
            Self::Named(names) => names.iter().any(|name| LiveProperty::of(name).is_none()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::waits_for_space;

    #[test]
    fn clients_that_wait_for_the_space() {
        for (agent, waits) in [
            ("WebDAVFS/3.0.0 (03008000) Darwin/24.4.0 (arm64)", true),
            ("WebDAVFS/3.0.0 (03008000) Darwin/25.0.0 (arm64)", true),
            ("WebDAVFS/3.0.0 (03008000) Darwin/24.3.0 (arm64)", false),
            ("WebDAVFS/1.2 Darwin/8.1", false),
            ("WebDAVFS/3.0.0", false),
            ("curl/8.0 Darwin/25.0", false),
            ("", false),
        ] {
            assert_eq!(waits_for_space(agent), waits, "{agent}");
        }
    }
}
