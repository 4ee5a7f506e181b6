//! A build without TLS: `wharf serve` has no TLS flags.

use clap::Args;

use super::exit::Failure;
use super::state::StateArgs;
use crate::server::{Config, Tls};

/// No flags.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct TlsArgs {}

impl TlsArgs {
    /// There is none.
    #[allow(clippy::unused_self)]
    pub(super) fn origins(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// There is nothing to keep.
    #[allow(clippy::unused_self)]
    pub(super) fn keeps_state(&self) -> bool {
        false
    }

    /// There are no certificates.
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    pub(super) fn read(&self, _: &StateArgs, _: &Config) -> Result<Option<Tls>, Failure> {
        Ok(None)
    }
}
