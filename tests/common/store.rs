//! A `redis-server` of a test, on a Unix socket in a separate directory.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use redis::{Client, Connection, FromRedisValue, RedisResult};
use rustix::process::Pid;
use tempfile::TempDir;

use super::{Running, eventually, eventually_ok, outside};

/// The program; it is killed when the test ends.
pub struct Store {
    place: TempDir,
    flags: Vec<String>,
    running: Option<Running>,
}

impl Store {
    /// Starts one with these additional flags. `None` if the program is missing; the test is then skipped.
    pub fn start(flags: &[&str]) -> Option<Self> {
        outside("redis-server")?;
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mut store = Self { place: tempfile::tempdir().expect("a directory"), flags, running: None };
        store.run();
        Some(store)
    }

    /// One that keeps what it has acknowledged, even if it is killed.
    pub fn durable() -> Option<Self> {
        Self::start(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// Starts it again.
    pub fn run(&mut self) {
        let _ = std::fs::remove_file(self.socket());
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--unixsocket", &self.socket()]).args(&self.flags);
        command.current_dir(self.place.path()).stdout(Stdio::null()).stdin(Stdio::null());
        self.running = Some(Running::start(&mut command));
        eventually("the store answers", || {
            let client = Client::open(self.url()).expect("an address");
            let answered = client
                .get_connection()
                .map(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
            // With a password, it refuses the connection or the command.
            answered.is_ok_and(|pong| pong.is_ok() || self.has_password())
                || self.has_password() && self.is_listening()
        });
    }

    fn is_listening(&self) -> bool {
        std::os::unix::net::UnixStream::connect(self.socket()).is_ok()
    }

    fn has_password(&self) -> bool {
        self.flags.iter().any(|flag| flag == "--requirepass")
    }

    /// Kills it at once (`SIGKILL`).
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Its process ID, while it runs.
    #[allow(dead_code, reason = "only the benchmark measures it")]
    pub fn pid(&self) -> Option<Pid> {
        self.running.as_ref().map(|running| Pid::from_child(running))
    }

    pub fn socket(&self) -> String {
        self.place.path().join("store.sock").to_str().expect("text").to_owned()
    }

    pub fn url(&self) -> String {
        format!("unix:{}", self.socket())
    }

    /// Makes it listen at a port of the loopback interface too.
    pub fn listen(&self) -> SocketAddr {
        eventually_ok("it listens", || {
            let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
            let address = socket.expect("a port");
            // Another program may have taken the port.
            let command = format!("CONFIG SET port {}", address.port());
            self.try_ask::<()>(&command).map(|()| address)
        })
    }

    fn connection(&self) -> Connection {
        Client::open(self.url()).expect("an address").get_connection().expect("a connection")
    }

    /// Sends a command, whose words are separated by blanks.
    pub fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        self.try_ask(command).expect("an answer")
    }

    pub fn try_ask<T: FromRedisValue>(&self, command: &str) -> RedisResult<T> {
        let words: Vec<_> = command.split(' ').map(str::as_bytes).collect();
        self.send(&words)
    }

    pub fn ask_words<T: FromRedisValue>(&self, words: &[&[u8]]) -> T {
        self.send(words).expect("an answer")
    }

    fn send<T: FromRedisValue>(&self, words: &[&[u8]]) -> RedisResult<T> {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.query(&mut self.connection())
    }
}
