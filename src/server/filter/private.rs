//! Where rules go by the client's address, what one client gets is not for others: a cache that clients share must not keep it.

use crate::server::filter::wanted::Wanted;
use crate::server::response::Response;
use crate::server::state::State;

/// Keeps responses that caches may keep, if they ask again, out of shared ones (RFC 9111 §5.2.2.7).
pub(super) fn apply(_: Wanted, response: &mut Response, state: &State) {
    if state.access.depends_on_address() && response.head.get("Cache-Control") == Some("no-cache") {
        response.head.remove("Cache-Control");
        response.add("Cache-Control", "private, no-cache");
    }
}
