//! A build without WebDAV: there are no locks.

use crate::access::Principal;
use crate::path::SharePath;
use crate::server::lock_tokens::SubmittedTokens;
use crate::server::response::Response;
use crate::server::state::State;

/// Nothing is locked.
#[allow(clippy::unnecessary_wraps, reason = "it stands for a function that may fail")]
pub(super) fn ensure_unlocked(
    _: &SharePath,
    _: &SubmittedTokens,
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
