//! Socket activation: another process holds the sockets, and servers start and exit.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

use crate::common::{PATIENCE, Running, Tftp, eventually, outside};

/// The servers' `--idle-exit`, and the same in seconds.
const IDLE: Duration = Duration::from_millis(150);
const IDLE_FLAG: &str = "0.15";

const REQUEST: &[u8] = b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Holds one socket of each kind, as systemd does, and starts a server whenever a client connects.
struct Supervisor {
    place: tempfile::TempDir,
    tcp: TcpListener,
    unix: UnixListener,
    udp: UdpSocket,
}

impl Supervisor {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        fs::create_dir(place.path().join("share")).expect("a folder");
        fs::write(place.path().join("share/a.txt"), "hello").expect("written");
        let unix = UnixListener::bind(place.path().join("s")).expect("bound");
        let tcp = TcpListener::bind("127.0.0.1:0").expect("bound");
        Self { tcp, unix, udp: UdpSocket::bind("127.0.0.1:0").expect("bound"), place }
    }

    fn address(&self) -> SocketAddr {
        self.tcp.local_addr().expect("an address")
    }

    fn tftp(&self) -> SocketAddr {
        self.udp.local_addr().expect("an address")
    }

    fn path(&self) -> PathBuf {
        self.place.path().join("s")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("log")).unwrap_or_default()
    }

    /// A server that inherits the sockets as its descriptors 3, 4 and 5.
    fn start(&self, flags: &[&str]) -> Running {
        let shell =
            "exec 3<&0 4<&1 5<&2 0</dev/null 1>>\"$LOG\" 2>&1; export LISTEN_FDS=3; exec \"$0\" \"$@\"";
        let share = self.place.path().join("share");
        Running::start(
            Command::new("sh")
                .args(["-c", shell, env!("CARGO_BIN_EXE_wharf"), "serve"])
                .arg(share)
                .args(flags)
                .env_remove("SERVER_SHARED_FILES")
                .stdin(OwnedFd::from(self.tcp.try_clone().expect("a descriptor")))
                .stdout(OwnedFd::from(self.unix.try_clone().expect("a descriptor")))
                .stderr(OwnedFd::from(self.udp.try_clone().expect("a descriptor")))
                .env("LOG", self.place.path().join("log")),
        )
    }

    /// Starts a server whenever a client waits at a socket and no server runs; returns how many were started.
    fn supervise(&self, is_over: &AtomicBool) -> usize {
        let mut starts = 0;
        let moment = Timespec::try_from(Duration::from_millis(20)).expect("a time");
        while !is_over.load(Ordering::Relaxed) {
            let mut sockets = [self.tcp.as_fd(), self.unix.as_fd(), self.udp.as_fd()]
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
            if poll(&mut sockets, Some(&moment)).expect("it waits") > 0 {
                let mut server = self.start(&["--idle-exit", IDLE_FLAG]);
                assert!(server.wait().expect("a child").success(), "{}", self.log());
                starts += 1;
            }
        }
        starts
    }
}

/// Stops the supervisor, also when the test fails; otherwise the test would wait for it forever.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The server's response to a request over this connection.
fn ask(mut stream: impl Read + Write) -> String {
    stream.write_all(REQUEST).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap_or_else(|error| panic!("after {answer:?}: {error}"));
    answer
}

/// Like [`ask`], over a new connection. The server closes a connection on which no request comes within its
/// limit; if this machine delayed the test for so long, it tries once more.
fn come_and_ask<S: Read + Write>(connect: impl Fn() -> S) -> String {
    loop {
        let come = Instant::now();
        let mut stream = connect();
        let sent = stream.write_all(REQUEST);
        let was_late = come.elapsed() > IDLE / 2;
        let mut answer = String::new();
        let heard = sent.and_then(|()| stream.read_to_string(&mut answer));
        match heard {
            Ok(1..) => return answer,
            _ if was_late && answer.is_empty() => {}
            lost => panic!("a request was lost: {lost:?}"),
        }
    }
}

fn ask_tcp(address: SocketAddr) -> String {
    come_and_ask(|| {
        let stream = TcpStream::connect(address).expect("the supervisor listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream
    })
}

fn ask_unix(path: &Path) -> String {
    come_and_ask(|| {
        let stream = UnixStream::connect(path).expect("the supervisor listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream
    })
}

/// Asks once, without a retry.
fn ask_tftp(address: SocketAddr) -> String {
    String::from_utf8(Tftp::new(address).get("a.txt").expect("a file")).expect("text")
}

#[test]
fn no_request_is_lost_while_servers_start_and_exit() {
    const REQUESTS: u32 = 40;
    let supervisor = Supervisor::new();
    let is_over = AtomicBool::new(false);
    let starts = thread::scope(|scope| {
        let servers = scope.spawn(|| supervisor.supervise(&is_over));
        let over = Over(&is_over);
        for number in 0..REQUESTS {
            let answer = match number % 3 {
                0 => ask_tcp(supervisor.address()),
                1 => ask_unix(&supervisor.path()),
                _ => ask_tftp(supervisor.tftp()),
            };
            assert!(answer.ends_with("hello"), "request {number}: {answer:?}");
            // The time is the subject: requests come around the moment at which the idle server exits, before and after.
            let around = Duration::from_millis(u64::from(number % 8) * 2);
            thread::sleep((IDLE + around).saturating_sub(Duration::from_millis(5)));
        }
        drop(over);
        servers.join().expect("no panic")
    });
    assert!(starts > 1, "only one server was started");
    assert!(supervisor.path().exists(), "an inherited name was not removed");
}

#[test]
fn inherited_sockets_replace_the_default_port() {
    let supervisor = Supervisor::new();
    let mut server = supervisor.start(&["--idle-exit", "never"]);
    let answer = ask(TcpStream::connect(supervisor.address()).expect("the supervisor listens"));
    assert!(answer.ends_with("hello"), "{answer}");
    // The greeting is written by another thread than the response.
    eventually("the server prints its addresses", || supervisor.log().contains("tftp://"));
    let said = supervisor.log();
    assert_eq!(said.lines().filter(|line| line.starts_with("http://")).count(), 1, "{said}");
    assert!(said.contains(&format!("http://{}", supervisor.address())), "{said}");
    assert!(said.contains(&format!("unix:{}\n", supervisor.path().display())), "{said}");
    assert!(said.contains(&format!("tftp://{}", supervisor.tftp())), "{said}");
    assert_eq!(ask_tftp(supervisor.tftp()), "hello");
    kill_process(Pid::from_child(&server), Signal::TERM).expect("it runs");
    assert!(server.wait().expect("a child").success());
    assert!(supervisor.path().exists(), "an inherited name was not removed");
}

#[test]
fn systemd_can_start_the_server() {
    let Some(mut activate) = outside("systemd-socket-activate") else { return };
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("a.txt"), "hello").expect("written");
    let socket = place.path().join("s");
    let mut server = Running::start(
        activate
            .arg("-l")
            .arg(&socket)
            // This is long, because a busy machine may delay the test between its connection and its request.
            .args([env!("CARGO_BIN_EXE_wharf"), "serve", ".", "--idle-exit", "3"])
            .current_dir(place.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    eventually("it listens", || socket.exists());
    // Between `bind` and `listen` the path exists, and connections are refused.
    let mut stream = None;
    eventually("the server answers", || {
        stream = UnixStream::connect(&socket).ok();
        stream.is_some()
    });
    assert!(ask(stream.expect("connected")).ends_with("hello"));
    assert!(server.wait().expect("a child").success(), "it exits when idle");
    assert!(socket.exists(), "an inherited name was not removed");
}

#[test]
fn an_unsupported_inherited_socket_is_an_error() {
    let place = tempfile::tempdir().expect("a folder");
    let output = Command::new("sh")
        .args(["-c", "LISTEN_FDS=1 exec \"$0\" serve . 3</dev/null", env!("CARGO_BIN_EXE_wharf")])
        .current_dir(place.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(
        said.contains("cannot take over LISTEN_FDS: socket 0 is not a TCP, Unix stream or UDP socket"),
        "{said}"
    );
}
