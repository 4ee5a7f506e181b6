//! The origin gate: a page of another site must not change anything here (cross-site request forgery).

use crate::http::status::Status;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// Refuses an unsafe method (RFC 9110 §9.2.1) that comes from a page of another site. Every unsafe method passes here.
pub(crate) fn check(request: &Request<'_, '_, '_>, state: &State) -> Result<(), Response> {
    let head = request.head;
    if request.method.is_safe() || state.allowed_hosts.may_write(head.host, request.scheme, head.fields) {
        return Ok(());
    }
    let text = "cross-site request refused (behind a proxy with TLS, start the server with --host NAME, the name in the \
                address bar)\n";
    Err(Response::text(Status::FORBIDDEN, text))
}
