//! The minimal build: features that every build has. CI runs these tests in a build without optional
//! features: `cargo test --no-default-features --test main minimal`.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::common::{ClosedPort, Running, Wharf, eventually, outside, run};

#[test]
fn get_and_post_work() {
    let wharf = Wharf::serve(&[]);
    let answer = wharf.ask("POST", "/dir/a.txt", "", b"hello");
    assert_eq!((answer.code(), wharf.read("dir/a.txt").as_slice()), (200, &b"hello"[..]));
    let answer = wharf.ask("GET", "/dir/a.txt", "", b"");
    assert_eq!((answer.code(), answer.body.as_slice()), (200, &b"hello"[..]));
    assert_eq!(wharf.ask("GET", "/none", "", b"").code(), 404);
    let listing = wharf.ask("GET", "/dir/", "Accept: application/json\r\n", b"").text();
    assert!(listing.contains("a.txt"), "{listing}");
}

#[test]
fn keep_alive_follows_the_rule() {
    for (open, seconds) in [(1, 19), (10, 10), (15, 5), (30, 5)] {
        let wharf = Wharf::serve(&[]);
        let _others: Vec<_> = (1..open).map(|_| wharf.connect()).collect();
        let answer = wharf.ask("GET", "/.wharf/health", "", b"");
        assert_eq!(answer.field("Keep-Alive"), format!("timeout={seconds}"), "{open} open");
    }
    let wharf = Wharf::serve(&["--timeout", "0.3"]);
    assert!(wharf.connect().is_closed(), "an idle connection");
}

#[test]
fn an_idle_server_exits() {
    let mut wharf = Wharf::serve(&["--idle-exit", "1"]);
    let (printed, status) = wharf.wait();
    assert!(printed.ends_with("Shutting Down Server...\n\nBye.\n"), "{printed}");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_client_reads_lines_from_a_pipe() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a.txt", "a");
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("up.txt"), "up").expect("written");
    let lines = "GET a.txt\nPOST up.txt\nLIST\n";
    let output = run(&["client", &wharf.address().to_string()], lines, place.path());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert!(output.stdout.ends_with("up.txt\nstopping client.\n"), "{output:?}");
    assert_eq!(fs::read(place.path().join("downloads/a.txt")).expect("saved"), b"a");
    assert_eq!(wharf.read("up.txt"), b"up");
}

#[test]
fn the_client_reads_lines_from_a_terminal() {
    let Some(mut script) = outside("script") else { return };
    let wharf = Wharf::serve(&[]);
    wharf.write("a.txt", "a");
    let place = tempfile::tempdir().expect("a directory");
    let client = format!("{} client {}", env!("CARGO_BIN_EXE_wharf"), wharf.address());
    let mut client = Running::start(
        script
            .args(["-qec", &client, "/dev/null"])
            .current_dir(place.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped()),
    );
    let mut keys = client.stdin.take().expect("piped");
    keys.write_all(b"GET a.txt\n").expect("typed");
    eventually("it is saved", || place.path().join("downloads/a.txt").exists());
    keys.write_all(b"quit\n").expect("typed");
    let output = client.output();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("wharf> ") && shown.contains("200 OK"), "{shown}");
    assert!(shown.trim_end().ends_with("stopping client."), "{shown}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn replay_checks_responses() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a.txt", "a");
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("s.txt"), "GET a.txt -> 200\nPOST s.txt\nGET none -> 404\n")
        .expect("written");
    let output = run(&["replay", "s.txt", &wharf.address().to_string()], "", place.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stdout.contains("3 requests, 3 ok, 0 failed, "), "{output:?}");
}

/// With all features, and with none: the server offers the features that it has, and rejects the others.
#[test]
fn missing_features_are_rejected() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a.txt", "a");
    let page = wharf.ask("GET", "/?list", "Accept: text/html\r\n", b"").text();
    assert!(page.contains("a.txt"), "{page}");
    let has_button = |name: &str| page.contains(&format!(" name=\"{name}\">"));
    for name in ["tar", "zip"] {
        let answer = wharf.ask("GET", &format!("/?{name}"), "", b"");
        assert_eq!(has_button(name), cfg!(feature = "archive"), "{page}");
        assert_eq!(answer.code(), if cfg!(feature = "archive") { 200 } else { 501 });
        assert!(cfg!(feature = "archive") || answer.text().lines().count() == 1, "{}", answer.text());
    }
    assert_eq!(has_button("qr"), cfg!(feature = "qr"), "{page}");
    let code = wharf.ask("GET", "/.wharf/qr.svg", "", b"").code();
    assert_eq!(code, if cfg!(feature = "qr") { 200 } else { 404 });
    let closed = ClosedPort::reserve();
    let url = format!("https://{}", closed.address());
    let output = run(&["get", "--retries", "0", &url], "", &wharf.folder());
    let expected = if cfg!(feature = "tls") {
        format!("Server is not running. ({url})\n")
    } else {
        format!("{url}: wharf was built without TLS\n")
    };
    assert_eq!((output.code, output.stderr), (Some(1), expected));
    let help = run(&["get", "--help"], "", &wharf.folder()).stdout;
    assert_eq!(help.contains("--cacert"), cfg!(feature = "tls"), "{help}");
    let help = run(&["serve", "--help"], "", &wharf.folder()).stdout;
    assert_eq!(help.contains("--qr"), cfg!(feature = "qr"), "{help}");
}
