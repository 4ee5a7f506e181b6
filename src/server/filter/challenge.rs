//! How a client can say who it is (RFC 9110 §11.6.1).

use crate::http::status::Status;
use crate::server::filter::wanted::Wanted;
use crate::server::response::Response;
use crate::server::state::State;

/// Adds a challenge to a response that asks for credentials. A browser would show its own password dialog, even for a
/// request from a page's script. It does not if it does not know the challenge's scheme.
pub(super) fn apply(wanted: &Wanted, response: &mut Response, _: &State) {
    if response.head.status() == Status::UNAUTHORIZED && response.head.get("WWW-Authenticate").is_none() {
        let challenge =
            if wanted.is_by_script { "Bearer" } else { "Basic realm=\"wharf\", charset=\"UTF-8\"" };
        response.add("WWW-Authenticate", challenge);
    }
}
