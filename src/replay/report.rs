//! The reports of a replay: the summary on the terminal, and JSON and `JUnit` for other programs.
//!
//! The JSON report is one object. Times are in milliseconds, or `null` without a response:
//!
//! ```json
//! {
//!   "script": "requests.txt", "requests": 2, "failed": 1, "bytes": 512, "seconds": 0.002,
//!   "latency_ms": { "p50": 0.4, "p90": 0.6, "p99": 0.6, "max": 0.6 },
//!   "lines": [
//!     { "line": 3, "request": "GET server/index.html", "sent": 1, "failed": 0, "statuses": { "200": 1 },
//!       "bytes": 512, "latency_ms": { "min": 0.4, "mean": 0.4, "max": 0.4 }, "failure": null }
//!   ]
//! }
//! ```
//!
//! `bytes` counts the content of responses and uploads, and `failure` is the first failure of the line. The `JUnit` report
//! has a test case for each line; its time is the mean.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::script::{Script, ScriptStep};
use super::stats::{LineStats, Stats};
use crate::format::{Bytes, Time};
use crate::printable::{self, Printable};

/// A finished replay.
#[derive(Debug, Clone, Copy)]
pub struct Report<'r> {
    /// The script.
    pub script: &'r Script,
    /// Its results.
    pub stats: &'r Stats,
    /// The total time.
    pub took: Duration,
}

#[derive(Serialize)]
struct Json<'r> {
    script: &'r str,
    requests: u64,
    failed: u64,
    bytes: u64,
    seconds: f64,
    latency_ms: Percentiles,
    lines: Vec<JsonLine<'r>>,
}

#[derive(Serialize)]
struct Percentiles {
    p50: Option<f64>,
    p90: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
}

#[derive(Serialize)]
struct JsonLine<'r> {
    line: usize,
    request: &'r str,
    sent: u64,
    failed: u64,
    statuses: &'r BTreeMap<u16, u64>,
    bytes: u64,
    latency_ms: JsonSpread,
    failure: Option<&'r str>,
}

#[derive(Serialize)]
struct JsonSpread {
    min: Option<f64>,
    mean: Option<f64>,
    max: Option<f64>,
}

impl Report<'_> {
    /// Writes two lines: the counts and the percentiles.
    pub fn summarize(&self, out: &mut dyn Write) -> io::Result<()> {
        let (sent, failed) = (self.stats.sent(), self.stats.failed());
        let requests = if sent == 1 { "request" } else { "requests" };
        let (bytes, took) = (Bytes(self.stats.bytes()), Time(self.took));
        writeln!(out, "{sent} {requests}, {} ok, {failed} failed, {bytes} in {took}", sent - failed)?;
        let times = [self.stats.percentile(0.5), self.stats.percentile(0.9), self.stats.percentile(0.99)];
        if let ([Some(p50), Some(p90), Some(p99)], Some(max)) = (times, self.stats.max()) {
            let [p50, p90, p99, max] = [p50, p90, p99, max].map(Time);
            writeln!(out, "p50 {p50}, p90 {p90}, p99 {p99}, max {max}")?;
        }
        Ok(())
    }

    /// Writes the JSON report.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let percentile = |part| self.stats.percentile(part).map(millis);
        let json = Json {
            script: &self.script.name,
            requests: self.stats.sent(),
            failed: self.stats.failed(),
            bytes: self.stats.bytes(),
            seconds: self.took.as_secs_f64(),
            latency_ms: Percentiles {
                p50: percentile(0.5),
                p90: percentile(0.9),
                p99: percentile(0.99),
                max: self.stats.max().map(millis),
            },
            lines: self.lines().map(json_line).collect(),
        };
        writeln!(out, "{}", printable::json(&serde_json::to_string_pretty(&json)?))
    }

    /// Writes the `JUnit` report.
    pub fn write_junit(&self, out: &mut dyn Write) -> io::Result<()> {
        let name = escape(&self.script.name);
        let cases = self.script.steps.len();
        let failures = self.stats.lines.iter().filter(|line| line.failed > 0).count();
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(out, "<testsuites>")?;
        let counts = format!("tests=\"{cases}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\"");
        let seconds = self.took.as_secs_f64();
        writeln!(out, "  <testsuite name=\"{name}\" {counts} time=\"{seconds:.6}\">")?;
        self.lines().try_for_each(|(step, line)| junit_case(out, &name, step, line))?;
        writeln!(out, "  </testsuite>")?;
        writeln!(out, "</testsuites>")
    }

    fn lines(&self) -> impl Iterator<Item = (&ScriptStep, &LineStats)> {
        self.script.steps.iter().zip(&self.stats.lines)
    }
}

fn json_line<'r>((step, line): (&'r ScriptStep, &'r LineStats)) -> JsonLine<'r> {
    let mean = line.times.mean();
    JsonLine {
        line: step.line,
        request: &step.name,
        sent: line.sent,
        failed: line.failed,
        statuses: &line.statuses,
        bytes: line.bytes,
        latency_ms: JsonSpread {
            min: mean.map(|_| millis(line.times.min)),
            mean: mean.map(millis),
            max: mean.map(|_| millis(line.times.max)),
        },
        failure: line.failure.as_deref(),
    }
}

fn junit_case(out: &mut dyn Write, script: &str, step: &ScriptStep, line: &LineStats) -> io::Result<()> {
    let name = escape(&format!("{}: {}", step.line, step.name));
    let seconds = line.times.mean().unwrap_or_default().as_secs_f64();
    write!(out, "    <testcase classname=\"{script}\" name=\"{name}\" time=\"{seconds:.6}\"")?;
    match &line.failure {
        None => writeln!(out, "/>"),
        Some(failure) => {
            let message = escape(&format!("{failure} ({} of {} failed)", line.failed, line.sent));
            writeln!(out, "><failure message=\"{message}\"/></testcase>")
        }
    }
}

/// Milliseconds, to the microsecond.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Escapes text for an XML attribute. Control characters, which XML 1.0 cannot contain, become visible escapes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in Printable::text(text).to_string().chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML 1.0 §2.2 forbids these two.
            '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(escaped, "{}", c.escape_unicode());
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::status::Status;
    use crate::replay::stats::RequestResult;
    use crate::replay::stats::tests::script;

    /// The report of a replay of two requests, one of which failed.
    fn written(write: impl Fn(&Report<'_>, &mut dyn Write) -> io::Result<()>) -> String {
        let script = script(2);
        let mut stats = Stats::new(&script);
        let response = Some((Status::OK, Duration::from_millis(2)));
        stats.count(0, RequestResult { response, bytes: 12, failure: None });
        stats.count(
            1,
            RequestResult { response: None, bytes: 0, failure: Some("<no> \"\x1b\" & \u{ffff}".to_owned()) },
        );
        let mut out = Vec::new();
        let report = Report { script: &script, stats: &stats, took: Duration::from_secs(1) };
        write(&report, &mut out).expect("writing to a vector cannot fail");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn the_summary() {
        let text = written(|report, out| report.summarize(out));
        let expected =
            "2 requests, 1 ok, 1 failed, 12 B in 1.00 s\np50 2.0 ms, p90 2.0 ms, p99 2.0 ms, max 2.0 ms\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_json_report() {
        let text = written(|report, out| report.write_json(out));
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(json["failed"], 1);
        assert_eq!(json["lines"][0]["statuses"]["200"], 1);
        assert_eq!(json["lines"][0]["latency_ms"]["mean"], 2.0);
        assert_eq!(json["lines"][1]["latency_ms"]["mean"], serde_json::Value::Null);
        assert_eq!(json["lines"][1]["line"], 2);
    }

    #[test]
    fn the_junit_report() {
        let text = written(|report, out| report.write_junit(out));
        assert!(text.contains("tests=\"2\" failures=\"1\""), "{text}");
        let failure = "message=\"&lt;no&gt; &quot;\\u{1b}&quot; &amp; \\u{ffff} (1 of 1 failed)\"";
        assert!(text.contains(failure), "{text}");
    }
}
