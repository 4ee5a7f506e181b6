//! Names in a listing are not trusted: hidden names need a flag, and each directory is visited once.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::common::{Fake, Output, Wharf, run, target_of};

/// Every file and directory below this one, by path.
fn tree(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut below = vec![dir.to_owned()];
    while let Some(next) = below.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                below.push(path);
            } else {
                found.push(path.strip_prefix(dir).expect("below").to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// A server that lists hidden names at every depth, one of them behind a link with a visible name.
fn hostile() -> Fake {
    Fake::answers(|head, stream| {
        let body = match target_of(head) {
            "/?list" => {
                r#"{"path":"/","entries":[
                    {"name":".bashrc","kind":"file","href":"./.bashrc"},
                    {"name":"fair","kind":"file","href":"./%2eprofile"},
                    {"name":".ssh","kind":"directory","href":"./.ssh/"},
                    {"name":"d","kind":"directory","href":"./d/"},
                    {"name":"a","kind":"file","href":"./a"}]}"#
            }
            "/d/?list" => {
                r#"{"path":"/d/","entries":[{"name":".b","kind":"file"},{"name":"c","kind":"file"}]}"#
            }
            "/.ssh/?list" => r#"{"path":"/.ssh/","entries":[{"name":"config","kind":"file"}]}"#,
            _ => "content",
        };
        let kind = if body == "content" { "text/plain" } else { "application/json" };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: wharf\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        );
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    })
}

#[test]
fn a_hidden_name_in_a_listing_needs_the_flag() {
    let server = hostile();
    let skipped = |count| match count {
        0 => String::new(),
        1 => "skipped 1 name that begins with a dot (--hidden fetches it)\n".to_owned(),
        count => format!("skipped {count} names that begin with a dot (--hidden fetches them)\n"),
    };
    let all = &[".bashrc", ".profile", ".ssh/config", "a", "d/.b", "d/c"][..];
    // Arguments, the target, the downloaded files, and how many names are skipped.
    let table: [(&[&str], &str, &[&str], usize); 8] = [
        (&["-R"], "/", &["a", "d/c"], 4),
        (&["-R", "--hidden"], "/", all, 0),
        (&[], "/", &["a"], 3),
        (&[], "/*", &["a"], 3),
        (&[], "/d/", &["d/c"], 1),
        (&["--hidden"], "/d/*", &["d/.b", "d/c"], 0),
        (&[], "/.bashrc", &[".bashrc"], 0),
        (&["-R"], "/.ssh/", &[".ssh/config"], 0),
    ];
    for (flags, target, files, count) in table {
        let place = tempfile::tempdir().expect("a directory");
        let url = server.url(target);
        let arguments = [&["get", "--retries=0", "--dir", "."], flags, &[&url]].concat();
        let output = run(&arguments, "", place.path());
        assert_eq!((output.code, output.stderr), (Some(0), skipped(count)), "{flags:?} {target}");
        assert_eq!(tree(place.path()), files, "{flags:?} {target}");
    }
    // Input lines, the downloaded files, and how many names are skipped by each.
    let table: [(&str, &[&str], &[usize]); 5] = [
        ("list\nget 1-5\n", &["a", "d/c"], &[4]),
        ("get *\n", &["a"], &[3]),
        ("list\nget --serial --hidden 1-5\n", all, &[]),
        ("list\nget --hidden 1\nget 2\n", &[".bashrc"], &[1]),
        ("get .bashrc\n", &[".bashrc"], &[]),
    ];
    for (lines, files, counts) in table {
        let place = tempfile::tempdir().expect("a directory");
        let output = run(&["client", &server.url(""), "--dir", "."], lines, place.path());
        let expected = counts.iter().map(|count| skipped(*count)).collect::<String>();
        assert_eq!((output.code, output.stderr), (Some(0), expected), "{lines}");
        assert_eq!(tree(place.path()), files, "{lines}");
    }
}

/// Two directories that link to each other, and to their parent.
fn knot() -> Wharf {
    let wharf = Wharf::serve(&[]);
    wharf.write("a/f", "1");
    wharf.write("b/g", "2");
    for (target, link) in [("..", "a/up"), ("../b", "a/b"), ("../a", "b/a"), (".", "here")] {
        symlink(target, wharf.folder().join(link)).expect("a link");
    }
    wharf
}

#[test]
fn a_directory_is_visited_once_however_many_links_lead_to_it() {
    let wharf = knot();
    let place = tempfile::tempdir().expect("a directory");
    let get = |target: &str, dir: &str| -> Output {
        run(&["get", "-R", &wharf.url(target), "--dir", dir], "", place.path())
    };
    let output = get("/", "all");
    assert_eq!(output.code, Some(0), "{output:?}");
    // The directory `b` is reached first through `a`.
    assert_eq!(tree(&place.path().join("all")), ["a/b/g", "a/f"]);
    assert_eq!(output.stderr.matches(": it is the same directory as /").count(), 4, "{}", output.stderr);
    let output = get("/b/", "one");
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(tree(&place.path().join("one")), ["b/a/f", "b/g"]);
    let listed = run(&["list", "-R", &wharf.url("/")], "", place.path());
    assert_eq!((listed.code, listed.stderr.as_str()), (Some(0), ""), "{listed:?}");
    let files = listed.stdout.lines().filter(|line| line.ends_with("/f") || line.ends_with("/g"));
    assert_eq!(files.count(), 2, "{}", listed.stdout);
}
