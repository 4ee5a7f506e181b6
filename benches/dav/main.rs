//! WebDAV: the processor time, the memory and the time of wharf, beside other servers.
//!
//! ```sh
//! cargo bench --bench dav
//! cargo bench --bench dav -- --case propfind --rounds 9 --seconds 1
//! cargo bench --bench dav -- --case files --files 1000
//! ```
//!
//! In each round, each server takes one turn with a folder of its own or with the same folder, and the next round begins with
//! another. `benches/README.md` explains the cases, and `benches/DAV.md` has a dated run.
//!
//! `DELETE` and `MOVE` of large trees are not here: `tests/trash/system_calls.rs` and the benchmark `changes` count their system
//! calls.

// Everything here is used by this binary only.
#![allow(unreachable_pub)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod davfs;
mod files;
mod floor;
mod memory;
#[path = "../load/peers.rs"]
mod peers;
mod propfind;
#[path = "../cluster/report.rs"]
#[allow(dead_code)]
mod report;
mod servers;
mod turns;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use peers::Result;
use report::Report;

/// WebDAV of wharf, beside other servers
#[derive(Debug, Parser)]
struct Settings {
    /// The wharf to measure [default: the one built here]
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Measure only cases with a name that begins with this: `propfind`, `files`, `davfs`, `memory`
    #[arg(long, value_name = "NAME", default_value = "")]
    case: String,
    /// The number of turns of each server
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// The duration of one turn in `propfind`
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How many files one turn of `files` creates
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    files: u32,
    /// How many entries the directory of `memory` has
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    entries: u32,
    /// How many clients read at once in `memory`
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=64))]
    clients: u32,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let mut report = Report::default();
    match measure(&Settings::parse(), &mut report) {
        Ok(()) => report.exit(),
        failed => common::exit(failed),
    }
}

fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let cases: [(&str, fn(&Settings, &mut Report) -> Result<()>); 4] = [
        ("propfind", propfind::measure),
        ("files", files::measure),
        ("davfs", davfs::measure),
        ("memory", memory::measure),
    ];
    for (_, measure) in cases.iter().filter(|(name, _)| name.starts_with(&settings.case)) {
        measure(settings, report)?;
    }
    Ok(())
}
