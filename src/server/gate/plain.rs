//! The gate for plain HTTP on a port for TLS: it redirects to `https`, and refuses whatever could have been
//! intercepted.

use crate::http::request::{Head, Method};
use crate::http::response;
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::own_paths::{self, MEMBER_FIELD};
use crate::server::gate::host;
use crate::server::request::RequestSource;
use crate::server::response::Response;
use crate::server::state::State;

/// The fields that hold credentials.
const CREDENTIALS: [&str; 4] = ["Authorization", "Proxy-Authorization", "Cookie", MEMBER_FIELD];

/// Lets only health checks pass. The target still has the base. Credentials are not checked, because the result could
/// be intercepted too.
pub(crate) fn check<'b>(
    head: &Head<'_, 'b>,
    peer: Peer,
    source: &RequestSource<'b>,
    state: &State,
) -> Result<(), Response> {
    if CREDENTIALS.iter().any(|name| head.fields.get(name).is_some()) {
        log::warn!(
            "{} sent credentials without TLS: anyone on the network path could read them (change them)",
            source.client
        );
    }
    let refused = |why: &str| Err(Response::text(Status::FORBIDDEN, format_args!("{why} (use https://)\n")));
    if !matches!(head.method, Ok(Method::Get | Method::Head)) {
        return refused("this port speaks TLS");
    }
    let below_base = state.base.strip(head.target);
    if below_base.path().is_some_and(|path| matches!(path.raw(), own_paths::HEALTH | own_paths::READY)) {
        return Ok(());
    }
    let (Ok(Some(host)), Some(path)) = (host::check(head, peer, source.host, state), head.target.path())
    else {
        return refused("this port speaks TLS, and the host is not one of its names");
    };
    let query = path.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("https://{host}{}{query}", path.raw());
    Err(Response::empty(response::Head::new(Status::PERMANENT_REDIRECT).field("Location", location)))
}
