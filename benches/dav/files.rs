//! MKCOL, PUT and PROPFIND for each file, as rclone sends them: the processor time of the server.

use std::thread;
use std::time::Instant;

use super::Settings;
use super::client::Client;
use super::peers::server::Server;
use super::peers::{Result, folder};
use super::report::Report;
use super::servers::{self, APACHE, LIGHTTPD, NGINX, WHARF, WITHOUT_SYNC};
use super::turns;

/// How many connections send requests.
const CONNECTIONS: u32 = 8;

/// How many files are in one directory. MKCOL of an existing one is refused, and costs time too.
const IN_ONE: u32 = 100;

/// The size of a file.
const SIZE: usize = 1_000;

/// The targets: the ratio of wharf to Apache, and without sync to lighttpd. Neither of these servers syncs.
const MOST: f64 = 1.0;
const MOST_WITHOUT_SYNC: f64 = 1.2;

/// What rclone asks for.
const PROPERTIES: &[u8] =
    b"<?xml version=\"1.0\"?>\n<d:propfind xmlns:d=\"DAV:\"><d:prop><d:displayname/><d:getlastmodified/>\
    <d:getcontentlength/><d:resourcetype/><d:getcontenttype/></d:prop></d:propfind>\n";

pub fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let servers = servers::chosen(settings, &[WHARF, WITHOUT_SYNC, NGINX, LIGHTTPD, APACHE]);
    let names = servers::names(&servers);
    let [cpu, rates] = turns::measure(&names, settings.rounds, |at| {
        servers.get(at).ok_or_else(|| "no such server".into()).and_then(|server| turn(server, settings.files))
    })?;
    report.begin(&format!("MKCOL, PUT and PROPFIND of {} files of 1 KB, 8 connections", settings.files));
    for (name, cpu) in cpu.medians() {
        report.figure(&format!("CPU µs per file: {name}"), format!("{cpu:.0}"));
    }
    for (name, rate) in rates.medians() {
        report.figure(&format!("files per second: {name}"), format!("{rate:.0}"));
    }
    for (one, other, most) in [(WHARF, APACHE, MOST), (WITHOUT_SYNC, LIGHTTPD, MOST_WITHOUT_SYNC)] {
        if let Some(ratio) = cpu.ratio(one, other) {
            report.target(
                &format!("CPU: {one} / {other}"),
                ratio,
                &format!("≤ ×{most}"),
                ratio.median <= most,
            );
        }
    }
    Ok(())
}

/// The processor time of a file in microseconds, and the files per second.
fn turn(server: &Server, files: u32) -> Result<[f64; 2]> {
    let place = folder::scratch()?;
    let running = servers::start(server, place.path())?;
    let (before, start) = (running.usage()?.cpu, Instant::now());
    let each = files.div_ceil(CONNECTIONS);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|sender| scope.spawn(move || send(&mut Client::connect(running.port)?, sender, each)))
            .collect();
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| "a client panicked")?)
    })?;
    let (cpu, elapsed) = (running.usage()?.cpu.saturating_sub(before), start.elapsed());
    let sent = f64::from(each * CONNECTIONS);
    Ok([cpu.as_secs_f64() * 1e6 / sent, sent / elapsed.as_secs_f64()])
}

fn send(client: &mut Client, sender: u32, files: u32) -> Result<()> {
    for number in 0..files {
        let directory = format!("/{sender}-{}/", number / IN_ONE);
        let file = format!("{directory}{number}.txt");
        let made = if number % IN_ONE == 0 { 201 } else { 405 };
        client.expect(("MKCOL", &directory), "", b"", &[made])?;
        client.expect(("PUT", &file), "", &[b'x'; SIZE], &[201])?;
        client.expect(("PROPFIND", &file), "Depth: 1\nContent-Type: text/xml", PROPERTIES, &[207])?;
    }
    Ok(())
}
