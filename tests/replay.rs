//! `wharf replay`: results, reports, and exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::common::{ClosedPort, Output, Running, Wharf, eventually, run};

/// A directory with this script, `s.txt`, and a file to upload, `up.txt`.
fn script(text: &str) -> TempDir {
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("s.txt"), text).expect("written");
    fs::write(place.path().join("up.txt"), "hello").expect("written");
    place
}

/// Replays `s.txt` from this directory with these flags.
fn replay(wharf: &Wharf, place: &TempDir, flags: &[&str]) -> Output {
    let port = wharf.address().port().to_string();
    run(&[&["replay", "s.txt", "127.0.0.1", &port], flags].concat(), "", place.path())
}

/// A server with the files of `www`.
fn example_server() -> Wharf {
    let wharf = Wharf::serve(&[]);
    for name in ["server/index.html", "server/testServer.txt", "server/photoServer.jpg"] {
        let www = Path::new(env!("CARGO_MANIFEST_DIR")).join("www");
        wharf.write(name, fs::read(www.join(name)).expect("an example"));
    }
    wharf
}

#[test]
fn the_examples_pass() {
    let wharf = example_server();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("client_requests");
    let mut seen = 0;
    for entry in fs::read_dir(&scripts).expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "txt") {
            let (file, port) = (path.display().to_string(), wharf.address().port().to_string());
            let output = run(&["replay", &file, "localhost", &port], "", Path::new("/"));
            assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{file}: {output:?}");
            seen += 1;
        }
    }
    assert!(seen >= 4, "only {seen} scripts");
    let sent = fs::read(scripts.join("client/photoClient.jpg")).expect("an example");
    assert_eq!(wharf.read("client/photoClient.jpg"), sent);
}

#[test]
fn results_and_summary() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a.txt", "a");
    let place = script("GET a.txt\nPOST up.txt -> 200\nGET none -> 404\nGET none\nGET a.txt -> 404 bytes=2");
    let output = replay(&wharf, &place, &[]);
    let lines: Vec<_> = output.stdout.lines().collect();
    let starts = [
        "✓ 200 GET a.txt 1 B ",
        "✓ 200 POST up.txt 5 B ",
        "✓ 404 GET none ",
        "✗ s.txt:4: got 404 Not Found (GET none ",
        "✗ s.txt:5: expected 404, got 200 OK; expected 2 bytes, got 1 (GET a.txt 1 B ",
        "5 requests, 3 ok, 2 failed, ",
        "p50 ",
    ];
    assert_eq!(lines.len(), starts.len(), "{output:?}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    assert_eq!(output.code, Some(1));
    assert_eq!(wharf.read("up.txt"), b"hello");
}

#[test]
fn an_invalid_script_sends_nothing() {
    let wharf = Wharf::serve(&[]);
    let place = script("POST up.txt\nFETCH a\nPOST none.txt\nGET a -> soon\n");
    let output = replay(&wharf, &place, &[]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""));
    let places: Vec<_> = output.stderr.lines().map(|line| line.split(": ").next().unwrap_or("")).collect();
    assert_eq!(places, ["s.txt:2", "s.txt:3", "s.txt:4"], "{output:?}");
    assert!(wharf.tree().is_empty());
    let output = run(&["replay"], "", place.path());
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("client_requests/requests.txt"), "{output:?}");
}

#[test]
fn a_script_without_requests_is_an_error() {
    let wharf = Wharf::serve(&[]);
    for text in ["", "# nothing\n\n", "\u{feff}"] {
        let output = replay(&wharf, &script(text), &[]);
        assert_eq!((output.code, output.stderr.lines().count()), (Some(1), 1), "{output:?}");
        assert!(output.stderr.starts_with("s.txt: there are no requests in this script"), "{output:?}");
    }
}

#[test]
fn ctrl_c_prints_the_summary_and_writes_whole_reports() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a.txt", "a");
    let place = script("GET a.txt -> 200\n");
    let mut child = Running::start(
        Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args([
                "replay", "-q", "--rate", "50", "--repeat", "100000", "--json", "r.json", "--junit", "r.xml",
            ])
            .args(["s.txt", "127.0.0.1", &wharf.address().port().to_string()])
            .current_dir(place.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    eventually("some are sent", || wharf.log().matches("GET /a.txt").count() >= 5);
    rustix::process::kill_process(Pid::from_child(&child), Signal::INT).expect("sent");
    assert_eq!(child.wait().expect("ended").code(), Some(130));
    let output = child.output();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.contains(" ok, 0 failed, ") && out.contains("p50 "), "{out}");
    let json = fs::read(place.path().join("r.json")).expect("a report");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert!(json["requests"].as_u64().is_some_and(|sent| (1..100_000).contains(&sent)), "{json}");
    assert!(fs::read_to_string(place.path().join("r.xml")).expect("a report").ends_with("</testsuites>\n"));
}

#[test]
fn a_recording_has_only_requests_that_its_replay_fulfils() {
    let place = script("GET a.txt\n");
    let recorded = place.path().join("recorded.txt").display().to_string();
    let wharf = Wharf::serve(&["--record", &recorded]);
    wharf.write("a.txt", "four");
    wharf.write("d/b.txt", "b");
    let form =
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\n\r\nf\r\n--x--\r\n";
    let requests: [(&str, &str, &str, &[u8]); 12] = [
        ("GET", "/a.txt", "Range: bytes=1-2\r\n", b""),
        ("GET", "/a.txt", "If-None-Match: *\r\n", b""),
        ("GET", "/a.txt", "If-Match: \"no\"\r\n", b""),
        ("GET", "/d", "", b""),
        ("GET", "/d/", "Accept: text/html\r\n", b""),
        ("GET", "/.hidden", "", b""),
        ("GET", "/.wharf/chat/messages", "", b""),
        ("POST", "/d/", "Content-Type: multipart/form-data; boundary=x\r\n", form.as_bytes()),
        (
            "POST",
            "/d/",
            "Content-Type: multipart/form-data; boundary=x\r\nAccept: text/html\r\n",
            form.as_bytes(),
        ),
        ("POST", "/new.txt", "", b"x"),
        ("PUT", "/put.txt", "", b"x"),
        ("GET", "/last", "", b""),
    ];
    let mut wire = wharf.connect();
    for (method, target, fields, body) in requests {
        wire.ask(method, target, fields, body);
    }
    eventually("all are recorded", || fs::read_to_string(&recorded).expect("text").contains("GET /last"));
    let text = fs::read_to_string(&recorded).expect("text");
    assert!(text.lines().filter(|line| !line.starts_with('#')).count() >= 5, "{text}");
    let output = run(&["replay", &recorded, &wharf.address().to_string()], "", place.path());
    assert_eq!(output.code, Some(0), "{text}\n{output:?}");
}

#[test]
fn several_connections_and_rounds() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a.txt", "a");
    let place = script("GET a.txt -> 200\nGET a.txt\nPOST up.txt\n");
    let flags = ["-j", "4", "--repeat", "25", "--quiet", "--json", "r.json", "--junit", "r.xml"];
    let output = replay(&wharf, &place, &flags);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stdout.starts_with("75 requests, 75 ok, 0 failed, "), "{output:?}");
    let json = fs::read(place.path().join("r.json")).expect("a report");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!((&json["requests"], &json["failed"]), (&75.into(), &0.into()));
    assert_eq!(json["lines"][2]["statuses"]["200"], 25);
    assert!(json["latency_ms"]["p99"].as_f64().expect("a time") > 0.0);
    let junit = fs::read_to_string(place.path().join("r.xml")).expect("a report");
    assert!(junit.contains("tests=\"3\" failures=\"0\""), "{junit}");
}

#[test]
fn without_a_server_every_request_fails() {
    let closed = ClosedPort::reserve();
    let address = closed.address();
    let place = script("GET a\nGET b -> 404\n");
    let output = run(&["replay", "s.txt", &address.to_string()], "", place.path());
    let line = |number| format!("✗ s.txt:{number}: Server is not running. ({address})\n");
    assert_eq!(output.stderr, line(1) + &line(2));
    assert!(output.stdout.starts_with("2 requests, 0 ok, 2 failed, "), "{output:?}");
    assert_eq!(output.code, Some(1));
}

#[test]
fn a_recording_can_be_replayed() {
    let place = script("GET a.txt\nPOST up.txt\nGET none -> 404\n");
    let recorded = place.path().join("recorded.txt").display().to_string();
    let wharf = Wharf::serve(&["--record", &recorded]);
    wharf.write("a.txt", "a");
    assert_eq!(replay(&wharf, &place, &[]).code, Some(0));
    eventually("all are recorded", || fs::read_to_string(&recorded).expect("text").contains("GET /none"));
    let again = Wharf::serve(&[]);
    again.write("a.txt", "a");
    let output = run(&["replay", &recorded, &again.address().to_string()], "", place.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stdout.contains("3 requests, 3 ok"), "{output:?}");
    assert_eq!(again.read("up.txt"), b"hello");
}
