//! `--hsts`: browsers that have seen this server over TLS use nothing else from then on (RFC 6797).

use crate::server::filter::wanted::Wanted;
use crate::server::response::Response;
use crate::server::state::State;
use crate::server::tls::Tls;

/// Adds the field to responses over TLS; over plain HTTP anybody could.
pub(super) fn apply(wanted: Wanted, response: Response, state: &State) -> Response {
    match state.tls.as_ref().and_then(Tls::hsts) {
        Some(seconds) if wanted.is_encrypted => {
            response.with("Strict-Transport-Security", format_args!("max-age={seconds}"))
        }
        _ => response,
    }
}
