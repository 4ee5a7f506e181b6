//! One folder, one policy: what is refused at one door is refused at all, with the same outcome.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::common::{Tftp, Wharf, eventually};

/// What came of asking, in words that every door has.
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

/// What is asked.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Get,
    Put,
}

/// A server with every door open, and things in its folder that must not be reached or written.
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
        eventually("every door is open", || socket.exists());
        Self { wharf, _place: place, socket }
    }

    fn http(&self, ask: Ask, path: &str) -> Outcome {
        let answer = match ask {
            Ask::Get => self.wharf.ask("GET", &target(path), "", b""),
            Ask::Put => self.wharf.ask("PUT", &target(path), "", NEW),
        };
        of_status(answer.code())
    }

    fn unix(&self, ask: Ask, path: &str) -> Outcome {
        let mut stream = UnixStream::connect(&self.socket).expect("it listens");
        let (method, body) = match ask {
            Ask::Get => ("GET", &b""[..]),
            Ask::Put => ("PUT", NEW),
        };
        let (target, length) = (target(path), body.len());
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body].concat()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let status = String::from_utf8_lossy(&answer[9..12]).into_owned();
        of_status(status.parse().expect("a status"))
    }

    fn tftp(&self, ask: Ask, path: &str) -> Outcome {
        let mut client = Tftp::new(self.wharf.tftp());
        let outcome = match ask {
            Ask::Get => client.get(path).map(|_| ()),
            Ask::Put => client.put(path, &[], NEW),
        };
        match outcome {
            Ok(()) => Done,
            Err((1, _)) => Missing,
            // Decision 8's table: code 2 is for all that must not be, and its sentence tells them apart.
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

    /// Asks at every door, and holds them to the same outcome.
    #[track_caller]
    fn all_say(&self, ask: Ask, path: &str, expected: Outcome) {
        let outcomes = [self.http(ask, path), self.unix(ask, path), self.tftp(ask, path)];
        assert_eq!(
            outcomes, [expected; 3],
            "{ask:?} {path:?} over TCP, over the Unix-domain socket, over TFTP"
        );
    }
}

/// What every upload brings.
const NEW: &[u8] = b"new content";

/// A path as a target: what must be encoded is.
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
fn what_is_not_shared_is_at_no_door() {
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
        stage.all_say(Ask::Get, path, expected);
    }
}

#[test]
fn what_must_not_be_written_is_not_at_any_door() {
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
        stage.all_say(Ask::Put, path, expected);
    }
    // Over HTTP both are 409, over TFTP both are 2: a directory has the name, or a file is where one should be.
    for path in ["dir", "file/x"] {
        assert_eq!(stage.http(Ask::Put, path), Taken, "{path}");
        assert_eq!(stage.unix(Ask::Put, path), Taken, "{path}");
        assert_eq!(stage.tftp(Ask::Put, path), Directory, "{path}");
    }
    assert_eq!(stage.wharf.tree(), before, "and nothing has changed");
    assert_eq!(names(&stage.wharf.outside_folder()), ["secret"]);
}

#[test]
fn the_rules_are_the_same_at_every_door() {
    let read_only = Stage::new(&["--read-only"]);
    let before = read_only.wharf.tree();
    for path in ["new", "file", ".hidden", "dir/new"] {
        read_only.all_say(Ask::Put, path, Forbidden);
    }
    assert_eq!(read_only.wharf.tree(), before);

    let refusing = Stage::new(&["--on-conflict", "refuse"]);
    refusing.all_say(Ask::Put, "file", Taken);
    assert_eq!(refusing.wharf.read("file"), b"old");

    let overwriting = Stage::new(&["--on-conflict", "overwrite"]);
    for door in [Stage::http, Stage::unix, Stage::tftp] {
        overwriting.wharf.write("file", "old");
        assert_eq!(door(&overwriting, Ask::Put, "file"), Done);
        assert_eq!(overwriting.wharf.read("file"), NEW);
    }

    let renaming = Stage::new(&["--on-conflict", "rename"]);
    renaming.all_say(Ask::Put, "file", Done);
    assert_eq!(renaming.wharf.read("file"), b"old");
    for name in ["file (1)", "file (2)", "file (3)"] {
        assert_eq!(renaming.wharf.read(name), NEW, "one for each door");
    }

    let small = Stage::new(&["--max-upload", "10"]);
    small.all_say(Ask::Put, "new", TooLarge);
    assert!(!small.wharf.tree().contains(&"new".to_owned()));

    let hidden = Stage::new(&["--hidden"]);
    hidden.all_say(Ask::Get, ".hidden", Done);
    hidden.all_say(Ask::Put, ".new", Done);
    hidden.all_say(Ask::Get, ".wharf/uploads", Missing);
    hidden.all_say(Ask::Put, ".wharf-0.tmp", Missing);
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a folder").map(|entry| entry.expect("an entry"));
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
