//! A build without QR codes: `wharf serve` has no `--qr`.

use clap::Args;

use crate::server::Server;

/// No flags.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct QrArgs {}

impl QrArgs {
    /// There is no code to print.
    #[allow(clippy::unused_self)]
    pub(super) fn code(self, _: &Server) -> Option<String> {
        None
    }
}

/// There is no code.
#[cfg(feature = "accounts")]
pub(super) fn lines(_: &str) -> Option<Vec<String>> {
    None
}
