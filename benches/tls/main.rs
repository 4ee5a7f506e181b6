//! HTTPS: the processor time and the memory of wharf, beside nginx and h2o.
//!
//! ```sh
//! cargo bench --bench tls                                          # everything
//! cargo bench --bench tls -- --case 1k --rounds 9 --seconds 1
//! cargo bench --bench tls -- --binary target/release/wharf --binary /usr/local/bin/wharf
//! ```
//!
//! All serve the same files with the same certificate (ECDSA with P-256). The clients are rustls, in one thread, and offer TLS 1.3, one
//! cipher and one group, so all servers compute the same. In each round, each server takes one turn, and the next round
//! begins with another. `benches/README.md` explains how to read the table.

// Everything here is used by this binary only.
#![allow(unreachable_pub)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod idle;
mod load;
#[path = "../peers/process.rs"]
mod process;
mod report;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use common::Result;
use load::Work;
use report::Table;
use server::{Server, Stage};

/// wharf beside other servers over TLS
#[derive(Debug, Parser)]
struct Settings {
    /// The wharf to measure; may be repeated [default: the one built here]
    #[arg(long, value_name = "PATH")]
    binary: Vec<PathBuf>,
    /// Measure only cases with a name that begins with this
    #[arg(long, value_name = "NAME", default_value = "")]
    case: String,
    /// The number of turns of each server
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// The duration of the load in one turn
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How many connections are idle
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    idle: usize,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// A case.
pub struct Case {
    name: &'static str,
    about: &'static str,
    unit: &'static str,
    /// The highest ratio to nginx that is wanted.
    target: Option<f64>,
    measured: Measured,
}

/// What is measured.
enum Measured {
    /// The processor time of this work over this many connections.
    Cpu(Work, usize),
    /// The memory of idle connections.
    Idle,
}

const SMALL: Case = Case {
    name: "",
    about: "1 KB, kept alive",
    unit: "CPU µs/request",
    target: Some(0.90),
    measured: Measured::Idle,
};

const CASES: [Case; 7] = [
    Case { name: "1k-16", measured: Measured::Cpu(Work::Small, 16), ..SMALL },
    Case { name: "1k-64", measured: Measured::Cpu(Work::Small, 64), ..SMALL },
    Case { name: "1k-256", measured: Measured::Cpu(Work::Small, 256), ..SMALL },
    Case {
        name: "100m-4",
        about: "100 MB, 4 connections",
        unit: "CPU µs/response",
        target: Some(0.75),
        measured: Measured::Cpu(Work::Large, 4),
    },
    Case {
        name: "full",
        about: "a full handshake, 1 KB, the end; 16 at once",
        unit: "CPU µs/connection",
        target: Some(0.65),
        measured: Measured::Cpu(Work::Handshake { resumes: false }, 16),
    },
    Case {
        name: "resumed",
        about: "a resumed handshake, 1 KB, the end; 16 at once",
        unit: "CPU µs/connection",
        target: Some(0.65),
        measured: Measured::Cpu(Work::Handshake { resumes: true }, 16),
    },
    Case {
        name: "idle",
        about: "idle connections after one response",
        unit: "RSS bytes/connection",
        target: None,
        measured: Measured::Idle,
    },
];

fn main() -> ExitCode {
    common::exit(measure(&Settings::parse()))
}

fn measure(settings: &Settings) -> Result<()> {
    process::raise_descriptor_limit()?;
    println!("{}\n", report::processor());
    let servers = servers(settings);
    let stage = Stage::new()?;
    let idle = idle::possible(settings.idle);
    if idle < settings.idle {
        println!(
            "SKIPPED: {} of the idle connections: the limit of descriptors allows {idle}",
            settings.idle - idle
        );
    }
    let chosen = CASES.iter().filter(|case| case.name.starts_with(&settings.case));
    for case in chosen {
        let mut table = Table::new(case, servers.iter().map(|server| server.name.clone()));
        for round in 0..settings.rounds as usize {
            for at in (0..servers.len()).map(|turn| (round + turn) % servers.len()) {
                if table.is_left_out(at) {
                    continue;
                }
                eprint!("\r\x1b[K{} {}", case.name, servers[at].name);
                match turn_of(&servers[at], &stage, case, settings) {
                    Ok(value) => table.add(at, value),
                    Err(why) => table.leave_out(at, why.to_string()),
                }
            }
        }
        eprint!("\r\x1b[K");
        println!("{table}");
    }
    Ok(())
}

/// Starts a server, and measures it.
fn turn_of(server: &Server, stage: &Stage, case: &Case, settings: &Settings) -> Result<f64> {
    let running = server.start(stage)?;
    match case.measured {
        Measured::Idle => idle::memory(&running, stage, idle::possible(settings.idle)),
        Measured::Cpu(work, connections) => {
            load::cpu(&running, stage, work, connections, Duration::from_secs(settings.seconds))
        }
    }
}

/// Those that take part: first wharf, then those that are installed.
fn servers(settings: &Settings) -> Vec<Server> {
    let binaries = common::binaries(&settings.binary);
    let name = |at: usize| if at == 0 { "wharf".to_owned() } else { format!("wharf {}", at + 1) };
    let mut servers: Vec<_> =
        binaries.into_iter().enumerate().map(|(at, program)| Server::wharf(program, name(at))).collect();
    for (name, server) in Server::peers() {
        match server {
            Some(server) => servers.push(server),
            None => println!("SKIPPED: {name} is not installed (apt-get install {name})"),
        }
    }
    servers
}
