//! What the page needs from the server: thumbnails for the grid.
//!
//! ```sh
//! cargo bench --bench page
//! cargo bench --bench page -- --case thumbs --photos 300
//! ```
//!
//! `benches/README.md` explains the cases.

// Everything here is used by this binary only.
#![allow(unreachable_pub)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../common/mod.rs"]
mod common;
mod http;
mod photos;
#[path = "../cluster/report.rs"]
#[allow(dead_code)]
mod report;
#[path = "../common/server.rs"]
mod server;
mod thumbs;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use common::Result;
use report::Report;

/// What the page needs from the server
#[derive(Debug, Parser)]
struct Settings {
    /// The wharf to measure [default: the one built here]
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Measure only cases with a name that begins with this: `thumbs`
    #[arg(long, value_name = "NAME", default_value = "")]
    case: String,
    /// How many photos are in the folder of `thumbs`
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    photos: u32,
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
    let cases: [(&str, fn(&Settings, &mut Report) -> Result<()>); 1] = [("thumbs", thumbs::measure)];
    for (_, measure) in cases.iter().filter(|(name, _)| name.starts_with(&settings.case)) {
        measure(settings, report)?;
    }
    Ok(())
}
