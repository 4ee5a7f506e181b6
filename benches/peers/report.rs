//! The results as a table for people and as JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::SystemTime;

use serde::Serialize;

use super::Result;
use super::measure::{Measure, Metric};
use super::tally::{Row, Spread, Tally};

/// A case's table, in Markdown. A cell is the median, followed by the ratio to ours with its lowest and
/// highest value.
pub fn table(tally: &Tally) -> String {
    let metrics: Vec<_> = tally.metrics().into_iter().collect();
    let mut text = format!("### {}: {}\n\n| server |", tally.case.name, tally.case.about);
    for metric in &metrics {
        let _ = write!(text, " {} |", metric.label());
    }
    let _ = writeln!(text, "\n| --- |{}", " ---: |".repeat(metrics.len()));
    for row in &tally.rows {
        let _ = write!(text, "| {} |", row.name);
        for metric in &metrics {
            let _ = write!(text, " {} |", cell(tally, row, *metric));
        }
        text.push('\n');
    }
    for (name, why) in &tally.left_out {
        let _ = write!(text, "\nLeft out: {name} ({why}).");
    }
    text.push('\n');
    text
}

fn cell(tally: &Tally, row: &Row, metric: Metric) -> String {
    let Some(figures) = row.spread(metric) else { return "–".to_owned() };
    let figure = figure(figures.median);
    match tally.ratio(row, metric).filter(|_| metric != Metric::Failures) {
        Some(Spread { least, median, greatest }) => {
            format!("{figure} ×{median:.2} ({least:.2}–{greatest:.2})")
        }
        None => figure,
    }
}

/// A number with about three significant digits, and commas between thousands.
pub fn figure(value: f64) -> String {
    if value < 100.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The complete run.
#[derive(Serialize)]
struct Run<'a> {
    date: String,
    commit: Option<String>,
    cores: usize,
    rounds: u32,
    seconds: u64,
    cases: Vec<CaseResult<'a>>,
}

/// The results of one case.
#[derive(Serialize)]
struct CaseResult<'a> {
    name: &'a str,
    about: &'a str,
    contestants: Vec<Contestant<'a>>,
    left_out: BTreeMap<&'a str, &'a str>,
}

/// One server or client of a case.
#[derive(Serialize)]
struct Contestant<'a> {
    name: &'a str,
    figures: BTreeMap<Metric, Spread>,
    ratios: BTreeMap<Metric, Spread>,
    rounds: &'a [Measure],
}

/// Writes all measurements of each round.
pub fn write_json(path: &Path, tallies: &[Tally], rounds: u32, seconds: u64) -> Result<()> {
    let run = Run {
        date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        commit: commit(),
        cores: thread::available_parallelism()?.get(),
        rounds,
        seconds,
        cases: tallies.iter().map(case_result).collect(),
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, serde_json::to_string_pretty(&run)? + "\n")?)
}

fn case_result(tally: &Tally) -> CaseResult<'_> {
    let contestant = |row| Contestant::of(tally, row);
    CaseResult {
        name: tally.case.name,
        about: tally.case.about,
        contestants: tally.rows.iter().map(contestant).collect(),
        left_out: tally.left_out.iter().map(|(name, why)| (*name, why.as_str())).collect(),
    }
}

impl<'a> Contestant<'a> {
    fn of(tally: &'a Tally, row: &'a Row) -> Self {
        let metrics = tally.metrics();
        let figures = metrics.iter().filter_map(|metric| Some((*metric, row.spread(*metric)?)));
        let ratios = metrics.iter().filter_map(|metric| Some((*metric, tally.ratio(row, *metric)?)));
        Self { name: row.name, figures: figures.collect(), ratios: ratios.collect(), rounds: &row.rounds }
    }
}

/// The measured commit, with `-dirty` after it if there are uncommitted changes; `None` outside a repository.
fn commit() -> Option<String> {
    let output = Command::new("git").args(["describe", "--always", "--dirty"]).output().ok()?;
    let text = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.filter(|text| !text.is_empty())
}
