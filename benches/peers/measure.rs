//! The figures that one turn gives.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// A kind of figure. The order is that of the table's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Requests a second.
    Rate,
    /// Milliseconds that the whole took.
    Elapsed,
    /// The median time of an answer, in microseconds.
    P50,
    /// The time that one answer of a hundred exceeds, in microseconds.
    P99,
    /// CPU time of the server's processes, in microseconds a request.
    Cpu,
    /// Resident memory of the server's processes, in KB.
    Memory,
    /// Resident memory that one silent connection adds, in bytes.
    MemoryEach,
    /// The size of the program, in KB.
    Binary,
    /// Connections that broke and answers that were not the one asked for.
    Failures,
}

impl Metric {
    /// What stands above its column.
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

/// What one turn gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Measure(BTreeMap<Metric, f64>);

impl Measure {
    /// With this figure too.
    #[must_use]
    pub fn with(mut self, metric: Metric, value: f64) -> Self {
        self.0.insert(metric, value);
        self
    }

    /// With the CPU time of so many requests.
    #[must_use]
    pub fn with_cpu(self, cpu: Duration, requests: f64) -> Self {
        self.with(Metric::Cpu, cpu.as_secs_f64() * 1e6 / requests.max(1.0))
    }

    /// With resident memory, given in bytes.
    #[must_use]
    pub fn with_memory(self, bytes: u64) -> Self {
        self.with(Metric::Memory, bytes as f64 / 1024.0)
    }

    /// A figure, if this turn has it.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        self.0.get(&metric).copied()
    }

    /// The kinds of figures that there are.
    pub fn metrics(&self) -> impl Iterator<Item = Metric> + '_ {
        self.0.keys().copied()
    }
}
