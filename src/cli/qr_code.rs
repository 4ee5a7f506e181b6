//! `wharf serve --qr`: the server's URL as a QR code.

use std::io::{self, IsTerminal as _};
use std::net::{IpAddr, SocketAddr};

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

/// Printed below a code that is of no use to a phone.
const ON_LOOPBACK: &str = "No phone can reach this address (--ip 0.0.0.0 shares with the network).";

impl QrArgs {
    /// The URL as a QR code, if `--qr` was given. It is printed to a file or a pipe too, because the reader may show it
    /// in a terminal.
    pub(super) fn code(self, server: &Server) -> Option<String> {
        if !self.qr {
            return None;
        }
        let is_coloured = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let colours = if is_coloured { Colours::Taken } else { Colours::Refused };
        let Some((mut lines, url)) = server.url().and_then(|url| Some((qr::lines(&url, colours)?, url)))
        else {
            return Some("There is no QR code: nothing is served over TCP.\n".to_owned());
        };
        lines.push(match network_host(&url) {
            Some(host) => format!("Scan it with a phone on the same network as {host}."),
            None => ON_LOOPBACK.to_owned(),
        });
        Some(lines.join("\n") + "\n")
    }
}

/// The code of a link, for a terminal; `None` if the link is too long.
#[cfg(feature = "accounts")]
pub(super) fn lines(link: &str) -> Option<Vec<String>> {
    let has_colours = std::env::var_os("NO_COLOR").is_none();
    qr::lines(link, if has_colours { Colours::Taken } else { Colours::Refused })
}

/// The IP address of a URL; `None` if only this machine can reach it.
fn network_host(url: &str) -> Option<IpAddr> {
    let authority = url.split_once("://")?.1.trim_end_matches('/');
    let ip = authority.parse::<SocketAddr>().ok()?.ip();
    (!ip.is_loopback()).then_some(ip)
}
