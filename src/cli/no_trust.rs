//! A build without TLS: no flags about certificates.

use std::process::ExitCode;

use clap::Args;

/// No flags.
#[derive(Debug, Args)]
pub(super) struct TrustArgs {}

impl TrustArgs {
    // It can fail in the build with TLS.
    #[allow(clippy::unnecessary_wraps, clippy::unused_self)]
    pub(super) fn apply(&self) -> Result<(), ExitCode> {
        Ok(())
    }
}
