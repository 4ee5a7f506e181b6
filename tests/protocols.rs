//! One folder, one policy: a request that is rejected over one protocol is rejected over all, with the same
//! outcome.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::common::{PATIENCE, Tftp, Wharf, eventually};

/// The outcome of a request, in terms that all protocols share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    Missing,
    Forbidden,
    Taken,
    Directory,
    TooLarge,
    Malformed,
}

use Outcome::{Directory, Done, Forbidden, Malformed, Missing, Taken, TooLarge};

/// The kind of request. TFTP has one for reading and one for writing.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Get,
    Head,
    Put,
    Post,
    /// A browser's form, posted to the directory.
    Form,
}

const READING: &[Ask] = &[Ask::Get, Ask::Head];
const WRITING: &[Ask] = &[Ask::Put, Ask::Post, Ask::Form];

/// A server with every kind of listener, and entries in its folder that clients must not reach or write.
struct Stage {
    wharf: Wharf,
    _place: tempfile::TempDir,
    socket: PathBuf,
}

impl Stage {
    fn new(flags: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let socket = place.path().join("s");
        let all = [&["--udp", "0", "--unix", socket.to_str().expect("text")], flags].concat();
        let wharf = Wharf::serve(&all);
        fs::write(wharf.outside_folder().join("secret"), "secret").expect("written");
        for (path, content) in [("file", "old"), ("dir/file", "old"), (".hidden", "old"), (".d/file", "old")]
        {
            wharf.write(path, content);
        }
        symlink(wharf.outside_folder().join("secret"), wharf.folder().join("out")).expect("linked");
        symlink(wharf.outside_folder(), wharf.folder().join("out-dir")).expect("linked");
        symlink("/dev/zero", wharf.folder().join("device")).expect("linked");
        rustix::fs::mkfifoat(rustix::fs::CWD, wharf.folder().join("fifo"), rustix::fs::Mode::RWXU)
            .expect("made");
        eventually("every listener is open", || socket.exists());
        Self { wharf, _place: place, socket }
    }

    fn http(&self, ask: Ask, path: &str) -> Outcome {
        let stream = TcpStream::connect(self.wharf.address()).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        converse(stream, ask, path)
    }

    fn unix(&self, ask: Ask, path: &str) -> Outcome {
        let stream = UnixStream::connect(&self.socket).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        converse(stream, ask, path)
    }

    fn tftp(&self, ask: Ask, path: &str) -> Outcome {
        let mut client = Tftp::new(self.wharf.tftp());
        let outcome = match ask {
            Ask::Get | Ask::Head => client.get(path).map(|_| ()),
            Ask::Put | Ask::Post | Ask::Form => client.put(path, &[], NEW),
        };
        match outcome {
            Ok(()) => Done,
            Err((1, _)) => Missing,
            // Code 2 stands for everything that is forbidden; its message tells the cases apart.
            Err((2, said)) if said.contains("nothing of that name") => Missing,
            Err((2, said)) if said.contains("is a directory") || said.contains("a directory has") => {
                Directory
            }
            Err((2, said)) if said.contains("a part of the path is \".\"") => Malformed,
            Err((2, said)) if said.contains("not a directory") => Directory,
            Err((2, _)) => Forbidden,
            Err((3, _)) => TooLarge,
            Err((6, _)) => Taken,
            Err(other) => panic!("{other:?}"),
        }
    }

    /// Sends every kind of request over every protocol, and asserts the same outcome.
    #[track_caller]
    fn all_say(&self, verbs: &[Ask], path: &str, expected: Outcome) {
        for &ask in verbs {
            let outcomes = [self.http(ask, path), self.unix(ask, path), self.tftp(ask, path)];
            assert_eq!(
                outcomes, [expected; 3],
                "{ask:?} {path:?} over TCP, over the Unix-domain socket, over TFTP"
            );
        }
    }

    /// Creates a directory, which only HTTP can; asserts the outcome.
    #[track_caller]
    fn makes_directory(&self, path: &str, expected: Outcome) {
        for target in [target(path), target(path) + "/"] {
            let answer = self.wharf.ask("MKCOL", &target, "", b"");
            assert_eq!(of_status(answer.code()), expected, "MKCOL {target}");
        }
    }
}

/// Sends a request over HTTP; returns its outcome.
fn converse(mut stream: impl Read + Write, ask: Ask, path: &str) -> Outcome {
    let (method, target, kind, body) = match ask {
        Ask::Get => ("GET", target(path), "text/plain", Vec::new()),
        Ask::Head => ("HEAD", target(path), "text/plain", Vec::new()),
        Ask::Put => ("PUT", target(path), "text/plain", NEW.to_vec()),
        Ask::Post => ("POST", target(path), "text/plain", NEW.to_vec()),
        Ask::Form => {
            let (directory, name) = path.rsplit_once('/').map_or(("", path), |(above, name)| (above, name));
            let slash = if directory.is_empty() { "" } else { "/" };
            let target = target(&format!("{directory}{slash}"));
            ("POST", target, "multipart/form-data; boundary=B", form(name))
        }
    };
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let status = String::from_utf8_lossy(answer.get(9..12).expect("a status line")).into_owned();
    of_status(status.parse().expect("a status"))
}

/// The body that a browser sends for a form with one file.
fn form(name: &str) -> Vec<u8> {
    let head = format!("--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
    [head.as_bytes(), NEW, b"\r\n--B--\r\n"].concat()
}

/// The content of every upload.
const NEW: &[u8] = b"new content";

/// A path as a request target, percent-encoded where necessary.
fn target(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/').replace(' ', "%20"))
}

fn of_status(status: u16) -> Outcome {
    match status {
        200 | 201 | 204 => Done,
        308 => Directory,
        400 => Malformed,
        403 => Forbidden,
        404 => Missing,
        409 => Taken,
        413 | 507 => TooLarge,
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_not_shared_cannot_be_read_over_any_protocol() {
    let stage = Stage::new(&[]);
    let rows = [
        ("a file", "file", Done),
        ("a file below", "dir/file", Done),
        ("nothing", "nothing", Missing),
        ("below a file", "file/x", Missing),
        ("a hidden file", ".hidden", Missing),
        ("below a hidden directory", ".d/file", Missing),
        ("a link that leads out", "out", Missing),
        ("through a link that leads out", "out-dir/secret", Missing),
        ("a device", "device", Missing),
        ("a FIFO", "fifo", Missing),
        ("up and out", "../outside/secret", Malformed),
        ("up from below", "dir/../../outside/secret", Malformed),
        ("a dot", "./file", Malformed),
        ("a directory without its slash", "dir", Directory),
        ("the server's own", ".wharf/uploads", Missing),
    ];
    for (name, path, expected) in rows {
        eprintln!("reading {name}");
        stage.all_say(READING, path, expected);
    }
}

#[test]
fn what_must_not_be_written_cannot_be_written_over_any_protocol() {
    let stage = Stage::new(&[]);
    let before = stage.wharf.tree();
    let rows = [
        ("a hidden name", ".new", Missing),
        ("below a hidden directory", ".d/new", Missing),
        ("through a link that leads out", "out-dir/new", Missing),
        ("up and out", "../outside/new", Malformed),
        ("the server's own", ".wharf-0.tmp", Missing),
    ];
    for (name, path, expected) in rows {
        eprintln!("writing {name}");
        stage.all_say(WRITING, path, expected);
        stage.makes_directory(path, expected);
    }
    // Over HTTP both are 409, over TFTP both are code 2: a directory has the name, or a parent is a file.
    for path in ["dir", "file/x"] {
        for &ask in WRITING {
            assert_eq!(stage.http(ask, path), Taken, "{ask:?} {path}");
            assert_eq!(stage.unix(ask, path), Taken, "{ask:?} {path}");
            assert_eq!(stage.tftp(ask, path), Directory, "{ask:?} {path}");
        }
    }
    assert_eq!(stage.wharf.tree(), before, "and nothing has changed");
    assert_eq!(names(&stage.wharf.outside_folder()), ["secret"]);
}

#[test]
fn the_rules_are_the_same_for_every_protocol() {
    let read_only = Stage::new(&["--read-only"]);
    let before = read_only.wharf.tree();
    for path in ["new", "file", ".hidden", "dir/new"] {
        read_only.all_say(WRITING, path, Forbidden);
        read_only.makes_directory(path, Forbidden);
    }
    assert_eq!(read_only.wharf.tree(), before);

    let refusing = Stage::new(&["--on-conflict", "refuse"]);
    refusing.all_say(WRITING, "file", Taken);
    assert_eq!(refusing.wharf.read("file"), b"old");

    let overwriting = Stage::new(&["--on-conflict", "overwrite"]);
    for protocol in [Stage::http, Stage::unix, Stage::tftp] {
        for &ask in WRITING {
            overwriting.wharf.write("file", "old");
            assert_eq!(protocol(&overwriting, ask, "file"), Done);
            assert_eq!(overwriting.wharf.read("file"), NEW);
        }
    }

    let renaming = Stage::new(&["--on-conflict", "rename"]);
    renaming.all_say(WRITING, "file", Done);
    assert_eq!(renaming.wharf.read("file"), b"old");
    for number in 1..=3 * WRITING.len() {
        assert_eq!(renaming.wharf.read(&format!("file ({number})")), NEW, "one for each protocol and method");
    }

    let small = Stage::new(&["--max-upload", "10"]);
    small.all_say(WRITING, "new", TooLarge);
    assert!(!small.wharf.tree().contains(&"new".to_owned()));

    let hidden = Stage::new(&["--hidden"]);
    hidden.all_say(READING, ".hidden", Done);
    hidden.all_say(WRITING, ".new", Done);
    hidden.all_say(READING, ".wharf/uploads", Missing);
    hidden.all_say(WRITING, ".wharf-0.tmp", Missing);
    hidden.makes_directory(".wharf-0.tmp", Missing);
}

#[test]
#[cfg_attr(not(feature = "archive"), ignore = "needs the feature `archive`")]
fn the_reserved_directory_is_protected_at_every_depth() {
    let stage = Stage::new(&["--hidden"]);
    for own in ["dir/.wharf/uploads/x", "dir/deep/.WHARF/x"] {
        stage.wharf.write(own, "a server's own");
    }
    let before = stage.wharf.tree();
    for path in ["dir/.wharf/uploads/x", "dir/.wharf", "dir/deep/.WHARF/x", "dir/deep/.wharf/x"] {
        stage.all_say(READING, path, Missing);
    }
    for path in ["dir/.wharf/new", "dir/.wharf/uploads/x", "dir/.Wharf", "new/.wharf/new", ".WHARF/new"] {
        stage.all_say(WRITING, path, Missing);
        stage.makes_directory(path, Missing);
        let begun = stage.wharf.ask("POST", &target(path), "Upload-Complete: ?0\r\n", b"");
        assert_eq!(begun.code(), 404, "an upload in pieces to {path}");
    }
    for target in ["/dir/.wharf/", "/dir/.wharf/?list", "/dir/.wharf/?tar", "/dir/deep/.WHARF/?zip"] {
        assert_eq!(stage.wharf.ask("GET", target, "", b"").code(), 404, "{target}");
    }
    let get = |target: &str, fields: &str| stage.wharf.ask("GET", target, fields, b"").body;
    let shown = [
        ("a page", get("/dir/", "Accept: text/html\r\n")),
        ("JSON", get("/dir/", "Accept: application/json\r\n")),
        ("text", get("/dir/", "Accept: text/plain\r\n")),
        ("a listing over TFTP", Tftp::new(stage.wharf.tftp()).get("dir/").expect("a listing")),
        ("an archive", get("/?tar", "")),
    ];
    for (what, bytes) in shown {
        // The page contains links to the server's own paths.
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase().replace("\"../.wharf/", "");
        assert!(text.contains("deep") && text.contains("file") && !text.contains(".wharf"), "{what}: {text}");
    }
    assert_eq!(stage.wharf.tree(), before, "and nothing has changed");
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a folder").map(|entry| entry.expect("an entry"));
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
