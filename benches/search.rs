//! What it costs to search a large tree, against the targets.
//!
//! ```sh
//! cargo bench --bench search
//! cargo bench --bench search -- --place /srv --names 300000 --in-one 100
//! ```
//!
//! - The time until the first result of a search, and until all of it, for texts that find few, many and no names. The names are in
//!   the memory of the kernel.
//! - The p99 of GETs of one client while another one searches all the time, compared with the p99 of the same GETs while the server
//!   is idle, in turns.
//!
//! It fails if a target is missed.

// Everything here is for this binary only.
#![allow(unreachable_pub)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod common;
#[path = "common/server.rs"]
mod server;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use common::Result;
use server::Server;

/// The targets: the time until the first result, until the end, and the ratio of the p99 of GETs.
const FIRST: Duration = Duration::from_millis(100);
const ALL: Duration = Duration::from_secs(3);
const SLOWEST: f64 = 3.0;

/// The file that others get, and how many GETs are measured at least.
const SERVED: usize = 16 * 1024;
const GETS: usize = 2_000;

/// How many directories are in a directory of the tree.
const FAN_OUT: usize = 16;

/// The searches: what they find, and their text. One name of a hundred has `report` in it, and each has `e`.
const SEARCHES: [(&str, &str); 4] = [
    ("1 % of the names", "report"),
    ("every name", "e"),
    ("nothing", "nothing-of-that-name"),
    ("a glob", "*9-[a-z]*.t?t"),
];

/// What it costs to search a large tree
#[derive(Debug, Parser)]
struct Settings {
    /// The wharf to measure [default: the one built here]
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// How many files the tree has
    #[arg(long, default_value_t = 300_000)]
    names: usize,
    /// How many files are in one directory
    #[arg(long, default_value_t = 100)]
    in_one: usize,
    /// How often each is measured; the medians are printed
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where the folder is created [default: the directory for temporary files]
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

/// What one search took.
#[derive(Debug, Clone, Copy)]
struct Took {
    first: Option<Duration>,
    all: Duration,
    results: usize,
}

fn main() -> ExitCode {
    common::exit(measure(&Settings::parse()))
}

fn measure(settings: &Settings) -> Result<()> {
    let binaries = common::binaries(settings.binary.as_slice());
    let binary = binaries.first().ok_or("no binary")?;
    let place = tempfile::tempdir_in(settings.place.clone().unwrap_or_else(std::env::temp_dir))?;
    make_tree(&place.path().join("share"), settings)?;
    let server = serve(binary, place.path())?;
    let mut missed = Vec::new();
    println!("| what | measured | target |");
    println!("| --- | ---: | ---: |");
    let mut print = |what: &str, measured: String, target: String, is_met: bool| {
        println!("| {what} | {measured} | {target} |");
        if !is_met {
            missed.push(what.to_owned());
        }
    };
    for (name, text) in SEARCHES {
        let Took { first, all, results } = median_search(&server.address, text, settings.rounds)?;
        if let Some(first) = first {
            let what = format!("search for {name}: the first result");
            print(&what, format!("{first:.1?}"), format!("< {FIRST:?}"), first < FIRST);
        }
        let what = format!("search for {name}: all {results} of {} names", settings.names);
        print(&what, format!("{all:.1?}"), format!("< {ALL:?}"), all < ALL);
    }
    let (idle, busy, ratio) = of_others(&server.address, settings.rounds)?;
    let what = format!("p99 of GETs during searches ({busy:.0?} instead of {idle:.0?})");
    print(&what, format!("×{ratio:.2}"), format!("≤ ×{SLOWEST}"), ratio <= SLOWEST);
    if missed.is_empty() { Ok(()) } else { Err(format!("missed: {}", missed.join("; ")).into()) }
}

/// Makes the directories, each a child of an earlier one, and the files in them.
fn make_tree(share: &Path, settings: &Settings) -> Result<()> {
    let mut directories = vec![share.to_owned()];
    fs::create_dir_all(share)?;
    fs::write(share.join("small"), vec![b'x'; SERVED])?;
    for number in 0..settings.names {
        let directory = number / settings.in_one.max(1);
        if directory == directories.len() {
            let parent = directories.get((directory - 1) / FAN_OUT).ok_or("no parent")?;
            let new = parent.join(format!("directory {directory}"));
            fs::create_dir(&new)?;
            directories.push(new);
        }
        let kind = if number % 100 == 7 { "report" } else { "letter" };
        let directory = directories.get(directory).ok_or("no directory")?;
        File::create(directory.join(format!("{number}-{kind} of somebody.txt")))?;
    }
    Ok(())
}

/// The medians of several searches for this text.
fn median_search(address: &str, text: &str, rounds: usize) -> Result<Took> {
    let searches: Result<Vec<_>> = (0..rounds).map(|_| search(address, text)).collect();
    let mut searches = searches?;
    searches.sort_by_key(|took| took.first);
    let first = searches.get(rounds / 2).ok_or("no round")?.first;
    searches.sort_by_key(|took| took.all);
    let middle = searches.get(rounds / 2).ok_or("no round")?;
    Ok(Took { first, ..*middle })
}

/// Searches the whole folder.
fn search(address: &str, text: &str) -> Result<Took> {
    let mut stream = TcpStream::connect(address)?;
    let start = Instant::now();
    let text = text.replace('[', "%5B").replace(']', "%5D");
    // Without chunked coding, which would be between the lines.
    let head = format!("GET /?q={text} HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let (mut first, mut results, mut line) = (None, 0, String::new());
    let mut reader = BufReader::new(stream);
    while reader.read_line(&mut line)? > 0 {
        if line.contains("\"href\":") {
            first.get_or_insert_with(|| start.elapsed());
            results += 1;
        } else if line.contains("\"complete\":") {
            return Ok(Took { first, all: start.elapsed(), results });
        }
        line.clear();
    }
    Err(format!("the search for {text} was aborted").into())
}

/// The p99 of GETs of an idle server, and during searches; and the ratio. All are medians of the rounds.
fn of_others(address: &str, rounds: usize) -> Result<(Duration, Duration, f64)> {
    let mut measured = Vec::new();
    for _ in 0..rounds {
        let idle = p99(address)?;
        let is_going_on = AtomicBool::new(true);
        let busy = thread::scope(|scope| {
            let searching = scope.spawn(|| {
                while is_going_on.load(Ordering::Acquire) {
                    search(address, "nothing-of-that-name")?;
                }
                Result::Ok(())
            });
            let busy = p99(address);
            is_going_on.store(false, Ordering::Release);
            searching.join().map_err(|_| "the search failed")??;
            busy
        })?;
        measured.push((idle, busy, busy.as_secs_f64() / idle.as_secs_f64()));
    }
    measured.sort_by(|one, other| one.2.total_cmp(&other.2));
    measured.get(measured.len() / 2).copied().ok_or_else(|| "no round".into())
}

/// The p99 of GETs, one after the other.
fn p99(address: &str) -> Result<Duration> {
    let mut client = Client::connect(address)?;
    let mut times = Vec::new();
    while times.len() < GETS {
        let start = Instant::now();
        client.get("/small")?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().ok_or_else(|| "no GET".into())
}

/// Serves the directory `share` of this place.
fn serve(binary: &Path, place: &Path) -> Result<Server> {
    Server::start(
        Command::new(binary)
            .args(["serve", "share", "--port", "0", "--idle-exit", "never"])
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

    /// Gets a file, and reads all of it.
    fn get(&mut self, target: &str) -> Result<()> {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        self.reader.get_mut().write_all(head.as_bytes())?;
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            if self.reader.read_line(&mut line)? == 0 {
                return Err(format!("{target}: the server closed the connection").into());
            }
            if let Some((_, value)) =
                line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("Content-Length"))
            {
                length = value.trim().parse()?;
            }
            if line == "\r\n" {
                break;
            }
        }
        self.reader.read_exact(&mut vec![0; length])?;
        Ok(())
    }
}
