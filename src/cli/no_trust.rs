//! A build without TLS: no flags about certificates.

use std::process::ExitCode;

use clap::Args;

/// No flags.
#[derive(Debug, Args)]
pub(super) struct TrustArgs {}

impl TrustArgs {
    // The build with TLS may fail.
    #[allow(clippy::unnecessary_wraps, clippy::unused_self)]
    pub(super) fn apply(&self) -> Result<(), ExitCode> {
        Ok(())
    }
}
