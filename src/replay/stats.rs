//! The results of a replay so far: counts and times, for each line and in total.
//!
//! Results are counted, not stored, so a long replay needs no more memory than a short one.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::script::Script;
use crate::http::status::Status;

/// The longest time in the percentiles, an hour; a longer one counts as an hour.
const LONGEST: Duration = Duration::from_secs(3600);

/// Significant digits of a percentile.
const DIGITS: u8 = 3;

/// The result of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestResult {
    /// The status of its response and its time; `None` if no complete response arrived.
    pub response: Option<(Status, Duration)>,
    /// The bytes of content sent or received.
    pub bytes: u64,
    /// The expectations that were not met; `None` if all were.
    pub failure: Option<String>,
}

/// Counts and times of a replay.
#[derive(Debug)]
pub struct Stats {
    /// One for each step of the script, in its order.
    pub lines: Vec<LineStats>,
    times: Histogram<u64>,
}

/// Counts and times of one line.
#[derive(Debug, Clone, Default)]
pub struct LineStats {
    /// How often it was sent.
    pub sent: u64,
    /// How often it failed.
    pub failed: u64,
    /// How often each status was received.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes of content sent or received.
    pub bytes: u64,
    /// The first failure.
    pub failure: Option<String>,
    /// The times of its responses.
    pub times: Spread,
}

/// The minimum, the maximum and the sum of times.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spread {
    count: u32,
    sum: Duration,
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

impl Stats {
    /// No results yet.
    ///
    /// # Panics
    ///
    /// Never: the bounds of the histogram are valid constants.
    pub fn new(script: &Script) -> Self {
        let longest = u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
        let times = Histogram::new_with_bounds(1, longest, DIGITS).expect("valid bounds");
        Self { lines: vec![LineStats::default(); script.steps.len()], times }
    }

    /// Counts the result of a step.
    pub fn count(&mut self, step: usize, result: RequestResult) {
        if let Some((_, took)) = result.response {
            self.times.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
        if let Some(line) = self.lines.get_mut(step) {
            line.count(result);
        }
    }

    /// How many requests were sent.
    pub fn sent(&self) -> u64 {
        self.lines.iter().map(|line| line.sent).sum()
    }

    /// How many failed.
    pub fn failed(&self) -> u64 {
        self.lines.iter().map(|line| line.failed).sum()
    }

    /// Bytes of content sent or received.
    pub fn bytes(&self) -> u64 {
        self.lines.iter().map(|line| line.bytes).sum()
    }

    /// The time within which this fraction of the responses arrived (0.5 is the median); `None` if none
    /// arrived.
    pub fn percentile(&self, part: f64) -> Option<Duration> {
        let found = Duration::from_nanos(self.times.value_at_quantile(part));
        // The histogram returns the end of a bucket, which may be beyond the maximum.
        self.max().map(|max| found.min(max))
    }

    /// The longest time of a response.
    pub fn max(&self) -> Option<Duration> {
        self.lines.iter().filter(|line| line.times.count > 0).map(|line| line.times.max).max()
    }
}

impl LineStats {
    fn count(&mut self, result: RequestResult) {
        self.sent += 1;
        self.bytes += result.bytes;
        if let Some((status, took)) = result.response {
            *self.statuses.entry(status.code()).or_default() += 1;
            self.times.add(took);
        }
        if let Some(failure) = result.failure {
            self.failed += 1;
            self.failure.get_or_insert(failure);
        }
    }
}

impl Spread {
    fn add(&mut self, time: Duration) {
        self.min = if self.count == 0 { time } else { self.min.min(time) };
        self.max = self.max.max(time);
        self.sum += time;
        self.count = self.count.saturating_add(1);
    }

    /// The mean; `None` without times.
    pub fn mean(&self) -> Option<Duration> {
        self.sum.checked_div(self.count)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::client::address::ServerAddress;
    use crate::http::request::Method;
    use crate::replay::expect::Expectations;
    use crate::replay::script::{ScriptRequest, ScriptStep};

    /// A script with this many lines.
    pub(in crate::replay) fn script(lines: usize) -> Script {
        let request = ScriptRequest {
            method: Method::Get,
            target: "/a".to_owned(),
            accept: None,
            file: None,
            server: ServerAddress::default().server,
        };
        let step = |line| ScriptStep {
            line,
            name: "GET a".to_owned(),
            request: request.clone(),
            expected: Expectations::default(),
        };
        Script { name: "s.txt".to_owned(), steps: (1..=lines).map(step).collect() }
    }

    fn result(millis: u64, failure: Option<&str>) -> RequestResult {
        let response = Some((Status::OK, Duration::from_millis(millis)));
        RequestResult { response, bytes: 10, failure: failure.map(str::to_owned) }
    }

    #[test]
    fn counts_and_times() {
        let mut stats = Stats::new(&script(2));
        (1..=100).for_each(|millis| stats.count(0, result(millis, None)));
        stats.count(1, RequestResult { response: None, bytes: 0, failure: Some("first".to_owned()) });
        stats.count(1, result(7, Some("second")));
        assert_eq!((stats.sent(), stats.failed(), stats.bytes()), (102, 2, 1010));
        assert_eq!(stats.max(), Some(Duration::from_millis(100)));
        let median = stats.percentile(0.5).expect("responses").as_secs_f64();
        assert!((0.0499..0.0511).contains(&median), "{median}");
        assert_eq!(stats.lines[1].failure.as_deref(), Some("first"));
        assert_eq!(stats.lines[1].statuses, BTreeMap::from([(200, 1)]));
        let times = stats.lines[0].times;
        assert_eq!(
            (times.min, times.mean()),
            (Duration::from_millis(1), Some(Duration::from_micros(50_500)))
        );
    }

    #[test]
    fn without_results_there_are_no_percentiles() {
        let stats = Stats::new(&script(1));
        assert_eq!((stats.percentile(0.99), stats.max()), (None, None));
    }
}
