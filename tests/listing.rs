//! `wharf list` prints a folder's contents for people, pipes and programs.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use crate::common::{Wharf, eventually, outside, run, sample};

/// A folder with files of known sizes and timestamps, and a directory.
fn stage(flags: &[&str]) -> Wharf {
    let wharf = Wharf::serve(flags);
    for (name, length, age) in [("b.txt", 3000, 300), ("a ?.txt", 20, 100), ("sub/c", 5, 200)] {
        let path = wharf.write(name, sample(length, 1));
        let time = SystemTime::now() - Duration::from_secs(age);
        File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("set");
    }
    wharf
}

fn list(arguments: &[&str]) -> (Vec<String>, String, Option<i32>) {
    let here = tempfile::tempdir().expect("a folder");
    let output = run(&[&["list"], arguments].concat(), "", here.path());
    (output.stdout.lines().map(str::to_owned).collect(), output.stderr, output.code)
}

#[test]
fn a_pipe_gets_names() {
    let here = tempfile::tempdir().expect("a folder");
    let socket = here.path().join("s");
    let wharf = stage(&["--udp", "0", "--unix", socket.to_str().expect("text")]);
    let places = [wharf.url("/"), format!("unix:{}", socket.display()), format!("tftp://{}", wharf.tftp())];
    for place in &places {
        let (names, said, code) = list(&[place]);
        assert_eq!((said.as_str(), code), ("", Some(0)), "{place}");
        assert_eq!(names, ["sub/", "a ?.txt", "b.txt"], "{place}");
        assert_eq!(list(&[place, "--sort", "size"]).0, ["b.txt", "a ?.txt", "sub/"], "{place}");
        assert_eq!(list(&[place, "-R"]).0, ["a ?.txt", "b.txt", "sub/", "sub/c"], "{place}");
        assert_eq!(list(&[place, "-R", "--sort", "time"]).0[1..], ["a ?.txt", "sub/c", "b.txt"], "{place}");
    }
    let (names, said, code) = list(&[&wharf.url("/sub")]);
    assert_eq!((names.len(), said.as_str(), code), (1, "", Some(0)), "without its slash");
}

#[test]
fn an_empty_directory_and_an_error_are_one_line() {
    let wharf = Wharf::serve(&[]);
    assert_eq!(list(&[&wharf.url("/")]), (vec![], "No shared files\n".to_owned(), Some(0)));
    let (names, said, code) = list(&[&wharf.url("/none/")]);
    assert_eq!(
        (names.len(), said.as_str(), code),
        (0, "/none/: 404 Not Found: there is nothing of that name\n", Some(1))
    );
}

#[test]
fn programs_get_json() {
    let wharf = stage(&[]);
    let (lines, _, code) = list(&[&wharf.url("/"), "--json", "-R"]);
    let rows: serde_json::Value = serde_json::from_str(&lines.join("\n")).expect("JSON");
    assert_eq!(code, Some(0));
    assert_eq!(
        (&rows[0]["name"], &rows[0]["size"], &rows[0]["kind"]),
        (&"a ?.txt".into(), &20.into(), &"file".into())
    );
    assert_eq!((&rows[3]["name"], rows.as_array().map(Vec::len)), (&"sub/c".into(), Some(4)));
}

#[test]
fn a_tree_with_a_loop_ends() {
    let wharf = stage(&[]);
    symlink(".", wharf.folder().join("sub/loop")).expect("linked");
    let (names, said, code) = list(&[&wharf.url("/"), "-R"]);
    assert_eq!(names, ["a ?.txt", "b.txt", "sub/", "sub/c", "sub/loop/"], "each directory once");
    assert_eq!((said.as_str(), code), ("", Some(0)));
}

/// `script` provides a terminal for the program.
#[test]
fn a_terminal_gets_columns() {
    let Some(mut script) = outside("script") else { return };
    let wharf = stage(&[]);
    let command = format!("{} list {}", env!("CARGO_BIN_EXE_wharf"), wharf.url("/"));
    let output = script.args(["-q", "-e", "-c", &command, "/dev/null"]).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].ends_with("Z  sub/") && lines[0].starts_with("         -  "), "{text}");
    assert!(lines[2].ends_with("Z  b.txt") && lines[2].starts_with("   2.9 KiB  "), "{text}");
}

#[test]
fn a_directory_has_one_identity_by_every_path() {
    let wharf = Wharf::serve(&[]);
    wharf.write("real/f", "x");
    symlink("..", wharf.folder().join("real/up")).expect("a link");
    let id = |path: &str| {
        let listing = wharf.ask("GET", path, "Accept: application/json\r\n", b"");
        let listing: serde_json::Value = serde_json::from_slice(&listing.body).expect("JSON");
        listing["id"].as_str().expect("an id").to_owned()
    };
    assert_eq!(id("/"), id("/real/up/"));
    assert_eq!(id("/real/"), id("/real/up/real/"));
    assert_ne!(id("/"), id("/real/"));
}

/// Requests the listing of a large directory in every format, and does not read it.
#[test]
fn an_unread_listing_costs_little_memory() {
    const ENTRIES: usize = 5_000;
    const READERS: usize = 40;
    let wharf = Wharf::serve(&["--udp", "0", "--workers", "4"]);
    for number in 0..ENTRIES {
        wharf.write(&format!("large/{number:06} with a usual name.txt"), "");
    }
    let names = |listing: &serde_json::Value| -> Vec<String> {
        let entries = listing["entries"].as_array().expect("entries");
        entries.iter().map(|entry| entry["name"].as_str().expect("a name").to_owned()).collect()
    };
    let list = || {
        let answer = wharf.ask("GET", "/large/", "Accept: application/json\r\n", b"");
        names(&serde_json::from_slice(&answer.body).expect("JSON"))
    };
    let all = list();
    assert!(all.len() == ENTRIES && all.is_sorted(), "{} names", all.len());
    wharf.comes_to_rest();
    let before = wharf.status("VmRSS");
    let forms = ["text/html", "application/json", "text/plain"];
    let mut readers: Vec<_> = (0..READERS)
        .map(|number| {
            let mut wire = wharf.connect();
            let (order, form) = (["name", "-size", "time"][number % 3], forms[number / 3 % 3]);
            let host = wharf.address();
            wire.send(format!("GET /large/?sort={order} HTTP/1.1\r\nHost: {host}\r\nAccept: {form}\r\n\r\n"));
            wire
        })
        .collect();
    eventually("each response has started", || {
        readers.iter_mut().all(|reader| reader.hears_within(Duration::from_millis(1)))
    });
    wharf.comes_to_rest();
    let grown = wharf.status("VmRSS").saturating_sub(before);
    // 256 KiB for each, and the pool of all listings.
    assert!(grown < READERS as u64 * 256 + 8 * 1024, "{grown} KB");
    assert_eq!(list(), all, "another client gets the same, although the pool is empty");
    let lines = run(&["list", &format!("tftp://{}/large/", wharf.tftp())], "", &wharf.folder()).stdout;
    assert!(lines.lines().eq(all.iter()), "and so does TFTP");
}
