//! Instructions, heap allocations and system calls of a kept-alive GET of 1 KB, with and without the access log; without
//! credentials, and by the session or the token of a user.
//!
//! ```sh
//! cargo bench --bench instructions
//! cargo bench --bench instructions -- --binary target/release/wharf --binary /usr/local/bin/wharf
//! ```
//!
//! Each count is the difference between a run with 12,000 requests and a run with 2,000, both over one connection,
//! divided by 10,000. This excludes start and stop. It is the median of three runs of each kind: on a busy machine the
//! workers wake each other more or less often. `valgrind --tool=callgrind` counts the instructions of all threads in
//! user space, `--tool=memcheck` the allocations; `strace -c` counts the system calls.

// Everything here is used by this binary only.
#![allow(unreachable_pub)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use clap::Parser;
use common::Result;
use rustix::process::{Pid, Signal, kill_process};

/// How many requests the two runs make.
const FEW: u64 = 2_000;
const MANY: u64 = 12_000;

/// How many runs of each kind there are.
const RUNS: usize = 3;

/// The server caches a file that has not changed for a second.
const SETTLED: Duration = Duration::from_millis(1200);

/// The line of a user, with bcrypt at the least cost, and the form with its name and password.
const USER: &str = "anna:$2y$04$26Tihq9w0uoPNFYin7MOT.xGy9y7jb78zRTRlkWf05V5mwdeMBSta\n";
const LOGIN: &str = "name=anna&password=secret-anna";

/// The content of the requested file.
const SIZE: usize = 1024;

/// Instructions, heap allocations and system calls of a kept-alive GET
#[derive(Debug, Parser)]
struct Settings {
    /// The wharf to measure; may be repeated [default: the one built here]
    #[arg(long, value_name = "PATH")]
    binary: Vec<PathBuf>,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// The credentials of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// None: the server has no accounts.
    Nobody,
    /// The cookie of a session.
    Session,
    /// A token.
    Token,
}

const BY: [(By, &str); 3] = [(By::Nobody, "none"), (By::Session, "session"), (By::Token, "token")];

/// A program that runs another program and counts its instructions or system calls.
struct Counter {
    name: &'static str,
    counts: &'static str,
    /// Its arguments, except for the file that it writes to.
    args: &'static [&'static str],
    file_flag: &'static str,
    /// The count, from that file.
    read: fn(&str) -> Option<u64>,
}

const COUNTERS: [Counter; 3] = [
    Counter {
        name: "valgrind",
        counts: "instructions",
        args: &["--tool=callgrind", "--log-file=messages"],
        file_flag: "--callgrind-out-file=",
        read: |text| text.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok(),
    },
    Counter {
        name: "valgrind",
        counts: "heap allocations",
        args: &["--tool=memcheck", "--leak-check=no", "--undef-value-errors=no"],
        file_flag: "--log-file=",
        // total heap usage: 1,234 allocs, 1,230 frees, 56,789 bytes allocated
        read: |text| {
            let (_, usage) = text.split_once("total heap usage: ")?;
            usage.split_once(" allocs")?.0.replace(',', "").parse().ok()
        },
    },
    Counter {
        name: "strace",
        counts: "system calls",
        args: &["--follow-forks", "--summary-only"],
        file_flag: "--output=",
        read: |text| {
            let total = text.lines().find(|line| line.ends_with(" total"))?;
            total.split_whitespace().nth(3)?.parse().ok()
        },
    },
];

fn main() -> ExitCode {
    common::exit(measure(&Settings::parse()))
}

fn measure(settings: &Settings) -> Result<()> {
    let binaries = &common::binaries(&settings.binary)[..];
    println!(
        "| binary | a request's | credentials | without a log | with the access log | the log alone | to none |"
    );
    println!("| --- | --- | --- | ---: | ---: | ---: | ---: |");
    for counter in COUNTERS {
        if Command::new(counter.name).arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("SKIPPED: {} are not counted (install {})", counter.counts, counter.name);
            continue;
        }
        for binary in binaries {
            let mut plain = None;
            for (by, credentials) in BY {
                let [off, on] = [false, true].map(|logs| counter.per_request(binary, by, logs));
                let (off, on) = (off?, on?);
                let (name, what) = (binary.display(), counter.counts);
                let ratio = off / *plain.get_or_insert(off);
                println!(
                    "| {name} | {what} | {credentials} | {off:.2} | {on:.2} | {:.2} | ×{ratio:.3} |",
                    on - off
                );
            }
        }
    }
    Ok(())
}

impl Counter {
    fn per_request(&self, binary: &Path, by: By, logs: bool) -> Result<f64> {
        let [few, many] = [FEW, MANY].map(|requests| self.median(binary, by, logs, requests));
        Ok((many? as f64 - few? as f64) / (MANY - FEW) as f64)
    }

    fn median(&self, binary: &Path, by: By, logs: bool, requests: u64) -> Result<u64> {
        let counts: Result<Vec<_>> = (0..RUNS).map(|_| self.count(binary, by, logs, requests)).collect();
        let mut counts = counts?;
        counts.sort_unstable();
        counts.get(RUNS / 2).copied().ok_or_else(|| "no run was made".into())
    }

    /// The count of a server from its start to its end, for this many requests.
    fn count(&self, binary: &Path, by: By, logs: bool, requests: u64) -> Result<u64> {
        let place = tempfile::tempdir()?;
        let counts = place.path().join("counts");
        fs::create_dir(place.path().join("share"))?;
        fs::write(place.path().join("share/1k.txt"), [b'x'; SIZE])?;
        fs::create_dir(place.path().join("state"))?;
        fs::set_permissions(place.path().join("state"), fs::Permissions::from_mode(0o700))?;
        fs::write(place.path().join("users"), USER)?;
        thread::sleep(SETTLED);
        let accounts: &[&str] =
            if by == By::Nobody { &[] } else { &["--users", "users", "--state", "state"] };
        let mut child = Command::new(self.name)
            .args(self.args)
            .arg(format!("{}{}", self.file_flag, counts.display()))
            .arg(binary)
            .args(["serve", "share", "--port", "0", "--timeout", "600", "--log-file", "log"])
            .args(accounts)
            .current_dir(place.path())
            .env("RUST_LOG", if logs { "info" } else { "off" })
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let outcome = ask(&mut child, by, requests);
        // Signal the server's own process: strace would not forward the signal.
        let server = server_of(&child).unwrap_or(Pid::from_child(&child));
        kill_process(server, Signal::TERM)?;
        child.wait()?;
        outcome?;
        let text = fs::read_to_string(counts)?;
        (self.read)(&text).ok_or_else(|| format!("{} did not write a count", self.name).into())
    }
}

/// The only child of a program, if it has one.
fn server_of(child: &Child) -> Option<Pid> {
    let id = child.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
    Pid::from_raw(children.trim().parse().ok()?)
}

/// Sends the requests, one after the other over one connection.
fn ask(child: &mut Child, by: By, requests: u64) -> Result<()> {
    let stdout = BufReader::new(child.stdout.as_mut().ok_or("no stdout")?);
    let mut address = None;
    for line in stdout.lines() {
        if let Some(found) = line?.strip_prefix("http://") {
            address = Some(found.to_owned());
            break;
        }
    }
    let address = address.ok_or("the server printed no URL")?;
    let credentials = credentials(by, &address)?;
    let mut stream = TcpStream::connect(&address)?;
    let request = format!("GET /1k.txt HTTP/1.1\r\nHost: {address}\r\n{credentials}\r\n");
    let mut response = vec![0; 64 * 1024];
    for _ in 0..requests {
        stream.write_all(request.as_bytes())?;
        let mut length = 0;
        loop {
            let rest = response.get_mut(length..).unwrap_or_default();
            match stream.read(rest)? {
                0 => return Err("the server closed the connection".into()),
                count => length += count,
            }
            let so_far = response.get(..length).unwrap_or_default();
            if let Some(head) = so_far.windows(4).position(|end| end == b"\r\n\r\n")
                && length >= head + 4 + SIZE
            {
                break;
            }
        }
        if !response.starts_with(b"HTTP/1.1 200 ") {
            return Err("not the expected response".into());
        }
    }
    Ok(())
}

/// The field line with these credentials.
fn credentials(by: By, address: &str) -> Result<String> {
    if by == By::Nobody {
        return Ok(String::new());
    }
    let login = post(address, "/.wharf/login", "", LOGIN)?;
    let cookie = between(&login, "Set-Cookie: ", ";").ok_or("no session")?;
    let session = format!("Cookie: {cookie}\r\n");
    if by == By::Session {
        return Ok(session);
    }
    let made = post(address, "/.wharf/tokens", &session, r#"{"name":"bench","for":"1d"}"#)?;
    let token = between(&made, "\"token\":\"", "\"").ok_or_else(|| format!("no token: {made}"))?;
    Ok(format!("Authorization: Bearer {token}\r\n"))
}

/// The whole response to a POST.
fn post(address: &str, target: &str, fields: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    let length = body.len();
    write!(
        stream,
        "POST {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}
