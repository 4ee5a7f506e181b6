//! A drop box says nothing about the names in it.

use std::fs;
use std::os::unix::fs::symlink;

use crate::common::{Answer, Wharf};
use crate::resumable::{DRAFT, append, begin};

/// What a name may be. The first is new.
const NAMES: [&str; 9] = [
    "x-free",
    "x-file",
    "x-directory",
    "x-dangling",
    "x-out",
    "x-to-file",
    "x-to-directory",
    "x-circle",
    "x-elsewhere",
];

/// What is compared of a response.
type Outcome = (u16, String, Vec<String>);

/// How a file is sent to a target.
type Way = fn(&Wharf, &str) -> Vec<Answer>;

/// Each way to send something, and what follows the name in its target.
const WAYS: [(&str, &str, Way); 14] = [
    ("put", "", put),
    ("put-below", "/below", put),
    ("put-deep-below", "/below/deeper", put),
    ("put-to-directory", "/", put),
    ("expect", "", expect),
    ("expect-below", "/below", expect),
    ("new", "", |wharf, target| vec![wharf.ask("PUT", target, "If-None-Match: *\r\n", b"mine")]),
    ("new-below", "/below", |wharf, target| vec![wharf.ask("PUT", target, "If-None-Match: *\r\n", b"mine")]),
    ("known-below", "/below", |wharf, target| vec![wharf.ask("PUT", target, "If-Match: *\r\n", b"mine")]),
    ("post-below", "/below", |wharf, target| vec![wharf.ask("POST", target, "", b"mine")]),
    ("form", "/", form),
    ("form-below", "/below/", form),
    ("pieces", "", pieces),
    ("pieces-below", "/below", pieces),
];

fn put(wharf: &Wharf, target: &str) -> Vec<Answer> {
    vec![wharf.ask("PUT", target, "", b"mine")]
}

/// Waits for the permission before it sends the content.
fn expect(wharf: &Wharf, target: &str) -> Vec<Answer> {
    let host = wharf.address();
    let head =
        format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    let mut wire = wharf.connect();
    let first = wire.send(head).try_read_answer(false).expect("an answer");
    if first.code() != 100 {
        return vec![first];
    }
    let last = wire.send("mine").read_answer(false);
    vec![first, last]
}

fn form(wharf: &Wharf, target: &str) -> Vec<Answer> {
    let part = "Content-Disposition: form-data; name=\"file\"; filename=\"sent\"";
    let body = format!("--x\r\n{part}\r\n\r\nmine\r\n--x--\r\n");
    vec![wharf.ask("POST", target, "Content-Type: multipart/form-data; boundary=x\r\n", body.as_bytes())]
}

/// An upload in pieces.
fn pieces(wharf: &Wharf, target: &str) -> Vec<Answer> {
    let upload = begin(wharf, target, DRAFT);
    vec![append(wharf, &upload, 0, true, b"mine"), append(wharf, &upload, 4, true, b"")]
}

/// Fills a directory with the names, and a directory beside the box that is closed.
fn fill(wharf: &Wharf, directory: &str) {
    for name in ["x-file", "x-directory/file"] {
        wharf.write(&format!("{directory}/{name}"), "theirs");
    }
    let at = wharf.folder().join(directory);
    for (name, target) in [
        ("x-dangling", "nothing"),
        ("x-out", "/etc"),
        ("x-to-file", "x-file"),
        ("x-to-directory", "x-directory"),
        ("x-circle", "x-circle"),
        ("x-elsewhere", "../../closed"),
    ] {
        symlink(target, at.join(name)).expect("linked");
    }
}

/// Asserts that each way to send something has the same outcome for each name. The box is this directory; clients know it by this
/// prefix of paths.
pub(crate) fn tells_nothing(wharf: &Wharf, directory: &str, prefix: &str) {
    wharf.write("closed/file", "theirs");
    for (way, suffix, send) in WAYS {
        fill(wharf, &format!("{directory}/{way}"));
        let outcome = |name: &str| -> Vec<Outcome> {
            let answers = send(wharf, &format!("{prefix}/{way}/{name}{suffix}"));
            let plain = |text: String| text.replace(name, "NAME");
            let fields = ["Location", "Content-Location", "ETag", "Allow", "Upload-Offset"];
            let told = |answer: &Answer| fields.map(|field| plain(answer.field(field))).to_vec();
            answers.iter().map(|answer| (answer.code(), plain(answer.text()), told(answer))).collect()
        };
        let free = outcome(NAMES[0]);
        for name in NAMES {
            // The first is taken by now.
            assert_eq!(outcome(name), free, "{way}: {name}");
        }
        let theirs =
            |name: &str| fs::read(wharf.folder().join(format!("{directory}/{way}/{name}"))).expect("there");
        assert_eq!(
            (theirs("x-file"), theirs("x-directory/file")),
            (b"theirs".to_vec(), b"theirs".to_vec()),
            "{way}"
        );
    }
    let closed = fs::read_dir(wharf.folder().join("closed")).expect("readable");
    assert_eq!(closed.count(), 1, "nothing was saved there");
}

#[test]
fn a_drop_box_tells_nothing_about_names() {
    let rules = ["--allow", "everyone=drop", "--allow", "everyone=none@closed"];
    let wharf = Wharf::serve(&[&["--no-sync"], &rules[..]].concat());
    tells_nothing(&wharf, "box", "/box");
}

#[test]
fn a_file_below_a_taken_name_is_saved_beside_it() {
    let wharf = Wharf::serve(&["--no-sync", "--allow", "everyone=drop"]);
    wharf.write("plan.txt", "theirs");
    wharf.write("plan (1).txt", "theirs");
    for name in ["a", "b", "a"] {
        assert_eq!(wharf.ask("PUT", &format!("/plan.txt/{name}"), "", b"mine").code(), 201);
    }
    let tree = wharf.tree();
    let saved: Vec<_> = tree.iter().filter(|name| name.starts_with("plan")).collect();
    assert_eq!(
        saved,
        [
            "plan (1).txt",
            "plan (2).txt/",
            "plan (2).txt/a",
            "plan (2).txt/a (1)",
            "plan (2).txt/b",
            "plan.txt"
        ]
    );
    // A client that may list the names learns that the name is taken.
    let wharf = Wharf::serve(&["--no-sync", "--allow", "everyone=write"]);
    wharf.write("plan.txt", "theirs");
    assert_eq!(wharf.ask("PUT", "/plan.txt/a", "", b"mine").code(), 409);
}
