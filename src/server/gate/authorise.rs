//! The authorise gate: a request is refused before the disk is accessed if its principal has none of the rights that
//! the route accepts. It is a first, cheap refusal. The type of a [`Grant`], which handlers request here, says which
//! right an operation of the folder needs.

use crate::access::{Denied, Grant, Operation, Principal, Rights};
use crate::folder;
#[cfg(feature = "accounts")]
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::error_response::{self, not_found};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// Refuses a request whose principal has none of these rights; a route that needs none accepts every request.
pub(crate) fn check(any_of: Rights, request: &Request<'_, '_, '_>, state: &State) -> Result<(), Response> {
    if any_of == Rights::NONE {
        return Ok(());
    }
    let required = state.access.require(any_of, &request.principal, &request.path);
    required.map(|_| ()).map_err(|denied| refuse(denied, state))
}

/// The grant for an operation at this path.
pub(crate) fn grant<'p, O: Operation>(
    principal: &Principal,
    path: &'p SharePath,
    state: &State,
) -> Result<Grant<'p, O>, Response> {
    state.access.check(principal, path).map_err(|denied| refuse(denied, state))
}

/// Refuses a user who lacks any of these rights at this path. Users may know their own rights, whatever
/// exists there.
#[cfg(feature = "accounts")]
pub(crate) fn require_all(
    rights: Rights,
    principal: &Principal,
    path: &SharePath,
    state: &State,
) -> Result<(), Response> {
    let missing = rights.without(state.access.rights(principal, path));
    if missing == Rights::NONE {
        return Ok(());
    }
    let text = format_args!("you do not have these rights there: {}\n", missing.list()).to_string();
    Err(Response::text(Status::FORBIDDEN, text))
}

/// Refuses to save what a user has sent if the user was removed or changed meanwhile.
pub(crate) fn ensure_current(principal: &Principal, state: &State) -> Result<(), Response> {
    let is_current = state.is_current(principal.account());
    if is_current { Ok(()) } else { Err(error_response::of(&folder::Error::Unauthenticated)) }
}

/// The response to a request that is not allowed.
fn refuse(denied: Denied, state: &State) -> Response {
    match denied {
        // A chat that is disabled looks absent.
        Denied::Hidden | Denied::NoRight(Rights::CHAT) => not_found(),
        Denied::NoRight(Rights::ADMIN) if !state.allow_exit => error_response::exit_disabled(),
        denied => error_response::of(&denied.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::access::{Access, Right};
    use crate::http::request::{FieldSpace, Head};
    use crate::http::status::Status;
    use crate::net::peer::Peer;
    use crate::server::connection::tests::state;
    use crate::server::request::{ClientAddress, RequestSource};
    use crate::server::routing;

    const REQUESTS: [(&str, &str); 15] = [
        ("GET", "/a"),
        ("HEAD", "/a/"),
        ("POST", "/a"),
        ("PUT", "/a"),
        ("MKCOL", "/a"),
        ("MOVE", "/a"),
        ("COPY", "/a"),
        ("GET", "/.wharf/health"),
        ("GET", "/.wharf/uploads/x"),
        ("PATCH", "/.wharf/uploads/x"),
        ("POST", "/.wharf/chat/join"),
        ("GET", "/.wharf/chat/events"),
        ("POST", "/.wharf/chat/messages"),
        ("POST", "/.wharf/chat/leave"),
        ("POST", "/.wharf/exit"),
    ];

    /// The expected outcome: the status of a refusal.
    fn expected(method: &str, target: &str, rights: &[Right], is_read_only: bool) -> Option<Status> {
        let needs: &[Right] = match (method, target.strip_prefix("/.wharf/")) {
            ("GET" | "HEAD", None) => &[Right::List, Right::Read],
            ("COPY", None) => &[Right::Read],
            (_, None) if is_read_only => &[],
            ("MOVE", None) => &[Right::Remove],
            ("MKCOL", None) => &[Right::Add],
            (_, None) => &[Right::Add, Right::Replace],
            (_, Some("exit")) => &[Right::Admin],
            (_, Some(own)) if own.starts_with("chat/") => &[Right::Chat],
            (_, Some(_)) => return None,
        };
        let status = if needs == [Right::Chat] { Status::NOT_FOUND } else { Status::FORBIDDEN };
        (!needs.iter().any(|right| rights.contains(right))).then_some(status)
    }

    #[test]
    fn each_route_needs_its_rights() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut state = state(folder.path(), Duration::from_secs(60));
        let all =
            [Right::List, Right::Read, Right::Add, Right::Replace, Right::Remove, Right::Chat, Right::Admin];
        let sets = [&all[..], &[]].into_iter().chain(all.chunks(1)).chain(all.windows(5));
        for (rights, is_read_only) in sets.flat_map(|rights| [(rights, false), (rights, true)]) {
            let access = Access::new(Rights::of(rights));
            state.access = if is_read_only { access.read_only() } else { access };
            for (method, target) in REQUESTS {
                let bytes = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
                let mut space = FieldSpace::new();
                let head = Head::parse(bytes.as_bytes(), &mut space).expect("valid");
                let found = routing::find(
                    &head,
                    &RequestSource::direct(ClientAddress::of_peer(Peer::Unix(None))),
                    Principal::anonymous(None),
                    None,
                    &state,
                );
                let (needs, _, request) = found.expect("it has a route");
                let refused = check(needs, &request, &state).err();
                let refused = refused.map(|response| response.head.status());
                let expected = expected(method, target, rights, is_read_only);
                assert_eq!(refused, expected, "{method} {target}: {rights:?}, read-only {is_read_only}");
            }
        }
    }
}
