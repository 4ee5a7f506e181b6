//! What it costs to remove, to move, to keep and to copy, against the targets.
//!
//! ```sh
//! cargo bench --bench changes
//! cargo bench --bench changes -- --place /srv --files 100000 --copy 10G
//! ```
//!
//! - The system calls of `DELETE` and `MOVE` of a directory with many files, and of an overwrite with and without the trash,
//!   by `strace`. `tests/trash/recorded_calls.rs` says which calls count. The trash exists already.
//! - The p99 of GETs of one client while another one copies a large file, compared with the p99 of the same GETs while the server
//!   is idle, in turns.
//!
//! It fails if a target is missed.

// Everything here is for this binary only.
#![allow(unreachable_pub)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod common;
#[path = "../tests/trash/recorded_calls.rs"]
mod recorded_calls;
#[path = "common/server.rs"]
mod server;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use common::Result;
use recorded_calls::{MOST, MOST_MORE, calls_of};
use rustix::process::{Pid, Signal, kill_process};
use server::Server;

/// The target: the ratio of the p99 of GETs. `recorded_calls` has the targets for system calls.
const SLOWEST: f64 = 3.0;

/// How many files are in one directory of the tree.
const IN_ONE: usize = 1_000;

/// The file that others get, and how many GETs are measured at least.
const SERVED: usize = 16 * 1024;
const GETS: usize = 2_000;

/// What it costs to remove, to move, to keep and to copy
#[derive(Debug, Parser)]
struct Settings {
    /// The wharf to measure [default: the one built here]
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// How many files the tree has that is removed and moved
    #[arg(long, default_value_t = 100_000)]
    files: usize,
    /// How large the file is that is copied, such as 1G
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = size)]
    copy: u64,
    /// How often the copy is measured; the medians are printed
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where the folder is created: on a real disk [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    place: Option<PathBuf>,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// A connection that is kept alive.
struct Client {
    reader: BufReader<TcpStream>,
    address: String,
}

fn main() -> ExitCode {
    common::exit(measure(&Settings::parse()))
}

fn size(text: &str) -> std::result::Result<u64, String> {
    let (digits, unit) = text.split_at(text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len()));
    let shift =
        ["", "K", "M", "G"].iter().position(|known| *known == unit).ok_or("no unit but K, M and G")?;
    let number: u64 = digits.parse().map_err(|_| "no number".to_owned())?;
    number.checked_mul(1 << (10 * shift)).ok_or_else(|| "too large".to_owned())
}

fn measure(settings: &Settings) -> Result<()> {
    let binaries = common::binaries(settings.binary.as_slice());
    let binary = binaries.first().ok_or("no binary")?;
    let place = settings.place.clone().unwrap_or_else(std::env::temp_dir);
    let mut missed = Vec::new();
    println!("| what | measured | target |");
    println!("| --- | ---: | ---: |");
    let mut print = |what: &str, measured: String, target: String, is_met: bool| {
        println!("| {what} | {measured} | {target} |");
        if !is_met {
            missed.push(what.to_owned());
        }
    };
    if Command::new("strace").arg("--version").stdout(Stdio::null()).status().is_ok() {
        for (what, calls) in of_trees(binary, &place, settings.files)? {
            print(&what, calls.to_string(), format!("≤ {MOST}"), calls <= MOST);
        }
        let [with, without] = [&[][..], &["--trash", "off"]].map(|flags| of_overwrite(binary, &place, flags));
        let ((with, syncs), (without, unsynced)) = (with?, without?);
        let more = with.saturating_sub(without);
        let what = format!(
            "further system calls of an overwrite that keeps the old file ({with} instead of {without})"
        );
        print(&what, more.to_string(), format!("≤ {MOST_MORE}"), more <= MOST_MORE);
        let durable = syncs - unsynced;
        print("fsync calls among these", durable.to_string(), "2".to_owned(), durable == 2);
    } else {
        println!("SKIPPED: system calls are not counted (install strace)");
    }
    let (idle, busy, ratio) = of_copies(binary, &place, settings)?;
    let what =
        format!("p99 of GETs during a copy of {} MB ({busy:.0?} instead of {idle:.0?})", settings.copy >> 20);
    print(&what, format!("×{ratio:.2}"), format!("≤ ×{SLOWEST}"), ratio <= SLOWEST);
    if missed.is_empty() { Ok(()) } else { Err(format!("missed: {}", missed.join("; ")).into()) }
}

/// The system calls of a removal and of moves of a tree.
fn of_trees(binary: &Path, place: &Path, files: usize) -> Result<Vec<(String, usize)>> {
    let place = tempfile::tempdir_in(place)?;
    let share = place.path().join("share");
    fs::create_dir_all(share.join("warm"))?;
    fs::create_dir_all(share.join("to"))?;
    for number in 0..files {
        let directory = share.join(format!("in/tree/{}", number / IN_ONE));
        if number % IN_ONE == 0 {
            fs::create_dir_all(&directory)?;
        }
        File::create(directory.join(number.to_string()))?;
    }
    let notes = traced(binary, place.path(), &[], |client| {
        client.ask("DELETE", "/warm/", "", b"", b"204")?;
        client.ask("MOVE", "/in/tree/", "Destination: /to/tree/\r\n", b"", b"201")?;
        client.ask("MOVE", "/to/tree/", "Destination: /to/other/\r\n", b"", b"201")?;
        client.ask("DELETE", "/to/other/", "", b"", b"204")
    })?;
    let of = |what: &str, text: &str| {
        let calls = calls_of(&notes, text).ok_or_else(|| format!("no rename of {text}"))?;
        Ok((format!("{what} of {files} files, system calls"), calls.len()))
    };
    [
        of("MOVE to another directory", "/in>, \"tree\""),
        of("MOVE within a directory", "\"other\", RENAME"),
        of("DELETE", "/to>, \"other\""),
    ]
    .into_iter()
    .collect()
}

/// The system calls of the last of two overwrites, and how many of them are `fsync`.
fn of_overwrite(binary: &Path, place: &Path, flags: &[&str]) -> Result<(usize, usize)> {
    let place = tempfile::tempdir_in(place)?;
    let share = place.path().join("share");
    fs::create_dir_all(&share)?;
    for name in ["warm", "file"] {
        fs::write(share.join(name), "old")?;
    }
    let notes = traced(binary, place.path(), flags, |client| {
        client.ask("PUT", "/warm", "", b"new", b"204")?;
        client.ask("PUT", "/file", "", b"new", b"204")
    })?;
    let calls = calls_of(&notes, "\"file\"").ok_or("no rename of the file")?;
    Ok((calls.len(), calls.iter().filter(|call| call.starts_with("fsync(")).count()))
}

/// What strace records of a server that serves these requests.
fn traced(
    binary: &Path,
    place: &Path,
    flags: &[&str],
    requests: impl FnOnce(&mut Client) -> Result<()>,
) -> Result<String> {
    let notes = place.join("notes");
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-y", "-o"]).arg(&notes).arg(binary);
    let mut server = serve(strace, place, flags)?;
    requests(&mut Client::connect(&server.address)?)?;
    kill_process(Pid::from_child(&server.child), Signal::TERM)?;
    server.child.wait()?;
    let text = || fs::read_to_string(&notes);
    while !text()?.contains("+++ exited with 0") {
        thread::sleep(Duration::from_millis(20));
    }
    Ok(text()?)
}

/// The p99 of GETs of an idle server, and during a copy; and the ratio. All are medians of the rounds.
fn of_copies(binary: &Path, place: &Path, settings: &Settings) -> Result<(Duration, Duration, f64)> {
    let place = tempfile::tempdir_in(place)?;
    let share = place.path().join("share");
    fs::create_dir_all(&share)?;
    fs::write(share.join("small"), vec![b'x'; SERVED])?;
    let mut large = File::create(share.join("large"))?;
    let piece: Vec<_> =
        (0..1_u32 << 18).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for _ in 0..settings.copy.div_ceil(piece.len() as u64) {
        large.write_all(&piece)?;
    }
    large.sync_all()?;
    let server = serve(Command::new(binary), place.path(), &["--trash", "off"])?;
    let mut rounds = Vec::new();
    for _ in 0..settings.rounds {
        let idle = p99(&server.address, &AtomicBool::new(false))?;
        let is_copying = AtomicBool::new(true);
        let busy = thread::scope(|scope| {
            let copying = scope.spawn(|| {
                let outcome = Client::connect(&server.address).and_then(|mut client| {
                    client.ask("COPY", "/large", "Destination: /copy\r\n", b"", b"201")
                });
                is_copying.store(false, Ordering::Release);
                outcome
            });
            let busy = p99(&server.address, &is_copying)?;
            copying.join().map_err(|_| "the copy failed")??;
            Result::Ok(busy)
        })?;
        Client::connect(&server.address)?.ask("DELETE", "/copy", "", b"", b"204")?;
        rounds.push((idle, busy, busy.as_secs_f64() / idle.as_secs_f64()));
    }
    rounds.sort_by(|one, other| one.2.total_cmp(&other.2));
    rounds.get(rounds.len() / 2).copied().ok_or_else(|| "no round".into())
}

/// The p99 of GETs, one after the other; for as long as this is true, and of a number of them at least.
fn p99(address: &str, is_going_on: &AtomicBool) -> Result<Duration> {
    let mut client = Client::connect(address)?;
    let mut times = Vec::new();
    while times.len() < GETS || is_going_on.load(Ordering::Acquire) {
        let start = Instant::now();
        client.ask("GET", "/small", "", b"", b"200")?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().ok_or_else(|| "no GET".into())
}

/// Serves the directory `share` of this place, by this program.
fn serve(mut program: Command, place: &Path, flags: &[&str]) -> Result<Server> {
    Server::start(
        program
            .args(["serve", "share", "--port", "0", "--idle-exit", "never", "--allow", "everyone=edit"])
            .args(flags)
            .current_dir(place)
            .stderr(File::create(place.join("log"))?),
    )
}

impl Client {
    fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::new(stream), address: address.to_owned() })
    }

    /// Sends a request, and reads the whole response, which must have this status.
    fn ask(&mut self, method: &str, target: &str, fields: &str, body: &[u8], status: &[u8]) -> Result<()> {
        let (address, length) = (&self.address, body.len());
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n{fields}\r\n"
        );
        self.reader.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let (mut line, mut length, mut is_right) = (String::new(), 0, false);
        loop {
            line.clear();
            if self.reader.read_line(&mut line)? == 0 {
                return Err(format!("{method} {target}: the server closed the connection").into());
            }
            is_right |=
                line.as_bytes().strip_prefix(b"HTTP/1.1 ").is_some_and(|rest| rest.starts_with(status));
            if let Some((_, value)) =
                line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("Content-Length"))
            {
                length = value.trim().parse()?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut content = vec![0; length];
        self.reader.read_exact(&mut content)?;
        if is_right {
            Ok(())
        } else {
            Err(format!("{method} {target}: {}", String::from_utf8_lossy(&content)).into())
        }
    }
}
