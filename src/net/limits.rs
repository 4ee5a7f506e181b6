//! The limit of open files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard one, and returns the new limit. Ten thousand connections need ten
/// thousand descriptors; most systems set the soft limit to 1,024 only for programs that use `select`.
pub fn raise_open_files() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: now.maximum, maximum: now.maximum };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() { now.maximum } else { now.current };
    current.unwrap_or(u64::MAX)
}
