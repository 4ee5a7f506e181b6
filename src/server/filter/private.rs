//! A response that depends on the client's user or address must not be kept in a shared cache.

use std::cell::RefCell;

use crate::http::response::Head;
use crate::http::status::Status;
use crate::server::filter::wanted::{Audience, Wanted};
use crate::server::response::Response;
use crate::server::state::State;

/// Keeps responses out of shared caches (RFC 9111 §5.2.2.7), and says what they depend on (RFC 9110 §12.5.5). A
/// response that is the same for all clients stays unchanged.
pub(super) fn apply(wanted: &Wanted, response: &mut Response, state: &State) {
    let has_user = wanted.audience == Audience::OneUser;
    if has_user && let Some(head) = PRIVATE.with_borrow(|last| last.as_ref()?.again(&response.head)) {
        response.head = head;
        return;
    }
    let is_usual = has_user && response.head.status() == Status::OK;
    let before = is_usual.then(|| response.head.clone());
    if has_user || state.access.depends_on_address() {
        match response.head.get("Cache-Control") {
            Some("no-cache") => {
                response.head.remove("Cache-Control");
                response.add("Cache-Control", "private, no-cache");
            }
            None if has_user => response.add("Cache-Control", "private"),
            _ => {}
        }
    }
    // A link in a public directory may lead to what only users see.
    if wanted.audience != Audience::Anybody || response.head.status() == Status::UNAUTHORIZED {
        response.add("Vary", "Authorization, Cookie");
        #[cfg(feature = "accounts")]
        if let Some(header) = &state.ambient_users.header {
            response.add("Vary", header);
        }
    }
    if let Some(before) = before {
        PRIVATE.set(Some(PrivateHead { before, after: response.head.clone() }));
    }
}

thread_local! {
    /// The last head for a user. Responses with the same file share a head, and changing it costs as much as a fifth of
    /// the request.
    static PRIVATE: RefCell<Option<PrivateHead>> = const { RefCell::new(None) };
}

/// A head before and after this filter, for a user.
struct PrivateHead {
    before: Head,
    after: Head,
}

impl PrivateHead {
    /// The changed head, if it was made from this head.
    fn again(&self, head: &Head) -> Option<Head> {
        self.before.is_same(head).then(|| self.after.clone())
    }
}
