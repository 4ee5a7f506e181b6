//! A build without WebDAV: there are no locks.

use crate::access::Principal;
use crate::path::SharePath;
use crate::server::response::Response;
use crate::server::state::State;

pub(super) mod tokens {
    use crate::server::request::Request;

    /// No tokens.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct SubmittedTokens;

    impl SubmittedTokens {
        /// Nobody looks at the field `If`.
        pub(crate) fn of(_: &Request<'_, '_, '_>) -> Self {
            Self
        }
    }
}

/// Nothing is locked.
pub(super) fn ensure_unlocked(
    _: &SharePath,
    _: &tokens::SubmittedTokens,
    _: &Principal,
    _: &State,
) -> Result<(), Response> {
    Ok(())
}

/// There is nothing to end.
pub(super) fn end_locks(_: &SharePath, _: &State) {}

/// Nothing is locked.
pub(super) fn is_locked(_: &SharePath, _: &State) -> bool {
    false
}
