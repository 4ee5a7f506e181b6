//! The test harness: starts the real binary with a folder of its own, talks to it, and stops it when dropped.
//! If a test fails, it prints the folder's contents and the server's log.

#[cfg(feature = "accounts")]
pub mod accounts;
mod closed_port;
#[allow(dead_code, reason = "the benchmark prints more than the tests assert")]
pub mod cluster;
pub mod crowd;
pub mod daily;
mod disk;
mod ear;
mod fake;
mod forwarder;
pub mod fuse;
pub mod gluster;
pub mod moosefs;
mod mount;
#[cfg(feature = "accounts")]
pub mod office;
mod outside;
mod random;
mod reverse_proxy;
mod running;
mod server;
#[cfg(feature = "shared")]
pub mod store;
pub mod tftp;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
pub mod tls_fake;
pub mod trees;
mod wire;

pub use closed_port::{ClosedPort, ClosedUdpPort};
pub use disk::SmallDisk;
pub use ear::Ear;
pub use fake::{Fake, Plan, Proxy, field, read_head, target_of};
pub use forwarder::Forwarder;
pub use mount::Mount;
pub use outside::{outside, skip};
pub use random::Random;
pub use reverse_proxy::{Place, Program, ReverseProxy, Tls, deployed, replaced, with_addresses};
pub use running::Running;
pub use server::{Output, Wharf, copy, root, run, run_with, sample};
pub use tftp::Tftp;
#[cfg(feature = "tls")]
pub use tls::{ClientTls, client_config, over_tls, pem};
pub use wire::{Answer, Wire};

use std::fmt::Display;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How long any step of a test may take before it fails. No test measures this time, so only a failing test takes
/// longer.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The longest pause between two attempts. An attempt may cost a browser, or a long log, some milliseconds of CPU time.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Waits until `is_true` returns true. Panics with `what` if it never does.
#[track_caller]
pub fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    eventually_ok(what, || if is_true() { Ok(()) } else { Err("it is not so") });
}

/// Tries this until it succeeds, and returns the result. Panics with `what` and the last error if it never does.
#[track_caller]
pub fn eventually_ok<T, E: Display>(what: &str, mut attempt: impl FnMut() -> Result<T, E>) -> T {
    let (start, mut pause) = (Instant::now(), Duration::from_millis(1));
    loop {
        match attempt() {
            Ok(result) => return result,
            Err(error) => assert!(start.elapsed() < PATIENCE, "timed out waiting for: {what}: {error}"),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Raises this process's limit of open files to the hard limit, and returns it.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).expect("raised");
    limit.maximum.unwrap_or(u64::MAX)
}
