//! Load from `wrk`, which uses little CPU time and measures precisely.
//!
//! One thread of `wrk` uses a whole core; a second would take CPU time from the servers. Each of its connections waits
//! for a response before it sends the next request. So a server that stalls gets fewer requests, and its p99 looks
//! better than it is.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::Result;
use super::case::{Load, MANY, MEGABYTE, Manner};
use super::folder;
use super::measure::{Measure, Metric};

/// How long `wrk` waits for a response: longer than the largest body takes on a busy machine.
const TIMEOUT: &str = "--timeout=30s";

/// From this size on, a response in progress at the end is counted by its bytes: it would otherwise be a
/// large part of the total.
const LARGE: u64 = MEGABYTE;

/// The results of `wrk`. Times are in microseconds.
#[derive(Debug, Deserialize)]
pub struct Counted {
    requests: u64,
    elapsed: u64,
    bytes: u64,
    p50: u64,
    p99: u64,
    /// Connections that failed.
    broken: u64,
    /// Responses with a status of 400 and above.
    statuses: u64,
}

/// Repeats a request for this long.
pub fn run(port: u16, load: &Load, fields: &[String], time: Duration) -> Result<Counted> {
    let scratch = folder::scratch()?;
    let script = scratch.path().join("load.lua");
    let more = match load.manner {
        Manner::Many => format!("local MANY = {MANY}\n{}", include_str!("many.lua")),
        _ => String::new(),
    };
    fs::write(&script, format!("{more}{}", include_str!("report.lua")))?;
    let mut command = Command::new("wrk");
    command.args(["--threads=1", TIMEOUT]);
    command.arg(format!("--connections={}", load.connections));
    command.arg(format!("--duration={}s", time.as_secs()));
    command.arg("--script").arg(script);
    for field in fields {
        command.args(["--header", field]);
    }
    let output = command
        .arg(format!("http://127.0.0.1:{port}{}", load.target))
        .output()
        .map_err(|error| format!("cannot run wrk: {error} (it is in Debian's package of that name)"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().rfind(|line| line.starts_with('{')).ok_or_else(|| {
        format!("wrk reported nothing: {} {}", said.trim(), String::from_utf8_lossy(&output.stderr).trim())
    })?;
    let counted: Counted = serde_json::from_str(line)?;
    if counted.requests == 0 { Err("wrk could not parse its response".into()) } else { Ok(counted) }
}

impl Counted {
    /// The number of responses, including parts of large ones.
    pub fn answers(&self, load: &Load) -> f64 {
        match load.length {
            Some(length) if length >= LARGE => self.bytes as f64 / length as f64,
            _ => self.requests as f64,
        }
    }

    /// Its measurements.
    pub fn measure(&self, load: &Load) -> Measure {
        let unexpected = if load.status < 400 { self.statuses } else { 0 };
        Measure::default()
            .with(Metric::Rate, self.answers(load) * 1e6 / self.elapsed.max(1) as f64)
            .with(Metric::P50, self.p50 as f64)
            .with(Metric::P99, self.p99 as f64)
            .with(Metric::Failures, (self.broken + unexpected) as f64)
    }
}
