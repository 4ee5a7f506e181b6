//! A build without shared rooms: `wharf serve` has no flag for them.

use clap::Args;

use super::exit::Failure;
use crate::server::SharedAddress;

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
