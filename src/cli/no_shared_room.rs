//! A build without shared rooms: `wharf serve` has no flag for them.

use clap::Args;

use super::exit::Failure;
#[cfg(feature = "accounts")]
use crate::accounts::records::Records;
#[cfg(feature = "accounts")]
use crate::blocking::Blocking;
use crate::server::SharedAddress;
#[cfg(feature = "accounts")]
use crate::server::StoredAttempts;

/// No flag.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct SharedArgs {}

#[allow(clippy::unused_self, clippy::unnecessary_wraps)]
impl SharedArgs {
    /// There is nothing to take.
    pub(super) fn take_variable(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// There is none.
    pub(super) fn address(&self, _: bool, _: bool) -> Result<Option<SharedAddress>, Failure> {
        Ok(None)
    }
}

/// There is no address.
#[cfg(feature = "accounts")]
pub(super) fn records(
    address: SharedAddress,
    _: &str,
    _: bool,
    _: Blocking<'_>,
) -> Result<(Records, Option<StoredAttempts>), Failure> {
    match address {}
}
