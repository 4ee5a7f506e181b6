//! slowhttptest, which exhausts servers by being slow in various ways, has no effect.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::common::{Running, Wharf, outside, raise_open_files, sample};

/// How many connections it opens: far more than the server has workers.
const CONNECTIONS: &str = "500";

/// How long the program runs, in seconds. It prints its first status line after 5 seconds.
const LENGTH: &str = "6";

/// After how many seconds without a response the program reports the server as unavailable. It is long, because nothing
/// is measured here.
const PATIENCE: &str = "30";

/// Runs the program with these arguments, and sends everyday requests meanwhile.
fn bear(mode: &[&str]) {
    let Some(mut program) = outside("slowhttptest") else { return };
    raise_open_files();
    let wharf = Wharf::serve(&["--workers", "4"]);
    wharf.write("large.bin", sample(3 << 20, 71));
    let mut slow = Running::start(
        program
            .args(mode)
            .args(["-c", CONNECTIONS, "-r", CONNECTIONS, "-i", "1", "-l", LENGTH, "-p", PATIENCE])
            .args(["-u", &wharf.url("/large.bin")])
            .stdout(Stdio::piped()),
    );
    let mut answered = 0;
    while slow.try_wait().expect("a child").is_none() {
        assert_eq!(wharf.ask("GET", "/.wharf/health", "", b"").code(), 200);
        assert!(wharf.ask("PUT", "/small", "", b"small").head.status.is_success());
        assert_eq!(wharf.ask("GET", "/small", "", b"").text(), "small");
        assert_eq!(wharf.ask("GET", "/large.bin", "", b"").body.len(), 3 << 20);
        answered += 1;
        // The tool needs some CPU time, too.
        thread::sleep(Duration::from_millis(100));
    }
    let output = slow.output();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(answered > 0, "{said}");
    let available: Vec<_> = said.lines().filter(|line| line.contains("service available:")).collect();
    assert!(!available.is_empty() && available.iter().all(|line| line.contains("YES")), "{said}");
    assert_eq!(wharf.tree(), ["large.bin", "small"], "and its connections are closed");
}

#[test]
fn slow_heads_do_not_exhaust_the_server() {
    bear(&["-H"]);
}

#[test]
fn slow_bodies_do_not_exhaust_the_server() {
    bear(&["-B", "-s", "8192"]);
}

#[test]
fn slow_readers_do_not_exhaust_the_server() {
    bear(&["-X", "-w", "1", "-y", "64", "-n", "1", "-z", "32"]);
}

#[test]
fn many_ranges_do_not_exhaust_the_server() {
    bear(&["-R"]);
}
