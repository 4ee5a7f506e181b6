//! A build without WebDAV: there are no locks.

use crate::access::{Grant, Principal, ToWrite};
use crate::blocking::Blocking;
use crate::path::SharePath;
use crate::server::intent::{ChangeRefused, IntendedChange};
use crate::server::lock_tokens::SubmittedTokens;
use crate::server::response::Response;
use crate::server::state::State;

/// A place without locks.
#[derive(Debug)]
#[must_use]
pub(super) struct UnlockedPlace;

#[allow(clippy::unused_self, reason = "they stand for methods that need it")]
impl UnlockedPlace {
    /// Nothing is locked.
    #[allow(clippy::unnecessary_wraps, reason = "it stands for a function that may fail")]
    pub(super) fn also(
        &self,
        _: &IntendedChange<'_>,
        _: &State,
        _: Blocking<'_>,
    ) -> Result<Self, ChangeRefused> {
        Ok(Self)
    }

    /// There is nothing to end.
    pub(super) fn end_locks(&self, _: &State, _: Blocking<'_>) {}
}

/// Nothing is locked.
#[allow(clippy::unnecessary_wraps, reason = "it stands for a function that may fail")]
pub(super) fn ensure_unlocked(
    _: &IntendedChange<'_>,
    _: &State,
    _: Blocking<'_>,
) -> Result<UnlockedPlace, ChangeRefused> {
    Ok(UnlockedPlace)
}

/// No LOCK has made an empty file.
#[allow(clippy::unnecessary_wraps, reason = "it stands for a function that may fail")]
pub(super) fn make_room(
    _: &Grant<'_, ToWrite>,
    _: &SubmittedTokens,
    _: impl FnOnce() -> Result<(), Response>,
    _: &State,
    _: Blocking<'_>,
) -> Result<bool, Response> {
    Ok(false)
}

/// No path is looked for in another form.
pub(super) fn stored_form(_: &SharePath, _: &Principal, _: &State, _: Blocking<'_>) -> Option<SharePath> {
    None
}
