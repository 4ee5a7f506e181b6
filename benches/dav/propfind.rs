//! PROPFIND of a directory with 1,000 files: the processor time of a response, and its length.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Settings;
use super::client::Client;
use super::floor;
use super::peers::server::Server;
use super::peers::{Result, folder};
use super::report::Report;
use super::servers::{self, APACHE, LIGHTTPD, NGINX, WHARF};
use super::turns::{self, Figures};

/// How many files the directory has.
const ENTRIES: u32 = 1_000;

/// How many connections send requests.
const CONNECTIONS: usize = 8;

/// The targets: the ratio to nginx, and bytes per entry.
const MOST: f64 = 0.8;
const LONGEST: f64 = 300.0;

/// No server: reads the directory in this program.
const FLOOR: &str = "only getdents and statx";

/// What is asked for. Only the first has targets.
const QUESTIONS: [(&str, &[u8]); 2] = [
    ("without a body", b""),
    (
        "of five named properties",
        b"<D:propfind xmlns:D=\"DAV:\"><D:prop><D:displayname/><D:getcontentlength/><D:getetag/><D:getlastmodified/>\
          <D:resourcetype/></D:prop></D:propfind>",
    ),
];

pub fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let servers = servers::chosen(settings, &[WHARF, NGINX, LIGHTTPD, APACHE]);
    let place = folder::scratch()?;
    let list = place.path().join("list");
    fill(&list, ENTRIES, b"content")?;
    let names: Vec<_> = servers::names(&servers).into_iter().chain([FLOOR]).collect();
    for (what, body) in QUESTIONS {
        let [cpu, lengths] = turns::measure(&names, settings.rounds, |at| match servers.get(at) {
            Some(server) => turn(server, place.path(), body, Duration::from_secs(settings.seconds)),
            None => Ok([floor::of(&list)?, f64::NAN]),
        })?;
        report.begin(&format!("PROPFIND {what}, Depth 1, 1,000 files"));
        print(&cpu, &lengths, body.is_empty(), report);
    }
    Ok(())
}

fn print(cpu: &Figures, lengths: &Figures, has_targets: bool, report: &mut Report) {
    for (name, cpu) in cpu.medians() {
        report.figure(&format!("CPU µs per response: {name}"), format!("{cpu:.0}"));
    }
    for (name, length) in lengths.medians().filter(|(_, length)| length.is_finite()) {
        let (what, length) = (format!("bytes per entry: {name}"), length / f64::from(ENTRIES + 1));
        if name == WHARF && has_targets {
            report.target(&what, format!("{length:.0}"), &format!("≤ {LONGEST}"), length <= LONGEST);
        } else {
            report.figure(&what, format!("{length:.0}"));
        }
    }
    let Some(ratio) = cpu.ratio(WHARF, NGINX) else { return };
    if has_targets {
        report.target("CPU: wharf / nginx", ratio, &format!("≤ ×{MOST}"), ratio.median <= MOST);
    } else {
        report.figure("CPU: wharf / nginx", ratio);
    }
}

/// Creates a directory with files.
pub fn fill(directory: &Path, entries: u32, content: &[u8]) -> Result<()> {
    std::fs::create_dir(directory)?;
    Ok((0..entries)
        .try_for_each(|number| std::fs::write(directory.join(format!("file-{number:06}.txt")), content))?)
}

/// The processor time of a response in microseconds, and its length.
fn turn(server: &Server, root: &Path, body: &[u8], duration: Duration) -> Result<[f64; 2]> {
    let running = servers::start(server, root)?;
    let list = |client: &mut Client| {
        client.expect(("PROPFIND", "/list/"), "Depth: 1\nContent-Type: text/xml", body, &[207])
    };
    let length = list(&mut Client::connect(running.port)?)?;
    let (before, start, count) = (running.usage()?.cpu, Instant::now(), AtomicU64::new(0));
    thread::scope(|scope| {
        let load = || {
            let mut client = Client::connect(running.port)?;
            while start.elapsed() < duration {
                if list(&mut client)? != length {
                    return Err("responses differ in length".into());
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
            Result::Ok(())
        };
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(load)).collect();
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| "a client panicked")?)
    })?;
    let cpu = running.usage()?.cpu.saturating_sub(before);
    Ok([cpu.as_secs_f64() * 1e6 / count.into_inner() as f64, length as f64])
}
