//! Secrets in environment variables.

use std::env;
use std::ffi::OsString;

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
