//! `wharf serve --qr`: the server's URL as a QR code.

use std::io::{self, IsTerminal as _};

use clap::Args;

use crate::qr::{self, Colours};
use crate::server::Server;

/// The flags of `wharf serve` about QR codes.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct QrArgs {
    /// Also show the URL as a QR code, for a phone
    #[arg(long)]
    qr: bool,
}

impl QrArgs {
    /// The URL as a QR code, if it was asked for; also if stdout is a file or a pipe: its reader may show it in a terminal.
    pub(super) fn code(self, server: &Server) -> Option<String> {
        if !self.qr {
            return None;
        }
        let is_coloured = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let colours = if is_coloured { Colours::Taken } else { Colours::Refused };
        Some(match server.url().and_then(|url| Some((qr::lines(&url, colours)?, url))) {
            Some((mut lines, url)) => {
                lines.extend([url, String::new()]);
                lines.join("\n")
            }
            None => "There is no QR code: nothing is served over TCP.\n".to_owned(),
        })
    }
}
