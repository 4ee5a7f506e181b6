//! Routing: which handler a request gets, and which rights it needs, by the area of its target and its method. The table
//! of routes is in [`handle`](crate::server::handle).

use std::sync::Arc;

use crate::access::{Principal, Rights};
use crate::http::body::Framing;
use crate::http::request::{Head, Method, UnsupportedMethod};
use crate::http::response;
use crate::http::status::Status;
use crate::http::target::{PathAndQuery, Target};
use crate::own_paths;
use crate::path::SharePath;
use crate::server::error_response::{bad_request, not_found};
#[cfg(feature = "accounts")]
use crate::server::handle::DROP;
use crate::server::handle::{CHOSEN, FOLDER, OWN, archive, resumable};
use crate::server::link_view::{LinkKind, LinkStage, LinkView};
use crate::server::request::{Request, RequestSource};
use crate::server::response::Response;
#[cfg(feature = "dav")]
use crate::server::route::Area;
use crate::server::route::{Handler, Route};
use crate::server::state::State;

/// Finds the route of a request: its handler, and a set of rights. The request needs one of these rights. Responds
/// directly to OPTIONS and to methods that the route does not have.
pub(super) fn find<'a, 'h, 'b>(
    head: &'a Head<'h, 'b>,
    source: &RequestSource<'_>,
    principal: Principal,
    link: Option<Arc<LinkView>>,
    state: &State,
) -> Result<(Rights, Handler, Request<'a, 'h, 'b>), Response> {
    let method = match head.method {
        Err(UnsupportedMethod::NotAllowed | UnsupportedMethod::Tunnel) => {
            return Err(FOLDER.not_allowed(state));
        }
        Err(UnsupportedMethod::Unknown) => {
            return Err(Response::text(Status::NOT_IMPLEMENTED, "unknown method\n"));
        }
        Ok(Method::Options) if head.target == Target::Asterisk => return Err(options(&FOLDER, state)),
        Ok(method) => method,
    };
    let target = head.target.path().ok_or_else(|| bad_request("this method needs a path as its target"))?;
    let (mut is_own, mut path, mut is_path) = (false, Request::spare_path(), Ok(()));
    for segment in target.segments() {
        let segment = segment.map_err(bad_request)?;
        is_own |= path.is_root() && is_path.is_ok() && *segment == *own_paths::SEGMENT;
        is_path = is_path.and_then(|()| path.push(&segment));
    }
    let inside = link.as_deref().filter(|link| link.stage == LinkStage::Inside);
    let (route, path) = if is_own {
        let route = own(target).filter(|route| inside.is_none() || route.is_in_links);
        (route.ok_or_else(not_found)?, SharePath::root())
    } else {
        is_path.map_err(bad_request)?;
        match inside {
            None => (&FOLDER, path),
            Some(link) => in_link(link, &path)?,
        }
    };
    if method == Method::Options {
        return Err(options(route, state));
    }
    let is_zip =
        method == Method::Post && std::ptr::eq(route, &raw const FOLDER) && archive::is_of_form(target);
    let handling = if is_zip { &CHOSEN } else { route };
    let (_, needs, handler) = handling.row(method, state).ok_or_else(|| route.not_allowed(state))?;
    let rest = route.area.rest(target).unwrap_or_default();
    let (client, scheme) = (source.client, source.scheme);
    let is_in_folder = !is_own;
    let request = Request { head, method, target, path, is_in_folder, rest, principal, client, scheme, link };
    Ok((*needs, *handler, request))
}

/// The route for a path below a link, and the path in the folder.
fn in_link(link: &LinkView, below: &SharePath) -> Result<(&'static Route, SharePath), Response> {
    let path = link.inside(below).map_err(bad_request)?.ok_or_else(not_found)?;
    match link.kind {
        #[cfg(feature = "accounts")]
        LinkKind::Drop if below.is_root() => Ok((&DROP, path)),
        LinkKind::Folder | LinkKind::File | LinkKind::Drop => Ok((&FOLDER, path)),
    }
}

/// Whether a request brings content for the folder.
pub(super) fn is_upload(head: &Head<'_, '_>) -> bool {
    let takes_uploads = |target: PathAndQuery<'_>| {
        !target.raw().starts_with(own_paths::ROOT) || own(target).is_some_and(|route| route.takes_uploads)
    };
    head.framing != Framing::Empty && head.target.path().is_none_or(takes_uploads)
}

/// The route of one of the server's own paths.
fn own(target: PathAndQuery<'_>) -> Option<&'static Route> {
    OWN.iter().find(|route| route.area.rest(target).is_some())
}

/// Lists what can be done on a route (RFC 9110 §9.3.7).
fn options(route: &Route, state: &State) -> Response {
    let head = response::Head::new(Status::NO_CONTENT).field("Allow", route.allowed(state));
    #[cfg(feature = "dav")]
    let head = if matches!(route.area, Area::Folder) && state.dav.is_some() {
        // Some clients of Microsoft's look for the second field.
        head.field("DAV", "1, 2, 3").field("MS-Author-Via", "DAV")
    } else {
        head
    };
    Response::empty(if route.takes_uploads { resumable::offer(head, state) } else { head })
}
