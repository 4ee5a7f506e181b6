//! Secrets in environment variables and in memory.

use std::env;
use std::ffi::OsString;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use super::exit::Failure;

/// The value of a variable, if it is set. The variable is removed, because child processes and other programs of the user
/// could read it. Call it before there is a second thread.
pub(super) fn take_variable(name: &str) -> Option<OsString> {
    let value = env::var_os(name)?;
    #[allow(unsafe_code)]
    // SAFETY: no other thread reads the environment, because the command has not started one yet.
    unsafe {
        env::remove_var(name);
    }
    Some(value)
}

/// Hides secrets: other programs of the same user cannot read them from memory, nor from the environment that the process
/// started with, and a core dump does not contain them.
pub(super) fn hide_memory() -> Result<(), Failure> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
