//! The thumbnails of a folder of photos, fetched as a browser does: how many a second, how many bytes, the memory of the
//! server, and how long the requests of another client take meanwhile.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Settings;
use super::common::{self, Result};
use super::http::Client;
use super::photos::{self, Preview};
use super::report::Report;
use super::server::Server;

/// How many connections a browser has to a server.
const CONNECTIONS: usize = 6;

/// How long the other client asks without thumbnails.
const QUIET: Duration = Duration::from_secs(3);

/// The pause of the other client between two requests.
const PAUSE: Duration = Duration::from_millis(2);

/// The targets: thumbnails a second on two processors, bytes of 300 thumbnails, and KB of memory.
const RATE: f64 = 20.0;
const BYTES: u64 = 8_000_000;
const MEMORY: u64 = 120 * 1024;

/// What one visit of the grid cost.
struct Visit {
    rate: f64,
    bytes: u64,
    /// How long the other client waited for each response.
    waits: Vec<Duration>,
}

pub fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    for preview in [Preview::Without, Preview::With] {
        let place = tempfile::tempdir()?;
        let length = photos::fill(&place.path().join("share"), settings.photos, preview)?;
        fs::write(place.path().join("share/plain.txt"), [b'x'; 1000])?;
        let server = start(settings, place.path())?;
        let quiet = ask_for(&server.address, |begun| begun.elapsed() < QUIET)?;
        let first = visit(&server.address, settings.photos)?;
        let memory = highest_memory(&server)?;
        let second = visit(&server.address, settings.photos)?;
        let kind = if preview == Preview::With { "with" } else { "without" };
        let megabytes = length as f64 / 1e6;
        report.begin(&format!("{} photos of {megabytes:.1} MB, {kind} a large preview", settings.photos));
        let rate = first.rate;
        report.target("thumbnails per second", format!("{rate:.1}"), &format!("≥ {RATE}"), rate >= RATE);
        report.figure("the same again, kept", format!("{:.0}", second.rate));
        let most = BYTES * u64::from(settings.photos) / 300;
        let bytes = first.bytes;
        report.target("bytes of all", bytes, &format!("< {most}"), bytes < most);
        report.target("highest memory, KB", memory, &format!("< {MEMORY}"), memory < MEMORY);
        for (when, waits) in [("without", quiet), ("with", first.waits)] {
            let [median, p99] = [50, 99].map(|percent| percentile(&waits, percent).as_secs_f64() * 1e3);
            report.figure(
                &format!("another client {when} thumbnails, median and p99, ms"),
                format!("{median:.2}, {p99:.2}"),
            );
        }
    }
    Ok(())
}

fn start(settings: &Settings, place: &Path) -> Result<Server> {
    let binaries = common::binaries(settings.binary.as_slice());
    let mut command = Command::new(binaries.first().ok_or("no binary")?);
    command.arg("serve").arg(place.join("share"));
    command.args(["--port", "0", "--idle-exit", "never", "--quiet"]);
    Server::start(command.env("XDG_CACHE_HOME", place.join("cache")))
}

/// Fetches all thumbnails.
fn visit(address: &str, photos: u32) -> Result<Visit> {
    let (next, have_ended) = (AtomicU32::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let other = scope.spawn(|| ask_for(address, |_| !have_ended.load(Ordering::Acquire)));
        let begun = Instant::now();
        let fetch = || -> Result<u64> {
            let (mut client, mut bytes) = (Client::connect(address)?, 0);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= photos {
                    return Ok(bytes);
                }
                let response = client.get(&format!("/{number:04}.jpg?thumb"))?;
                if response.code != 200 {
                    return Err(format!("status {}", response.code).into());
                }
                bytes += response.bytes;
            }
        };
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(fetch)).collect();
        let bytes = clients
            .into_iter()
            .map(|client| client.join().map_err(|_| "a client panicked")?)
            .sum::<Result<u64>>();
        let rate = f64::from(photos) / begun.elapsed().as_secs_f64();
        have_ended.store(true, Ordering::Release);
        let waits = other.join().map_err(|_| "the other client panicked")??;
        Ok(Visit { rate, bytes: bytes?, waits })
    })
}

/// Asks for a small file again and again, and measures how long each takes.
fn ask_for(address: &str, goes_on: impl Fn(Instant) -> bool) -> Result<Vec<Duration>> {
    let (mut client, mut waits, begun) = (Client::connect(address)?, Vec::new(), Instant::now());
    while goes_on(begun) {
        let sent = Instant::now();
        let response = client.get("/plain.txt")?;
        if response.code != 200 {
            return Err(format!("status {}", response.code).into());
        }
        waits.push(sent.elapsed());
        thread::sleep(PAUSE);
    }
    waits.sort_unstable();
    Ok(waits)
}

/// This percentile of sorted times.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
}

/// The highest resident memory of the server so far, in KB.
fn highest_memory(server: &Server) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id()))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no memory")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}
