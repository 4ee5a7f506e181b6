//! One turn: a server is started, gets requests for a while, is measured, and is killed.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use super::Result;
use super::case::{Case, KILOBYTE, Load, Manner, Work};
use super::client::{self, CLIENTS, Client};
use super::exchange::{Answer, Exchange};
use super::folder;
use super::idle;
use super::load;
use super::measure::{Measure, Metric};
use super::server::{Program, Running, SERVERS, Server, TFTP_SERVERS, Uploads, WITHOUT_SYNC};
use super::upload;

/// The state that all turns share.
#[derive(Debug)]
pub struct Stage {
    place: TempDir,
    /// The downloads, kept until the end: a file system may take long to reuse the space of deleted files
    /// (ext4 for five minutes), which would slow down the next turn.
    fetched: TempDir,
    seconds: Duration,
    logs: bool,
}

/// A participant of a case.
pub struct Contestant {
    /// Its name in the tables.
    pub name: &'static str,
    program: Program,
    turn: Box<dyn Fn(&Stage) -> Result<Measure>>,
}

impl Stage {
    /// Creates the folder with the files of these cases.
    pub fn prepare(cases: &[&'static Case], seconds: Duration, logs: bool) -> Result<Self> {
        let place = folder::scratch()?;
        for case in cases {
            folder::prepare(place.path(), &case.work)?;
        }
        Ok(Self { place, fetched: folder::scratch()?, seconds, logs })
    }

    fn start(&self, server: &Server) -> Result<Running> {
        server.start(self.place.path(), self.logs)
    }
}

impl Contestant {
    /// Whether the program is installed.
    pub fn is_installed(&self) -> bool {
        self.program.path().is_some()
    }

    /// Whether the others are compared with this one.
    pub fn is_ours(&self) -> bool {
        self.program == Program::Ours
    }

    /// Runs a turn.
    pub fn play(&self, stage: &Stage) -> Result<Measure> {
        (self.turn)(stage)
    }
}

/// The participants of this work, installed or not; ours first.
pub fn contestants(work: &'static Work) -> Vec<Contestant> {
    match *work {
        Work::Load(ref load) => serving(SERVERS, move |stage, server| repeat(stage, server, load)),
        Work::Upload { size, connections } => {
            let takers = SERVERS.iter().filter(|server| server.uploads != Uploads::None);
            serving(takers.chain([&WITHOUT_SYNC]), move |stage, server| {
                receive(stage, server, size, connections)
            })
        }
        Work::Idle { connections } => {
            serving(SERVERS, move |stage, server| beside_silence(stage, server, connections))
        }
        Work::Start => serving(SERVERS, start),
        Work::Tftp { block, window } => {
            serving(TFTP_SERVERS, move |stage, server| tftp(stage, server, block, window))
        }
        Work::Fetch { from, target, files } => {
            let fetching = |client: &'static Client| Contestant {
                name: client.name,
                program: client.program,
                turn: Box::new(move |stage| fetch(stage, client, from, target, files)),
            };
            CLIENTS.iter().map(fetching).collect()
        }
    }
}

/// Servers that all run the same turn.
fn serving<T>(servers: impl IntoIterator<Item = &'static Server>, turn: T) -> Vec<Contestant>
where
    T: Fn(&Stage, &Server) -> Result<Measure> + Copy + 'static,
{
    let contestant = |server: &'static Server| Contestant {
        name: server.name,
        program: server.program,
        turn: Box::new(move |stage| turn(stage, server)),
    };
    servers.into_iter().map(contestant).collect()
}

/// One repeated request.
fn repeat(stage: &Stage, server: &Server, load: &Load) -> Result<Measure> {
    let running = stage.start(server)?;
    let fields = fields(load, &running)?;
    let answer = Exchange::connect(running.port)?.get(load.target, &fields)?;
    check(load, &answer)?;
    press(stage, &running, load, &fields)
}

/// The load of `wrk`, and the resources of the server.
fn press(stage: &Stage, running: &Running, load: &Load, fields: &[String]) -> Result<Measure> {
    let before = running.usage()?;
    let counted = load::run(running.port, load, fields, stage.seconds)?;
    let after = running.usage()?;
    Ok(counted
        .measure(load)
        .with_cpu(after.cpu.saturating_sub(before.cpu), counted.answers(load))
        .with_memory(after.memory))
}

/// The field lines of a request. For conditional requests, the server is asked for its validators first.
fn fields(load: &Load, running: &Running) -> Result<Vec<String>> {
    Ok(match load.manner {
        Manner::Plain | Manner::Many => Vec::new(),
        Manner::Range => vec!["Range: bytes=536870912-536936447".to_owned()],
        Manner::Alone => vec!["Connection: close".to_owned()],
        Manner::Again => {
            let answer = Exchange::connect(running.port)?.get(load.target, &[])?;
            let sent_back = [("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")];
            let field = |(given, back)| Some(format!("{back}: {}", answer.head.field(given)?));
            sent_back.into_iter().filter_map(field).collect()
        }
    })
}

/// Fails unless the server sends the expected response.
fn check(load: &Load, answer: &Answer) -> Result<()> {
    let (status, length) = (answer.head.status.code(), answer.length);
    if status != load.status || load.length.is_some_and(|expected| expected != length) {
        return Err(format!("answers {status} with {length} bytes").into());
    }
    Ok(())
}

/// Uploads of new files.
fn receive(stage: &Stage, server: &Server, size: u64, connections: usize) -> Result<Measure> {
    let running = stage.start(server)?;
    let before = running.usage()?;
    let sent = upload::run(running.port, server.uploads, size, connections, stage.seconds);
    let after = running.usage()?;
    let arrived = folder::uploads(stage.place.path(), size);
    folder::clear_uploads(stage.place.path())?;
    let (sent, arrived) = (sent?, arrived?);
    if arrived != sent.answers() {
        return Err(format!("{} uploads were answered, but {arrived} files exist", sent.answers()).into());
    }
    let cpu = after.cpu.saturating_sub(before.cpu);
    Ok(sent.measure().with_cpu(cpu, sent.answers() as f64).with_memory(after.memory))
}

/// Load beside many idle connections.
fn beside_silence(stage: &Stage, server: &Server, connections: usize) -> Result<Measure> {
    const LOAD: Load = Load {
        target: "/1k.txt",
        connections: 16,
        manner: Manner::Plain,
        status: 200,
        length: Some(KILOBYTE),
    };
    let running = stage.start(server)?;
    let before = running.usage()?;
    let silent = idle::open(running.port, connections)?;
    let grown = running.usage()?.memory.saturating_sub(before.memory);
    let measure = press(stage, &running, &LOAD, &[])?;
    let closed = idle::count_closed(&silent);
    Ok(measure
        .with(Metric::MemoryEach, grown as f64 / connections as f64)
        .with(Metric::Failures, closed as f64))
}

/// The start-up time, the memory at rest, and the size of the program.
fn start(stage: &Stage, server: &Server) -> Result<Measure> {
    let running = stage.start(server)?;
    let measure = Measure::default()
        .with(Metric::Elapsed, running.started_in.as_secs_f64() * 1e3)
        .with_memory(running.usage()?.memory);
    match server.program.path() {
        // An interpreted program is more than its binary.
        Some(path) if server.name != "python" => {
            Ok(measure.with(Metric::Binary, fs::metadata(path)?.len() as f64 / 1024.0))
        }
        _ => Ok(measure),
    }
}

/// One file over TFTP. CPU time cannot be measured: the process that tftpd-hpa starts for a transfer ends
/// with it, and is not waited for.
fn tftp(stage: &Stage, server: &Server, block: u32, window: u32) -> Result<Measure> {
    /// A server that is not ready does not respond, and curl waits for it.
    const PROBE: Duration = Duration::from_secs(1);
    /// Many times what the slowest needs for blocks of 512 bytes.
    const TRANSFER: Duration = Duration::from_secs(60);
    let is_ready = |port| client::tftp(port, "1k.txt", block, 1, PROBE).is_ok();
    let running = server.start_and_wait(stage.place.path(), stage.logs, is_ready)?;
    let elapsed = client::tftp(running.port, "30m.bin", block, window, TRANSFER)?;
    Ok(Measure::default().with(Metric::Elapsed, elapsed.as_secs_f64() * 1e3))
}

/// Files downloaded by a client, from the same server for all clients.
fn fetch(stage: &Stage, client: &Client, from: &str, target: &str, files: usize) -> Result<Measure> {
    let server = SERVERS.iter().find(|server| server.name == from).ok_or("no server")?;
    let running = stage.start(server)?;
    let elapsed = client.fetch(running.port, target, files, stage.fetched.path())?;
    Ok(Measure::default().with(Metric::Elapsed, elapsed.as_secs_f64() * 1e3))
}
