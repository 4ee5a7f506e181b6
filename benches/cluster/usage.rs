//! Processor time and memory of programs, from `/proc`.

use std::fs;
use std::num::NonZero;
use std::thread;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, getpid};

use super::common::cluster::Cluster;
use super::common::store::Store;

/// The processor time that the programs have used so far. The kernel counts in ticks of 10 ms.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// All servers together.
    pub servers: Duration,
    pub proxy: Duration,
    pub store: Duration,
    /// This program, which is all the clients.
    pub clients: Duration,
}

impl Usage {
    /// The processor time of this cluster, and of its store.
    pub fn of(cluster: &Cluster, store: &Store) -> Self {
        Self {
            servers: cluster.servers().iter().map(|server| processor_time(server.pid())).sum(),
            proxy: processor_time(cluster.proxy().pid()),
            store: store.pid().map(processor_time).unwrap_or_default(),
            clients: processor_time(getpid()),
        }
    }

    /// The share of all processors that the programs have used in this time, in percent.
    pub fn share(self, time: Duration) -> f64 {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let used = self.servers + self.proxy + self.store + self.clients;
        100.0 * used.as_secs_f64() / (time.as_secs_f64() * processors as f64)
    }

    /// What was used since.
    pub fn since(self, before: Self) -> Self {
        Self {
            servers: self.servers.saturating_sub(before.servers),
            proxy: self.proxy.saturating_sub(before.proxy),
            store: self.store.saturating_sub(before.store),
            clients: self.clients.saturating_sub(before.clients),
        }
    }
}

/// Microseconds for each of so many things.
pub fn each(time: Duration, count: u64) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6 / count.max(1) as f64)
}

fn processor_time(pid: Pid) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64)
}

/// The resident memory, in KB.
pub fn memory(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
