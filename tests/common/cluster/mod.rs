//! Several servers of one folder behind HAProxy, and clients that use them while servers end. The tests assert what
//! these clients observe, and `cargo bench --bench cluster` measures it.

pub mod chat;
pub mod client;
pub mod killed;
pub mod rolling;
pub mod savers;
pub mod transfer;
pub mod visitors;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use hdrhistogram::Histogram;
use rustix::process::Signal;
use tempfile::TempDir;

use super::{PATIENCE, ReverseProxy, Tls, Wharf, eventually, replaced, with_addresses};

/// The names of the servers in `deploy/cluster/haproxy.cfg`.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// How many servers there are.
pub const SERVERS: usize = NAMES.len();

/// How long a restart takes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// `--drain`, in seconds.
    pub drain: &'static str,
    /// The time between two checks of HAProxy.
    pub checks: &'static str,
}

impl Pace {
    /// The times in `deploy/cluster/`.
    pub const OF_DEPLOY: Self = Self { drain: "4", checks: "1s" };
    pub const SHORT: Self = Self { drain: "1", checks: "200ms" };
}

/// What a cluster is made of.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    pub pace: Pace,
    /// The address of the store of the shared room.
    pub shared: Option<&'a str>,
    /// Another version of the program, which all servers have until they are restarted.
    pub earlier: Option<&'a Path>,
}

/// Three servers, and HAProxy.
pub struct Cluster {
    servers: Vec<Wharf>,
    proxy: ReverseProxy,
    pace: Pace,
    shared: Option<String>,
    folder: TempDir,
    /// A directory with the socket at which HAProxy says which servers it uses.
    control: TempDir,
}

impl Cluster {
    /// Starts them, and waits until HAProxy uses each server. `None` if HAProxy is not installed.
    pub fn start(plan: Plan<'_>) -> Option<Self> {
        let [folder, control] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let shared = plan.shared.map(str::to_owned);
        let servers: Vec<_> = (0..SERVERS)
            .map(|_| serve(folder.path(), plan.pace, shared.as_deref(), plan.earlier, 0))
            .collect();
        let text = with_addresses("cluster/haproxy.cfg", servers.iter().map(Wharf::address));
        let text = replaced(&text, "inter 1s", &format!("inter {}", plan.pace.checks));
        let control_socket = socket_in(&control);
        let text = format!("global\n    stats socket {}\n{text}", control_socket.display());
        let proxy = ReverseProxy::haproxy_with(&text, Tls::Off)?;
        let cluster = Self { servers, proxy, pace: plan.pace, shared, folder, control };
        (0..SERVERS).for_each(|index| cluster.is_used(index));
        Some(cluster)
    }

    /// The address of HAProxy.
    pub fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    /// The URL of HAProxy.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address())
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn servers(&self) -> &[Wharf] {
        &self.servers
    }

    pub fn proxy(&self) -> &ReverseProxy {
        &self.proxy
    }

    /// Restarts a server as an operator does, and waits until HAProxy uses it again.
    pub fn restart(&mut self, index: usize) {
        self.end(index, Signal::TERM);
    }

    /// Kills a server, starts it again, and waits until HAProxy uses it again.
    pub fn kill(&mut self, index: usize) {
        self.end(index, Signal::KILL);
    }

    fn end(&mut self, index: usize, signal: Signal) {
        let server = &mut self.servers[index];
        server.signal(signal);
        let (_, status) = server.wait();
        assert!(signal == Signal::KILL || status.success(), "{status}: {}", server.log());
        let port = server.address().port();
        *server = serve(self.folder.path(), self.pace, self.shared.as_deref(), None, port);
        self.is_used(index);
    }

    /// Waits until HAProxy uses this server, and until it follows the shared room.
    fn is_used(&self, index: usize) {
        if self.shared.is_some() {
            eventually("it follows the room", || {
                self.servers[index].log().contains("follows the shared room")
            });
        }
        let beginning = format!("wharf,{},", NAMES[index]);
        eventually("HAProxy uses it", || {
            let states = self.states();
            let line = states.lines().find(|line| line.starts_with(&beginning));
            line.and_then(|line| line.split(',').nth(17)).is_some_and(|state| state.starts_with("UP"))
        });
    }

    /// One line for each server, with values that are separated by commas. The state is the 18th. There are none until
    /// HAProxy listens at its socket.
    fn states(&self) -> String {
        let mut states = String::new();
        if let Ok(mut control) = UnixStream::connect(socket_in(&self.control)) {
            control.write_all(b"show stat\n").expect("sent");
            control.read_to_string(&mut states).expect("text");
        }
        states
    }
}

/// An empty histogram for times in microseconds. It has bounds: one that resizes itself loses values that are recorded with
/// saturation.
pub fn histogram() -> Histogram<u64> {
    const LONGEST: u64 = 2 * PATIENCE.as_micros() as u64;
    Histogram::new_with_bounds(1, LONGEST, 3).expect("valid bounds")
}

fn socket_in(control: &TempDir) -> PathBuf {
    control.path().join("control.sock")
}

/// Starts a server with the flags that `deploy/cluster/haproxy.cfg` names, at this port; 0 picks one.
fn serve(folder: &Path, pace: Pace, shared: Option<&str>, version: Option<&Path>, port: u16) -> Wharf {
    let port = port.to_string();
    let mut flags = vec!["--port", &port, "--trust-proxy", "127.0.0.1", "--host", "files.example"];
    flags.extend([
        "--timeout",
        "75",
        "--drain",
        pace.drain,
        "--grace",
        "60",
        "--allow",
        "everyone=edit,chat",
    ]);
    // Each server would keep the versions that others have written: tens of thousands of files to remove at the end.
    flags.extend(["--trash", "off"]);
    flags.extend(shared.into_iter().flat_map(|url| ["--shared", url]));
    let mut program = Command::new("env");
    // A line for each request would make the log too large to be searched.
    program.arg("RUST_LOG=warn,wharf::cli=info,wharf::server::room_reader=info");
    if let Some(version) = version {
        // Runs this version instead of the program that follows.
        program.args(["sh", "-c", "shift; exec \"$0\" \"$@\""]).arg(version);
    }
    Wharf::serve_folder_by(program, folder, &flags)
}
