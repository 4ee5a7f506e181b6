//! A build without accounts and TLS: a server keeps nothing apart from the folder.

use clap::Args;

use super::exit::Failure;

/// No flag.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct StateArgs {}

impl StateArgs {
    /// It cannot be given.
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    pub(super) fn ensure_used(&self, _: bool) -> Result<(), Failure> {
        Ok(())
    }
}
