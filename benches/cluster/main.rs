//! Three servers of one folder behind HAProxy, with a real `redis-server`: what clients notice while servers restart
//! and are killed, and what it costs.
//!
//! ```sh
//! cargo bench --bench cluster                                        # everything: about a quarter of an hour
//! cargo bench --bench cluster -- --case kill --kills 10              # one case, quickly
//! cargo bench --bench cluster -- --case rolling --earlier ./wharf-0  # an upgrade from this version
//! ```
//!
//! Each case prints its figures, and the targets that some of them have. A missed target makes the command fail. The
//! tests assert the same where a figure is not needed (`tests/cluster.rs`).

// Everything here is for this binary only.
#![allow(unreachable_pub)]
// The test harness has more than is needed here; a failed assertion ends the benchmark.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../../tests/common/mod.rs"]
#[allow(dead_code, unused_imports)]
mod common;
mod costs;
mod ends;
#[path = "../peers/exchange.rs"]
#[allow(dead_code)]
mod exchange;
mod receivers;
mod report;
mod rest;
mod speakers;
mod stores;
mod streams;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use report::Report;

/// The result type of this benchmark.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Three servers behind HAProxy
#[derive(Debug, Parser)]
pub struct Settings {
    /// Only this case; may be given again
    #[arg(long, value_enum)]
    case: Vec<Case>,
    /// How often each server is restarted, and each store killed
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How often a server is killed
    #[arg(long, default_value_t = 100)]
    kills: usize,
    /// How many files are sent and fetched
    #[arg(long, default_value_t = 10_000)]
    files: usize,
    /// How many event streams each server has
    #[arg(long, default_value_t = 1000)]
    streams: usize,
    /// How long costs and streams are measured
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// An earlier version of the program: the rolling restart upgrades it, and its memory is compared
    #[arg(long, value_name = "PATH")]
    earlier: Option<PathBuf>,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Case {
    /// Restarts each server while clients use it
    Rolling,
    /// Kills servers
    Kill,
    /// Kills the store, and starts it again
    Store,
    /// Kills the store's primary, and promotes its replica
    Primary,
    /// Many event streams at each server
    Streams,
    /// Sends and fetches many files while servers restart
    Transfer,
    /// Threads and memory at rest
    Rest,
    /// The processor time of requests, bytes and messages
    Costs,
}

fn main() -> ExitCode {
    let settings = Settings::parse();
    common::raise_open_files();
    let mut report = Report::default();
    for case in Case::value_variants() {
        let is_wanted = settings.case.is_empty() || settings.case.contains(case);
        if is_wanted && let Err(error) = case.measure(&settings, &mut report) {
            eprintln!("error: {case:?}: {error}");
            return ExitCode::FAILURE;
        }
    }
    report.exit()
}

impl Case {
    fn measure(self, settings: &Settings, report: &mut Report) -> Result<()> {
        match self {
            Self::Rolling => ends::rolling(settings, report),
            Self::Kill => ends::killed(settings, report),
            Self::Store => stores::restarted(settings, report),
            Self::Primary => stores::promoted(settings, report),
            Self::Streams => streams::measure(settings, report)?,
            Self::Transfer => ends::transfer(settings, report),
            Self::Rest => rest::measure(settings, report),
            Self::Costs => costs::measure(settings, report)?,
        }
        Ok(())
    }
}
