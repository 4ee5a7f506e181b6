//! The memory of a server while many clients read the listing of a large directory at once.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::Settings;
use super::peers::exchange::Exchange;
use super::peers::server::{Running, Server};
use super::peers::{Result, folder};
use super::propfind::fill;
use super::report::Report;
use super::servers::{self, APACHE, LIGHTTPD, NGINX, WHARF};
use super::turns;

/// The target, in KiB.
const MOST: f64 = 512.0;

/// Memory differs little between rounds, and a round takes long.
const MOST_ROUNDS: u32 = 3;

/// How long a server may compute before it sends something. Some send nothing before they have everything.
const PATIENCE: Duration = Duration::from_secs(120);

/// The interval between two looks at the memory.
const PULSE: Duration = Duration::from_millis(10);

/// How much each client reads before it waits for the others, so that all responses are in progress at once.
const FIRST: usize = 64 * 1024;

pub fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let servers = servers::chosen(settings, &[WHARF, NGINX, LIGHTTPD, APACHE]);
    let place = folder::scratch()?;
    fill(&place.path().join("many"), settings.entries, b"")?;
    let [memory] = turns::measure(&servers::names(&servers), settings.rounds.min(MOST_ROUNDS), |at| {
        let server = servers.get(at).ok_or("no such server")?;
        Ok([turn(server, place.path(), settings)?])
    })?;
    let (entries, clients) = (settings.entries, settings.clients);
    report.begin(&format!("PROPFIND with Depth 1 of {entries} entries, {clients} clients at once"));
    for (name, memory) in memory.medians() {
        let (what, value) = (format!("memory per client, KiB: {name}"), format!("{memory:.0}"));
        if name == WHARF {
            report.target(&what, value, &format!("< {MOST}"), memory < MOST);
        } else {
            report.figure(&what, value);
        }
    }
    Ok(())
}

/// How much the memory of the server grows for each client, in KiB.
fn turn(server: &Server, root: &Path, settings: &Settings) -> Result<f64> {
    let running = servers::start(server, root)?;
    let before = running.usage()?.memory;
    let (all_read, have_ended) = (Barrier::new(settings.clients as usize), AtomicBool::new(false));
    let most = thread::scope(|scope| {
        let watching = scope.spawn(|| highest(&running, &have_ended));
        let clients: Vec<_> = (0..settings.clients)
            .map(|_| scope.spawn(|| list(running.port, settings.entries, &all_read)))
            .collect();
        let outcomes: Vec<_> = clients.into_iter().map(thread::ScopedJoinHandle::join).collect();
        have_ended.store(true, Ordering::Release);
        outcomes.into_iter().try_for_each(|outcome| outcome.map_err(|_| "a client panicked")?)?;
        watching.join().map_err(|_| "the measurement panicked")?
    })?;
    Ok(most.saturating_sub(before) as f64 / 1024.0 / f64::from(settings.clients))
}

/// The highest memory of a server until the clients have ended.
fn highest(running: &Running, have_ended: &AtomicBool) -> Result<u64> {
    let mut most = 0;
    loop {
        // Looks once more after the end.
        let is_last = have_ended.load(Ordering::Acquire);
        most = most.max(running.usage()?.memory);
        if is_last {
            return Ok(most);
        }
        thread::sleep(PULSE);
    }
}

/// Reads the beginning of the listing, waits for the other clients, and reads the rest.
fn list(port: u16, entries: u32, all_read: &Barrier) -> Result<()> {
    let mut first = vec![0; FIRST];
    let begun = begin(port, &mut first);
    // Also after an error, so that the others do not wait for ever.
    all_read.wait();
    let mut stream = begun?;
    let (mut rest, mut length) = (vec![0; FIRST], FIRST);
    loop {
        match stream.read(&mut rest)? {
            0 => break,
            count => length += count,
        }
    }
    // Each entry has its name at least.
    if first.starts_with(b"HTTP/1.1 207 ") && length > entries as usize * 100 {
        Ok(())
    } else {
        Err(format!("a listing of {length} bytes").into())
    }
}

fn begin(port: u16, first: &mut [u8]) -> Result<std::net::TcpStream> {
    let mut stream = Exchange::connect(port)?.into_stream();
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = "PROPFIND /many/ HTTP/1.1\r\nHost: 127.0.0.1\r\nDepth: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes())?;
    stream.read_exact(first)?;
    Ok(stream)
}
