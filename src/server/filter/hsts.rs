//! `--hsts`: browsers that have visited this server over TLS use only TLS from then on (RFC 6797).

use crate::server::filter::wanted::Wanted;
use crate::server::response::Response;
use crate::server::state::State;
use crate::server::tls::Tls;

/// Adds the field to responses over TLS only: over plain HTTP anyone could have added it.
pub(super) fn apply(wanted: &Wanted, response: &mut Response, state: &State) {
    let seconds = state.tls.as_ref().filter(|_| wanted.is_encrypted).and_then(Tls::hsts);
    if let Some(seconds) = seconds {
        response.add("Strict-Transport-Security", format_args!("max-age={seconds}"));
    }
}
