//! What `wharf serve` prints when it starts and when it stops.

use std::path::Path;
use std::time::Duration;

use crate::net::listener::ListenAddress;
use crate::net::reach::reached_at;
use crate::net::zone::authority;
use crate::printable::Printable;
use crate::server::{Base, Server};
use crate::stop::StopReason;

/// The value of `--idle-exit`.
#[derive(Debug, Clone, Copy)]
pub(super) enum IdleExit {
    After(Duration),
    Never,
}

/// Which folder is shared, at which URLs, who may do what, when wharf exits, and how to stop it.
pub(super) fn greeting(root: &Path, server: &Server, idle_exit: IdleExit, rights: String) -> String {
    let mut lines = vec![format!("wharf serves {}", Printable::path(root))];
    lines.extend(urls(server));
    // On a separate line, it fits into 80 columns and is easy to copy.
    lines.extend(
        server.fingerprint().map(|fingerprint| format!("Its certificate is self-signed:\n{fingerprint}")),
    );
    lines.push(rights);
    lines.push(match idle_exit {
        IdleExit::After(time) => {
            format!(
                "It exits after {} s without a request (--idle-exit never keeps it running).",
                time.as_secs_f64()
            )
        }
        IdleExit::Never => "It runs until it is stopped.".to_owned(),
    });
    lines.push("Ctrl-C stops it.\n".to_owned());
    lines.join("\n")
}

/// The URLs at which the server can be reached, each once.
pub(super) fn urls(server: &Server) -> Vec<String> {
    urls_at(server.addresses(), server.scheme(), server.base())
}

/// The URLs of listeners at these addresses.
pub(super) fn urls_at(
    addresses: impl IntoIterator<Item = ListenAddress>,
    scheme: &str,
    base: &Base,
) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for url in addresses.into_iter().flat_map(|address| urls_of(&address, scheme, base)) {
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    urls
}

/// The URL of a listener, or one for each address of the machine if it listens on all.
fn urls_of(address: &ListenAddress, scheme: &str, base: &Base) -> Vec<String> {
    let (scheme, address, path) = match address {
        ListenAddress::Tcp(address) => (scheme, address, shown(base)),
        ListenAddress::Udp(address) => ("tftp", address, String::new()),
        ListenAddress::Unix(_) => return vec![address.to_string()],
    };
    let url = |address| format!("{scheme}://{}{path}", authority(address));
    reached_at(*address).into_iter().map(url).collect()
}

/// The base at the end of a URL; a host alone needs no slash.
fn shown(base: &Base) -> String {
    if base.is_root() { String::new() } else { base.directory() }
}

/// Why the server stops.
pub(super) fn announcement(why: StopReason, idle_exit: IdleExit) -> String {
    let mut lines = String::new();
    if let (StopReason::Idle, IdleExit::After(time)) = (why, idle_exit) {
        log::info!("no request for {} s: exiting", time.as_secs_f64());
        lines = format!("No request for {} s.\n", time.as_secs_f64());
    }
    lines + "Shutting Down Server...\n"
}
