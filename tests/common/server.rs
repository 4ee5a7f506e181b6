//! A server of the real binary.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::tls::tls_flags;
use super::{Running, Wire, eventually};

const BINARY: &str = env!("CARGO_BIN_EXE_wharf");

/// A running `wharf serve`.
pub struct Wharf {
    child: Running,
    place: TempDir,
    address: SocketAddr,
    /// Whether it serves over TLS.
    has_tls: bool,
    /// The address of its TFTP listener, once it was needed.
    tftp: OnceLock<SocketAddr>,
    /// What it printed up to its address.
    greeting: String,
    stdout: Option<BufReader<std::process::ChildStdout>>,
}

/// The result of a program that ran to its end.
#[derive(Debug)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
}

impl Wharf {
    /// Serves a new, empty folder on a free port, with these additional flags.
    pub fn serve(flags: &[&str]) -> Self {
        Self::serve_in(tempfile::tempdir().expect("a folder"), flags)
    }

    /// Serves the folder of a server that has ended.
    pub fn serve_in(place: TempDir, flags: &[&str]) -> Self {
        Self::start(Command::new(BINARY), place, flags)
    }

    /// Like [`Wharf::serve`], with this variable in its environment.
    #[cfg(feature = "accounts")]
    pub fn serve_with_variable(name: &str, value: &str, flags: &[&str]) -> Self {
        let mut command = Command::new(BINARY);
        command.env(name, value);
        Self::start(command, tempfile::tempdir().expect("a folder"), flags)
    }

    /// Like [`Wharf::serve`], for a folder `release` that is reached through a symlink.
    pub fn serve_behind_link(flags: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        fs::create_dir(place.path().join("release")).expect("a folder");
        std::os::unix::fs::symlink("release", place.path().join("share")).expect("a link");
        Self::serve_in(place, flags)
    }

    /// Serves a folder that other servers also use.
    pub fn serve_folder(folder: &Path, flags: &[&str]) -> Self {
        Self::serve_folder_by(Command::new("env"), folder, flags)
    }

    /// Like [`Wharf::serve_folder`], run by another program.
    pub fn serve_folder_by(program: Command, folder: &Path, flags: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        std::os::unix::fs::symlink(folder, place.path().join("share")).expect("linked");
        Self::serve_by(program, place, flags)
    }

    /// Like [`Wharf::serve`], from a shell that has run this command first, such as `ulimit -n 40`.
    pub fn serve_after(shell: &str, flags: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\""), BINARY]);
        Self::start(command, tempfile::tempdir().expect("a folder"), flags)
    }

    /// Like [`Wharf::serve_in`], run by another program whose own arguments come first, such as `strace -D`.
    pub fn serve_by(mut program: Command, place: TempDir, flags: &[&str]) -> Self {
        program.arg(BINARY);
        Self::start(program, place, flags)
    }

    fn start(mut command: Command, place: TempDir, flags: &[&str]) -> Self {
        fs::create_dir_all(place.path().join("share")).expect("a folder");
        let log =
            fs::File::options().create(true).append(true).open(place.path().join("log")).expect("a log");
        command.arg("serve").arg(place.path().join("share"));
        if !flags.contains(&"--port") {
            command.args(["--port", "0"]);
        }
        if !flags.contains(&"--idle-exit") {
            command.args(["--idle-exit", "never"]);
        }
        let tls = if flags.contains(&"--tls-cert") { Vec::new() } else { tls_flags() };
        command
            .args(flags)
            .args(tls)
            .env("RUST_LOG", "debug")
            .env("XDG_CACHE_HOME", place.path().join("cache"))
            .env_remove("SERVER_SHARED_FILES")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut begun = None;
        eventually("it serves", || {
            let mut child = Running::start(&mut command);
            let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
            let (greeting, address) = greeting(&mut stdout);
            if let Some(address) = address {
                begun = Some((child, stdout, greeting, address));
                return true;
            }
            // The port of a server that has ended may belong to another test for a while.
            let log = fs::read_to_string(place.path().join("log")).unwrap_or_default();
            assert!(log.contains("address already in use"), "it exited without an address:\n{greeting}{log}");
            false
        });
        let (child, stdout, greeting, address) = begun.expect("it serves");
        let has_tls = greeting.contains("https://");
        Self { child, place, address, has_tls, tftp: OnceLock::new(), greeting, stdout: Some(stdout) }
    }

    /// Its HTTP address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its TFTP address, for a server with `--udp 0`.
    pub fn tftp(&self) -> SocketAddr {
        let find =
            || Some(self.log().split_once(" at tftp://")?.1.lines().next()?.parse().expect("an address"));
        *self.tftp.get_or_init(|| {
            eventually("it serves TFTP", || find().is_some());
            find().expect("it was there")
        })
    }

    /// The URL of a target.
    pub fn url(&self, target: &str) -> String {
        format!("{}://{}{target}", if self.has_tls { "https" } else { "http" }, self.address)
    }

    /// The folder that it serves.
    pub fn folder(&self) -> PathBuf {
        self.place.path().join("share")
    }

    /// A folder beside the shared one, for files that clients must not reach.
    pub fn outside_folder(&self) -> PathBuf {
        let outside = self.place.path().join("outside");
        fs::create_dir_all(&outside).expect("a folder");
        outside
    }

    /// Writes a file to the folder, and creates its directories.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, content).expect("written");
        path
    }

    /// The content of a file in the folder.
    pub fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.folder().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Every file and directory below the folder, including hidden ones, by path. Three entries are left out: the trash, the
    /// file that servers lock, and the beats of servers.
    pub fn tree(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.folder(), &self.folder(), &mut found);
        found.retain(|name| !name.starts_with(".wharf/trash/") && !name.starts_with(".wharf/replicas/"));
        if found.iter().filter(|name| name.starts_with(".wharf/")).count() == 1 {
            found.retain(|name| name != ".wharf/");
        }
        let in_own = found.iter().filter(|name| name.starts_with(".wharf/")).count();
        if in_own == 2 && found.iter().any(|name| name == ".wharf/lock") {
            found.retain(|name| !name.starts_with(".wharf/"));
        }
        found.sort();
        found
    }

    /// The entries of the trash: their original paths and contents, sorted.
    pub fn trash(&self) -> Vec<(String, Vec<u8>)> {
        let trash = self.folder().join(".wharf/trash");
        let Ok(entries) = fs::read_dir(&trash) else { return Vec::new() };
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
        let ids: Vec<_> = names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect();
        let item = |id: String| {
            let record = fs::read(trash.join(format!("{id}.json"))).ok()?;
            let record: serde_json::Value = serde_json::from_slice(&record).ok()?;
            let path = record["path"].as_str().expect("text");
            let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
            let content = fs::read(trash.join(&id)).or_else(|_| fs::read(trash.join(format!("{id}.new"))));
            Some((path, content.ok()?))
        };
        let mut items: Vec<_> = ids.into_iter().filter_map(item).collect();
        items.sort();
        items
    }

    /// Waits until every file in the folder is old enough for the server to cache it.
    pub fn files_age(&self) {
        const AGE: Duration = Duration::from_millis(1050);
        let newest = || {
            let paths = self.tree().into_iter().map(|name| self.folder().join(name));
            let metadata = paths.filter_map(|path| fs::metadata(path).ok()).filter(fs::Metadata::is_file);
            let changed = |of: fs::Metadata| {
                Duration::from_secs(of.ctime().unsigned_abs())
                    + Duration::from_nanos(of.ctime_nsec().unsigned_abs())
            };
            metadata.map(changed).max()
        };
        eventually("the files are older", || {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after the epoch");
            newest().is_none_or(|newest| now.saturating_sub(newest) > AGE)
        });
    }

    /// Waits until another idle server with this `--idle-exit` has exited: this server would have exited by
    /// then, too.
    pub fn outlasts_an_idle_one(&mut self, limit: &str) {
        let (_, status) = Self::serve(&["--idle-exit", limit]).wait();
        assert!(status.success(), "{status}");
        self.stays();
    }

    /// Fails if it has exited, or is about to.
    pub fn stays(&mut self) {
        assert!(self.ended().is_none() && !self.log().contains("no request for"), "{}", self.log());
    }

    /// A new connection to the server.
    pub fn connect(&self) -> Wire {
        self.over(TcpStream::connect(self.address).expect("a connection"))
    }

    /// A connection to the server over this TCP connection; with TLS, if the server has TLS.
    #[cfg_attr(not(feature = "tls"), expect(clippy::unused_self, reason = "only TLS has to be known"))]
    pub fn over(&self, stream: TcpStream) -> Wire {
        let wire = Wire::over(stream);
        #[cfg(feature = "tls")]
        let wire = if self.has_tls { wire.encrypted() } else { wire };
        wire
    }

    /// Sends one request on a new connection; `Host` is added.
    pub fn ask(&self, method: &str, target: &str, fields: &str, body: &[u8]) -> super::Answer {
        self.connect().ask(method, target, fields, body)
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("log")).unwrap_or_default()
    }

    /// Its log, including everything that was logged before this call: lines are written a moment later, in
    /// order.
    pub fn settled_log(&self) -> String {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        let last = format!("/.wharf/health?settled={}.", CALLS.fetch_add(1, Ordering::Relaxed));
        assert_eq!(self.ask("GET", &last, "", b"").code(), 200);
        eventually("the log is written", || self.log().contains(&last));
        self.log()
    }

    /// The client of each logged request that starts with this text, once there are this many. A request is
    /// logged after its response has been sent, so the client may receive the response first.
    pub fn peers_of(&self, beginning: &str, count: usize) -> Vec<String> {
        let noted = format!(" \"{beginning}");
        let mut peers = Vec::new();
        eventually(&format!("{count} requests are logged"), || {
            let log = self.log();
            let lines = log.lines().filter_map(|line| line.split_once(&noted)?.0.split_whitespace().last());
            peers = lines.map(str::to_owned).collect();
            peers.len() >= count
        });
        assert_eq!(peers.len(), count, "{peers:?}");
        peers
    }

    /// What it printed first.
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Its process ID.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// A line of `/proc/PID/status`, as a number: `VmRSS` (in KB), `Threads`.
    pub fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with(name)).expect("such a line");
        line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number")
    }

    /// How many descriptors it has open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    /// Waits until it is idle: everything that has arrived at its sockets has been handled by then.
    pub fn comes_to_rest(&self) {
        self.child.comes_to_rest();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// Waits for its end; returns what it printed after its address, and its exit status.
    pub fn wait(&mut self) -> (String, ExitStatus) {
        eventually("the server ends", || self.child.try_wait().expect("a child").is_some());
        let mut rest = String::new();
        if let Some(mut stdout) = self.stdout.take() {
            stdout.read_to_string(&mut rest).expect("text");
        }
        (rest, self.child.wait().expect("a child"))
    }

    /// Kills it, and returns its folder for the next server.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().expect("killed");
        self.child.wait().expect("a child");
        std::mem::replace(&mut self.place, tempfile::tempdir().expect("a folder"))
    }
}

impl Drop for Wharf {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the folder: {:?}", self.tree());
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(60).collect();
            eprintln!("--- the end of its log:");
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

/// What a server prints up to its address; there is no address if it exited.
fn greeting(stdout: &mut impl BufRead) -> (String, Option<SocketAddr>) {
    let mut greeting = String::new();
    loop {
        let start = greeting.len();
        if stdout.read_line(&mut greeting).expect("readable") == 0 {
            return (greeting, None);
        }
        let line = greeting[start..].trim();
        if let Some(address) = line.strip_prefix("http://").or(line.strip_prefix("https://")) {
            let address = address.split('/').next().and_then(|address| address.parse().ok());
            return (greeting, Some(address.expect("an address")));
        }
    }
}

fn walk(root: &Path, dir: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
        found.push(if is_directory { format!("{name}/") } else { name });
        if is_directory {
            walk(root, &path, found);
        }
    }
}

/// Runs the binary to its end in this directory, with this input.
pub fn run(arguments: &[&str], input: &str, directory: &Path) -> Output {
    run_with(arguments, input, directory, &[])
}

/// Like [`run`], with these environment variables.
pub fn run_with(arguments: &[&str], input: &str, directory: &Path, variables: &[(&str, String)]) -> Output {
    let mut child = Running::start(
        Command::new(BINARY)
            .args(arguments)
            .current_dir(directory)
            .env("XDG_STATE_HOME", directory.join(".state"))
            .env_remove("SERVER_SHARED_FILES")
            // The tester's own logins.
            .env("NETRC", "/dev/null")
            .env_remove("WHARF_TOKEN")
            .envs(variables.iter().map(|(name, value)| (*name, value.as_str())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    // It may end before it has read everything.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.output();
    Output {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code(),
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Copies a directory's contents into another directory, which is created.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(source, target).expect("copied");
        }
    }
}

/// Pseudo-random bytes without a short period, the same for the same seed.
pub fn sample(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
