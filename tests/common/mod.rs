//! The harness: starts the real binary in a folder of its own, speaks to it, and stops it when dropped.
//!
//! A test that fails shows what the folder holds and what the server logged.

mod cable;
pub mod crowd;
pub mod daily;
mod dice;
mod disk;
mod fake;
mod front;
pub mod fuse;
mod mount;
mod nobody;
mod outside;
mod running;
mod server;
pub mod tftp;
mod wire;

pub use cable::Cable;
pub use dice::Dice;
pub use disk::SmallDisk;
pub use fake::{Fake, Plan, Proxy, field, target_of};
pub use front::{Front, Tls};
pub use mount::Mount;
pub use nobody::{Nobody, NobodyUdp};
pub use outside::{outside, skip};
pub use running::Running;
pub use server::{Output, Wharf, copy, root, run, sample};
pub use tftp::Tftp;
pub use wire::{Answer, Wire};

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How long anything in a test may take before it counts as never. Nothing is measured with it: a machine that is
/// slow only lets a failing test fail later.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until this comes true; panics with `what` if it never does.
#[track_caller]
pub fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < PATIENCE, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Lets this process open as many files as the system allows; says how many that is.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).expect("raised");
    limit.maximum.unwrap_or(u64::MAX)
}
