//! wharf compared with other servers: one folder, one machine, one run.
//!
//! `cargo bench --bench peers` starts every installed server, one at a time, in turns, and sends each the
//! same requests. Other load on the machine affects all of them, so the ratios are more reliable than the
//! values. `benches/README.md` explains the output.
//!
//! ```text
//!   case ──► turn ──┬──► server ──► process     a server, started and ended; its CPU time and memory
//!                   └──► load, upload, idle, client   its requests
//!                              │
//!   chart, report ◄── tally ◄──┘                medians, ratios, spread
//! ```
//!
//! Everything is on loopback and bounded in time, and all started processes end with this program: a server
//! is killed when its guard is dropped, also after a panic and after Ctrl-C.

// Everything here is used by this binary only.
#![allow(unreachable_pub)]

mod case;
mod chart;
mod client;
mod exchange;
mod folder;
mod idle;
mod load;
mod measure;
mod process;
mod report;
mod server;
mod tally;
mod turn;
mod upload;

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};

use case::{CASES, Case};
use tally::Tally;
use turn::{Contestant, Stage};

/// A result. Its error says what was tried and what went wrong.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// wharf compared with other servers
#[derive(Debug, Parser)]
struct Settings {
    /// A case to run, by its name or a prefix of it; may be repeated [default: all]
    #[arg(long, value_name = "NAME")]
    case: Vec<String>,
    /// A server or client to measure besides wharf; may be repeated [default: all that are installed]
    #[arg(long, value_name = "NAME")]
    peer: Vec<String>,
    /// The number of turns of each
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// The duration of the load in one turn
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// With access logs everywhere
    #[arg(long)]
    log: bool,
    /// Show the cases and the servers that take part
    #[arg(long)]
    list: bool,
    /// The directory for the results and the chart
    #[arg(long, value_name = "DIR", default_value = "target/peers")]
    out: PathBuf,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let settings = Settings::parse();
    let cases = settings.cases()?;
    if settings.list {
        return list(&cases);
    }
    process::raise_descriptor_limit()?;
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    let stage = Stage::prepare(&cases, Duration::from_secs(settings.seconds), settings.log)?;
    let mut tallies = Vec::new();
    for case in cases {
        let tally = run(case, &settings, &stage, &interrupted)?;
        writeln!(io::stdout(), "{}", report::table(&tally))?;
        tallies.push(tally);
    }
    report::write_json(&settings.out.join("results.json"), &tallies, settings.rounds, settings.seconds)?;
    chart::draw(&settings.out.join("chart.svg"), &tallies)?;
    writeln!(io::stdout(), "results.json and chart.svg are in {}", settings.out.display())?;
    Ok(())
}

impl Settings {
    fn cases(&self) -> Result<Vec<&'static Case>> {
        let is_name = |name: &String| CASES.iter().any(|case| case.name == name);
        let is_chosen = |case: &&Case| {
            let matches =
                |name: &String| case.name == name || (!is_name(name) && case.name.starts_with(name.as_str()));
            self.case.is_empty() || self.case.iter().any(matches)
        };
        let chosen: Vec<_> = CASES.iter().filter(is_chosen).collect();
        if chosen.is_empty() {
            return Err(
                format!("there is no case of these names: {} (see --list)", self.case.join(", ")).into()
            );
        }
        Ok(chosen)
    }

    fn takes(&self, contestant: &Contestant) -> bool {
        self.peer.is_empty() || contestant.is_ours() || self.peer.iter().any(|name| name == contestant.name)
    }
}

fn list(cases: &[&'static Case]) -> Result<()> {
    let mut out = io::stdout().lock();
    for case in cases {
        let who = turn::contestants(&case.work);
        let names: Vec<_> = who.iter().filter(|who| who.is_installed()).map(|who| who.name).collect();
        writeln!(out, "{:12} {} ({})", case.name, case.about, names.join(", "))?;
    }
    Ok(())
}

/// Gives each participant a turn, round by round. Each round begins with the next participant, because the
/// state of the machine may change within a round.
fn run(case: &'static Case, settings: &Settings, stage: &Stage, interrupted: &AtomicBool) -> Result<Tally> {
    let mut tally = Tally::new(case);
    let mut playing: Vec<_> =
        turn::contestants(&case.work).into_iter().filter(|who| settings.takes(who)).collect();
    for who in playing.extract_if(.., |who| !who.is_installed()) {
        tally.leave_out(who.name, "not installed".to_owned());
    }
    for _ in 0..settings.rounds {
        let mut failed = Vec::new();
        for who in &playing {
            if interrupted.load(Ordering::Relaxed) {
                return Err("interrupted".into());
            }
            write!(io::stderr(), "\r\x1b[K{} {}", case.name, who.name)?;
            match who.play(stage) {
                Ok(measure) => tally.add(who.name, measure),
                Err(why) => {
                    tally.leave_out(who.name, why.to_string());
                    failed.push(who.name);
                }
            }
        }
        playing.retain(|who| !failed.contains(&who.name));
        let first = playing.len().min(1);
        playing.rotate_left(first);
    }
    write!(io::stderr(), "\r\x1b[K")?;
    Ok(tally)
}
