//! The servers: how each is started so that they are comparable, and when it is ready.
//!
//! Configurations are in files beside this one, with a reason at each line; arguments are in the table below.
//! In both, `@PORT@` is a free port, `@ROOT@` the shared folder, `@SCRATCH@` a directory for the server's own
//! files. Lines that begin with `@log-on`, `@log-off` or `@cached` apply only in that mode.

use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Result;
use super::exchange::Exchange;
use super::folder;
use super::process::{Group, Usage};

/// How long a server may take until it responds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The interval between two polls until it has started: a fraction of the fastest start.
const PULSE: Duration = Duration::from_micros(200);

/// Where Debian installs servers, which is not in everyone's path.
const SYSTEM_PROGRAMS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// A server, and how to start it.
#[derive(Debug)]
pub struct Server {
    /// Its name in the tables.
    pub name: &'static str,
    /// The program.
    pub program: Program,
    /// The template of the file `@CONFIG@`; empty for none.
    pub config: &'static str,
    /// Whether lines that begin with `@cached` apply.
    pub is_cached: bool,
    /// Its arguments.
    pub arguments: &'static [&'static str],
    /// Arguments that disable the access log.
    pub quiet: &'static [&'static str],
    /// Arguments that enable the access log.
    pub logging: &'static [&'static str],
    /// How it accepts uploads.
    pub uploads: Uploads,
}

/// The program's location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The build of this run.
    Ours,
    /// By its name, in the path; or by its own path, which begins with `/`.
    OnPath(&'static str),
}

/// How a server accepts uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uploads {
    /// Not at all.
    None,
    /// By PUT.
    Put,
    /// By a browser's form, at this path.
    Form(&'static str),
}

/// A running server. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    group: Group,
    /// Its port.
    pub port: u16,
    /// The time from its start to its first complete response.
    pub started_in: Duration,
    _scratch: TempDir,
}

/// A template for the servers.
pub const PLAIN: Server = Server {
    name: "",
    program: Program::Ours,
    config: "",
    is_cached: false,
    arguments: &[],
    quiet: &[],
    logging: &[],
    uploads: Uploads::None,
};

/// wharf with its defaults, except that no connection is closed during a measurement.
const WHARF: Server = Server {
    name: "wharf",
    arguments: &[
        "serve",
        "@ROOT@",
        "--port=@PORT@",
        "--idle-exit=never",
        "--timeout=120",
        "--max-connections=20000",
        "--log-file=@SCRATCH@/access.log",
    ],
    uploads: Uploads::Put,
    ..PLAIN
};

const NGINX: Server = Server {
    name: "nginx",
    program: Program::OnPath("nginx"),
    config: include_str!("nginx.conf"),
    arguments: &["-c", "@CONFIG@", "-e", "@SCRATCH@/error.log"],
    uploads: Uploads::Put,
    ..PLAIN
};

/// The HTTP servers.
pub const SERVERS: &[Server] = &[
    WHARF,
    NGINX,
    Server { name: "nginx-cache", is_cached: true, uploads: Uploads::None, ..NGINX },
    Server {
        name: "lighttpd",
        program: Program::OnPath("lighttpd"),
        config: include_str!("lighttpd.conf"),
        arguments: &["-D", "-f", "@CONFIG@"],
        ..PLAIN
    },
    Server {
        name: "h2o",
        program: Program::OnPath("h2o"),
        config: include_str!("h2o.conf"),
        arguments: &["-m", "worker", "-c", "@CONFIG@"],
        ..PLAIN
    },
    Server {
        name: "caddy",
        program: Program::OnPath("caddy"),
        config: include_str!("caddy.conf"),
        arguments: &["run", "--adapter", "caddyfile", "--config", "@CONFIG@"],
        ..PLAIN
    },
    // -c: it takes 32 connections by default.
    Server {
        name: "webfs",
        program: Program::OnPath("webfsd"),
        arguments: &[
            "-F",
            "-4",
            "-i",
            "127.0.0.1",
            "-p",
            "@PORT@",
            "-r",
            "@ROOT@",
            "-c",
            "20000",
            "-t",
            "120",
        ],
        logging: &["-l", "@SCRATCH@/access.log"],
        ..PLAIN
    },
    // It always writes an access log; here, to `/dev/null`.
    Server {
        name: "python",
        program: Program::OnPath("python3"),
        arguments: &[
            "-m",
            "http.server",
            "--protocol=HTTP/1.1",
            "--bind=127.0.0.1",
            "--directory=@ROOT@",
            "@PORT@",
        ],
        ..PLAIN
    },
    // Compression is on by default; the other servers here do not compress.
    Server {
        name: "static-web-server",
        program: Program::OnPath("static-web-server"),
        arguments: &[
            "--host=127.0.0.1",
            "--port=@PORT@",
            "--root=@ROOT@",
            "--directory-listing=true",
            "--compression=false",
        ],
        quiet: &["--log-level=error"],
        logging: &["--log-level=info"],
        ..PLAIN
    },
    Server {
        name: "miniserve",
        program: Program::OnPath("miniserve"),
        arguments: &["--interfaces=127.0.0.1", "--port=@PORT@", "--upload-files", "--", "@ROOT@"],
        uploads: Uploads::Form("/upload?path=/up"),
        ..PLAIN
    },
    Server {
        name: "dufs",
        program: Program::OnPath("dufs"),
        arguments: &["--bind=127.0.0.1", "--port=@PORT@", "--allow-upload", "@ROOT@"],
        quiet: &["--log-format="],
        uploads: Uploads::Put,
        ..PLAIN
    },
];

/// Takes part in uploads only. No other server syncs, so the other servers are compared with this one.
pub const WITHOUT_SYNC: Server =
    Server { name: "wharf-nosync", quiet: &["--no-sync"], logging: &["--no-sync"], ..WHARF };

/// The TFTP servers. tftpd-hpa changes its root directory, so it must be started by root.
pub const TFTP_SERVERS: &[Server] = &[
    Server { quiet: &["--udp=@PORT@"], logging: &["--udp=@PORT@"], ..WHARF },
    Server {
        name: "tftpd-hpa",
        program: Program::OnPath("in.tftpd"),
        arguments: &["-L", "-s", "-a", "127.0.0.1:@PORT@", "@ROOT@"],
        ..PLAIN
    },
];

impl Program {
    /// Its path, if it is installed.
    pub fn path(self) -> Option<PathBuf> {
        match self {
            Self::Ours => Some(env!("CARGO_BIN_EXE_wharf").into()),
            Self::OnPath(name) => {
                let path = env::var_os("PATH").unwrap_or_default();
                let folders = env::split_paths(&path).chain(SYSTEM_PROGRAMS.map(PathBuf::from));
                folders.map(|folder| folder.join(name)).find(|program| program.is_file())
            }
        }
    }
}

impl Server {
    /// Starts it with this folder, and waits for its first HTTP response.
    pub fn start(&self, root: &Path, logs: bool) -> Result<Running> {
        self.start_and_wait(root, logs, |port| {
            Exchange::connect(port)
                .map_err(Into::into)
                .and_then(|mut exchange| exchange.get("/1k.txt", &[]))
                .is_ok()
        })
    }

    /// Starts it with this folder, and waits until `is_ready`, which gets its port, returns true.
    pub fn start_and_wait(&self, root: &Path, logs: bool, is_ready: impl Fn(u16) -> bool) -> Result<Running> {
        let scratch = folder::scratch()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = self.command(root, scratch.path(), port, logs)?;
        let start = Instant::now();
        let group = Group::start(&mut command)?;
        while !is_ready(port) {
            if group.has_ended() || start.elapsed() > PATIENCE {
                return Err(format!("did not start: {}", last_words(scratch.path())).into());
            }
            thread::sleep(PULSE);
        }
        Ok(Running { group, port, started_in: start.elapsed(), _scratch: scratch })
    }

    fn command(&self, root: &Path, scratch: &Path, port: u16, logs: bool) -> Result<Command> {
        let program = self.program.path().ok_or("not installed")?;
        let config = scratch.join("config");
        let fill = |text: &str| {
            text.replace("@PORT@", &port.to_string())
                .replace("@ROOT@", &root.to_string_lossy())
                .replace("@SCRATCH@", &scratch.to_string_lossy())
                .replace("@CONFIG@", &config.to_string_lossy())
        };
        fs::write(&config, fill(&self.configuration(logs)))?;
        let more = if logs { self.logging } else { self.quiet };
        let mut command = Command::new(program);
        command
            .args(self.arguments.iter().chain(more).map(|argument| fill(argument)))
            .env("RUST_LOG", if logs { "info" } else { "warn" })
            // Caddy stores its last configuration here.
            .env("XDG_CONFIG_HOME", scratch)
            .current_dir(scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(scratch.join("stderr"))?);
        Ok(command)
    }

    /// The lines of its configuration that apply.
    fn configuration(&self, logs: bool) -> String {
        let wanted = [("@log-on", logs), ("@log-off", !logs), ("@cached", self.is_cached)];
        let counts =
            |line: &&str| wanted.iter().all(|(mark, is_wanted)| *is_wanted || !line.starts_with(mark));
        let lines = self.config.lines().filter(counts).map(|line| {
            wanted.iter().find_map(|(mark, _)| line.strip_prefix(mark)).map_or(line, str::trim_start)
        });
        lines.collect::<Vec<_>>().join("\n") + "\n"
    }
}

impl Running {
    /// The resources that it has used so far.
    pub fn usage(&self) -> Result<Usage> {
        self.group.usage()
    }
}

/// The output of a server that did not start: its first line about an error, or else its last.
fn last_words(scratch: &Path) -> String {
    let mut said = String::new();
    for name in ["stderr", "error.log"] {
        let log = File::open(scratch.join(name));
        // Output that is not text is ignored.
        let _ = log.and_then(|mut log| log.read_to_string(&mut said));
    }
    let error = said.lines().find(|line| line.to_ascii_lowercase().contains("error"));
    let last = || said.lines().rfind(|line| !line.trim().is_empty());
    error.or_else(last).unwrap_or("no output").trim().to_owned()
}
