//! External programs: curl and the like.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Programs whose name is ambiguous: the flag that prints the version, and a part of the expected output.
/// Debian's `in.tftpd` may be atftpd's, and `BusyBox` provides many of them.
const MAKES: [(&str, &str, &str); 8] = [
    ("in.tftpd", "-V", "tftp-hpa"),
    ("tftp", "-V", "tftp-hpa"),
    ("unzip", "-v", "Info-ZIP"),
    ("wget", "--version", "GNU Wget"),
    ("mount", "--version", "util-linux"),
    ("script", "--version", "util-linux"),
    ("setpriv", "--version", "util-linux"),
    ("unshare", "--version", "util-linux"),
];

/// The tests that were skipped, with the reasons.
static SKIPPED: Mutex<BTreeSet<(String, String)>> = Mutex::new(BTreeSet::new());

/// A program of this machine. `None` if it is not installed, or if it is another program with the same name:
/// the test is then skipped ([`skip`]).
pub fn outside(program: &str) -> Option<Command> {
    match wrong(program, &MAKES) {
        None => Some(Command::new(program)),
        Some(why) => {
            skip(&why);
            None
        }
    }
}

/// Why a program cannot be used.
fn wrong(program: &str, makes: &[(&str, &str, &str)]) -> Option<String> {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\"", program])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        return Some(format!("{program} is not installed"));
    }
    let (_, flag, make) = makes.iter().find(|(name, ..)| *name == program)?;
    let output = Command::new(program).arg(flag).stdin(Stdio::null()).output();
    let printed = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    let printed = String::from_utf8_lossy(&printed);
    let version = printed.lines().next().unwrap_or("nothing");
    (!printed.contains(make)).then(|| format!("{program} is not the one of {make}: {version}"))
}

/// Prints that this test, or a part of it, is skipped, with the reason and the number of skips so far. With
/// `WHARF_TESTS_SKIP=never`, as in `.ci/run`, a skip is a failure.
#[track_caller]
pub fn skip(why: &str) {
    assert!(std::env::var("WHARF_TESTS_SKIP").as_deref() != Ok("never"), "{why}");
    let test = thread::current().name().unwrap_or("a thread of a test").to_owned();
    let mut skipped = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
    if skipped.insert((test.clone(), why.to_owned())) {
        // Not `eprintln!`, whose output is shown only for tests that fail.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {test}: {why} ({} so far)", skipped.len());
    }
}

#[test]
fn a_different_program_of_the_same_name_is_recognised() {
    assert_eq!(wrong("sh", &[]), None);
    let missing = wrong("no-such-program", &[]);
    assert_eq!(missing.as_deref(), Some("no-such-program is not installed"));
    // `echo` prints its arguments.
    assert_eq!(wrong("echo", &[("echo", "tftp-hpa 5.2", "tftp-hpa")]), None);
    let other = wrong("echo", &[("echo", "atftp-0.8.0 (server)", "tftp-hpa")]);
    assert_eq!(other.as_deref(), Some("echo is not the one of tftp-hpa: atftp-0.8.0 (server)"));
}
