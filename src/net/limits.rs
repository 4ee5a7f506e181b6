//! The limit on open files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit on open files to the hard limit, and returns the new soft limit. Ten thousand connections need
/// ten thousand descriptors. Most systems set the soft limit to 1,024, because programs that use `select` need a low
/// one.
pub fn raise_open_files() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: now.maximum, maximum: now.maximum };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() { now.maximum } else { now.current };
    current.unwrap_or(u64::MAX)
}
