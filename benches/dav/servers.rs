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

/// The others, with the packages of Debian that have them.
const PEERS: [(Server, &str); 4] = [
    (
        Server {
            name: NGINX,
            program: Program::OnPath("nginx"),
            config: include_str!("nginx.conf"),
            arguments: &["-c", "@CONFIG@", "-e", "@SCRATCH@/error.log"],
            ..PLAIN
        },
        "nginx libnginx-mod-http-dav-ext",
    ),
    (
        Server {
            name: LIGHTTPD,
            program: Program::OnPath("lighttpd"),
            config: include_str!("lighttpd.conf"),
            arguments: &["-D", "-f", "@CONFIG@"],
            ..PLAIN
        },
        "lighttpd lighttpd-mod-webdav",
    ),
    (
        Server {
            name: APACHE,
            program: Program::OnPath("apache2"),
            config: include_str!("apache.conf"),
            arguments: &["-D", "FOREGROUND", "-f", "@CONFIG@"],
            ..PLAIN
        },
        "apache2",
    ),
    (
        Server {
            name: RCLONE,
            program: Program::OnPath("rclone"),
            arguments: &[
                "serve",
                "webdav",
                "@ROOT@",
                "--addr=127.0.0.1:@PORT@",
                "--config=@SCRATCH@/rclone.conf",
                "--cache-dir=@SCRATCH@/cache",
            ],
            ..PLAIN
        },
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
