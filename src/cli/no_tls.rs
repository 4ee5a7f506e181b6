//! A build without TLS: `wharf serve` has no flags about it.

use clap::Args;

use super::exit::Failure;
use crate::server::{Config, Tls};

/// No flags.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct TlsArgs {}

impl TlsArgs {
    /// There are no certificates.
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    pub(super) fn read(&self, _: &Config) -> Result<Option<Tls>, Failure> {
        Ok(None)
    }
}
