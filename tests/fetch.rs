//! `wharf get`, `wharf put` and `wharf list` work from a command line, and the exit code reports failures.

use std::fs;

use crate::common::{Wharf, run, sample};

#[test]
fn files_are_uploaded_and_downloaded() {
    let wharf = Wharf::serve(&[]);
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("a b.bin"), sample(300_000, 1)).expect("written");
    fs::write(place.path().join("c.txt"), "c").expect("written");
    let output = run(&["put", "a b.bin", "none", "c.txt", "--to", &wharf.url("/in/")], "", place.path());
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), "File none not found.\n"), "{output:?}");
    assert_eq!(wharf.read("in/a b.bin"), sample(300_000, 1));
    let output = run(&["get", &wharf.url("/in/a b.bin"), &wharf.url("/in/c.txt")], "", place.path());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert_eq!(fs::read(place.path().join("downloads/in/a b.bin")).expect("saved"), sample(300_000, 1));
}

#[test]
fn without_names_it_asks_once() {
    let wharf = Wharf::serve(&[]);
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("a b"), "a").expect("written");
    let output = run(&["put", "--to", &wharf.url("/")], "'a b' none\nmore\n", place.path());
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), "File none not found.\n"), "{output:?}");
    assert!(output.stdout.starts_with("Files to send: "), "{output:?}");
    assert_eq!(wharf.tree(), ["a b"]);
}

#[test]
fn a_missing_server_is_reported_once() {
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("a"), "a").expect("written");
    let nowhere = "unix:nowhere.sock";
    let said = "Server is not running. (unix:nowhere.sock)\n";
    // A temporary error would be retried.
    for command in
        [&["get", "--retries=0", nowhere][..], &["list", nowhere], &["put", "a", "a", "--to", nowhere]]
    {
        let output = run(command, "", place.path());
        assert_eq!((output.code, output.stderr.as_str()), (Some(1), said), "{command:?}");
    }
}
