//! `wharf find` searches below a directory of a server.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::Value;

use crate::common::{Wharf, run};

/// What `wharf find` prints, what it says, and its exit code.
fn find(arguments: &[&str]) -> (String, String, Option<i32>) {
    let here = tempfile::tempdir().expect("a folder");
    let output = run(&[&["find"], arguments].concat(), "", here.path());
    (output.stdout, output.stderr, output.code)
}

#[test]
fn the_command_prints_one_path_per_line() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a b/x.txt", "123");
    wharf.write("a b/x.d/y", "");
    fs::write(wharf.folder().join(OsStr::from_bytes(b"x\xff\n")), "").expect("written");
    let url = wharf.url("/");
    let (printed, said, code) = find(&[&url, "x"]);
    let mut paths: Vec<_> = printed.lines().collect();
    paths.sort_unstable();
    assert_eq!((said.as_str(), code), ("", Some(0)));
    assert_eq!(paths, ["a b/x.d/", "a b/x.txt", "x\\xff\\n"]);
    assert_eq!(find(&[&wharf.url("/a%20b"), "*.TXT"]).0, "x.txt\n", "without its slash");
    assert_eq!(find(&[&url, "-0", "*.txt"]).0, "a b/x.txt\0");
    let (printed, _, code) = find(&[&url, "--json", "x.txt"]);
    let found: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!((code, &found[0]["path"], &found[0]["size"]), (Some(0), &"a b/x.txt".into(), &3.into()));
}

#[test]
fn the_command_says_by_its_exit_code_what_happened() {
    let wharf = Wharf::serve(&[]);
    wharf.write("file", "");
    let url = wharf.url("/");
    assert_eq!(find(&[&url, "none"]), (String::new(), String::new(), Some(1)));
    assert_eq!(find(&[&url, "none", "--json"]), ("[]\n".to_owned(), String::new(), Some(1)));
    for (arguments, why) in [
        ([url.as_str(), "[]"], "without its"),
        ([url.as_str(), ""], "there is no text"),
        ([&wharf.url("/none/"), "x"], "404 Not Found"),
        (["127.0.0.1:1", "x"], "Server is not running"),
        (["tftp://127.0.0.1", "x"], "tftp"),
    ] {
        let (printed, said, code) = find(&arguments);
        assert_eq!((printed.as_str(), code), ("", Some(2)), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
}

#[test]
fn an_incomplete_search_is_an_error() {
    let wharf = Wharf::serve(&[]);
    for number in 0..=10_000 {
        fs::write(wharf.folder().join(format!("x{number}")), "").expect("written");
    }
    let (printed, said, code) = find(&[&wharf.url("/"), "x"]);
    assert_eq!((printed.lines().count(), code), (10_000, Some(2)));
    assert!(said.contains("there is more to find"), "{said}");
    assert_eq!(find(&[&wharf.url("/"), "x1234"]).2, Some(0));
}
