//! The servers: each with its documented setup for WebDAV, and without an access log.

use std::path::Path;

use super::client::Client;
use super::peers::Result;
use super::peers::server::{PLAIN, Program, Running, Server};
use super::{Settings, common};

/// The names of the servers.
pub const WHARF: &str = "wharf";
pub const WITHOUT_SYNC: &str = "wharf --no-sync";
pub const NGINX: &str = "nginx";
pub const LIGHTTPD: &str = "lighttpd";
pub const APACHE: &str = "Apache";
pub const RCLONE: &str = "rclone";

/// Everybody may save, also by a rename. No connection ends during a measurement.
const OURS: Server = Server {
    name: WHARF,
    arguments: &[
        "serve",
        "@ROOT@",
        "--port=@PORT@",
        "--allow=everyone=edit",
        "--idle-exit=never",
        "--timeout=120",
        "--log-file=@SCRATCH@/access.log",
    ],
    ..PLAIN
};

const fn on_path(
    name: &'static str,
    program: &'static str,
    config: &'static str,
    arguments: &'static [&'static str],
) -> Server {
    Server { name, program: Program::OnPath(program), config, arguments, ..PLAIN }
}

/// The others, with the packages of Debian that have them.
const PEERS: [(Server, &str); 4] = [
    (
        on_path(NGINX, "nginx", include_str!("nginx.conf"), &["-c", "@CONFIG@", "-e", "@SCRATCH@/error.log"]),
        "nginx libnginx-mod-http-dav-ext",
    ),
    (
        on_path(LIGHTTPD, "lighttpd", include_str!("lighttpd.conf"), &["-D", "-f", "@CONFIG@"]),
        "lighttpd lighttpd-mod-webdav",
    ),
    (
        on_path(APACHE, "apache2", include_str!("apache.conf"), &["-D", "FOREGROUND", "-f", "@CONFIG@"]),
        "apache2",
    ),
    (
        on_path(
            RCLONE,
            "rclone",
            "",
            &[
                "serve",
                "webdav",
                "@ROOT@",
                "--addr=127.0.0.1:@PORT@",
                "--config=@SCRATCH@/rclone.conf",
                "--cache-dir=@SCRATCH@/cache",
            ],
        ),
        "rclone",
    ),
];

/// Those of these servers that are installed. The others are named.
pub fn chosen(settings: &Settings, names: &[&str]) -> Vec<Server> {
    let binaries = common::binaries(settings.binary.as_slice());
    // As long as the program runs, like the other names.
    let path = binaries.first().and_then(|path| std::path::absolute(path).ok()).unwrap_or_default();
    let ours = Program::OnPath(path.to_string_lossy().into_owned().leak());
    let wharf = Server { program: ours, ..OURS };
    let without_sync =
        Server { name: WITHOUT_SYNC, quiet: &["--no-sync"], ..Server { program: ours, ..OURS } };
    let mut servers: Vec<_> =
        [wharf, without_sync].into_iter().filter(|server| names.contains(&server.name)).collect();
    for (server, packages) in PEERS.into_iter().filter(|(server, _)| names.contains(&server.name)) {
        if server.program.path().is_some() {
            servers.push(server);
        } else {
            println!("SKIPPED: {} is not installed (apt-get install {packages})", server.name);
        }
    }
    servers
}

/// Their names.
pub fn names(servers: &[Server]) -> Vec<&'static str> {
    servers.iter().map(|server| server.name).collect()
}

/// Starts a server with this folder, and waits for its first response.
pub fn start(server: &Server, root: &Path) -> Result<Running> {
    server.start_and_wait(root, false, |port| {
        Client::connect(port).and_then(|mut client| client.ask("OPTIONS", "/", "", b"")).is_ok()
    })
}
