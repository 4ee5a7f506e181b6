//! The measurements of one turn.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// A kind of measurement. The order is that of the table's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Requests per second.
    Rate,
    /// Total time, in milliseconds.
    Elapsed,
    /// The median response time, in microseconds.
    P50,
    /// The 99th percentile of the response time, in microseconds.
    P99,
    /// CPU time of the server's processes per request, in microseconds.
    Cpu,
    /// Resident memory of the server's processes, in KB.
    Memory,
    /// Resident memory added per idle connection, in bytes.
    MemoryEach,
    /// The size of the program, in KB.
    Binary,
    /// Failed connections and unexpected responses.
    Failures,
}

impl Metric {
    /// The heading of its column.
    pub fn label(self) -> &'static str {
        match self {
            Self::Rate => "requests/s",
            Self::Elapsed => "ms",
            Self::P50 => "p50 µs",
            Self::P99 => "p99 µs",
            Self::Cpu => "CPU µs/request",
            Self::Memory => "RSS KB",
            Self::MemoryEach => "RSS bytes/connection",
            Self::Binary => "program KB",
            Self::Failures => "failures",
        }
    }
}

/// The measurements of one turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Measure(BTreeMap<Metric, f64>);

impl Measure {
    /// Adds this measurement.
    #[must_use]
    pub fn with(mut self, metric: Metric, value: f64) -> Self {
        self.0.insert(metric, value);
        self
    }

    /// Adds the CPU time per request, for this many requests.
    #[must_use]
    pub fn with_cpu(self, cpu: Duration, requests: f64) -> Self {
        self.with(Metric::Cpu, cpu.as_secs_f64() * 1e6 / requests.max(1.0))
    }

    /// Adds resident memory, given in bytes.
    #[must_use]
    pub fn with_memory(self, bytes: u64) -> Self {
        self.with(Metric::Memory, bytes as f64 / 1024.0)
    }

    /// A measurement, if this turn has it.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        self.0.get(&metric).copied()
    }

    /// The kinds of measurements in this turn.
    pub fn metrics(&self) -> impl Iterator<Item = Metric> + '_ {
        self.0.keys().copied()
    }
}
