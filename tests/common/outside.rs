//! Programs that wharf did not bring: curl and the like.

use std::io::Write;
use std::process::{Command, Stdio};

/// A program of this machine, or `None`, said aloud, where it is not installed. With `WHARF_TESTS_SKIP=never`, as in
/// CI, its absence is a failure.
pub fn outside(program: &str) -> Option<Command> {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\"", program])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        skip(&format!("{program} is not installed"));
        return None;
    }
    Some(Command::new(program))
}

/// Prints why a test is skipped. With `WHARF_TESTS_SKIP=never` that is a failure.
pub fn skip(why: &str) {
    assert!(std::env::var("WHARF_TESTS_SKIP").as_deref() != Ok("never"), "{why}");
    // Not `eprintln!`, which is shown for tests that fail only.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
