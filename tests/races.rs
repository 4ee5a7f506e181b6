//! A directory or a file is repeatedly swapped for a link that leads out, while it is read, listed and
//! written over every protocol: no byte from outside is sent, and nothing is written there.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::common::{Tftp, Wharf, eventually};

/// How many requests are sent for each target over each protocol.
const ROUNDS: usize = 60;

/// The content outside. No response may contain it, or the name of its file.
const OUTSIDE: &[u8] = b"OUTSIDE";
const SECRET: &str = "secret";

/// The content inside, wherever it is read.
const INSIDE: &[u8] = b"inside";

/// A server with every kind of listener, and a folder in which two entries swap places.
struct Stage {
    wharf: Wharf,
    _place: tempfile::TempDir,
    socket: PathBuf,
    counts: Counts,
}

/// The outcomes of requests: if both occurred, there was a race.
#[derive(Default)]
struct Counts {
    done: AtomicUsize,
    refused: AtomicUsize,
}

impl Stage {
    /// `dir/file` and `dir/sub/file` inside; outside, files with the same names and one more.
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let socket = place.path().join("s");
        let wharf = Wharf::serve(&["--udp", "0", "--no-sync", "--unix", socket.to_str().expect("text")]);
        for name in ["file", "sub/file"] {
            wharf.write(&format!("dir/{name}"), INSIDE);
        }
        let outside = wharf.outside_folder();
        fs::create_dir(outside.join("sub")).expect("made");
        for name in ["file", SECRET, "sub/file"] {
            fs::write(outside.join(name), OUTSIDE).expect("written");
        }
        eventually("every listener is open", || socket.exists());
        // The server caches what has not changed for a second, which is another way to reach a file.
        wharf.files_age();
        Self { wharf, _place: place, socket, counts: Counts::default() }
    }

    /// Sends requests over all protocols while `path` swaps places with a link to `target`.
    fn race(&self, path: &str, target: &Path) {
        let (path, link) = (self.wharf.folder().join(path), self.wharf.folder().join(".link"));
        symlink(target, &link).expect("linked");
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    // An uploaded file may replace the link, which was a file a moment ago.
                    if !path.is_symlink() && !link.is_symlink() {
                        fs::remove_file(&link).and_then(|()| symlink(target, &link)).expect("linked again");
                    }
                    renameat_with(CWD, &path, CWD, &link, RenameFlags::EXCHANGE).expect("swapped");
                }
            });
            let protocols: [fn(&Self, usize); 3] = [Self::ask_http, Self::ask_unix, Self::ask_tftp];
            let asking =
                protocols.map(|ask| scope.spawn(move || (0..ROUNDS).for_each(|round| ask(self, round))));
            let asked = asking.map(|protocol| protocol.join().is_ok());
            is_over.store(true, Ordering::Relaxed);
            assert_eq!(asked, [true; 3], "over TCP, over the Unix-domain socket, over TFTP");
        });
        let (done, refused) = (&self.counts.done, &self.counts.refused);
        assert!(done.load(Ordering::Relaxed) > 0 && refused.load(Ordering::Relaxed) > 0, "there was no race");
    }

    fn ask_http(&self, round: usize) {
        for target in READ {
            let answer = self.wharf.ask("GET", &format!("/{target}"), "", b"");
            self.judge(target, answer.code() == 200, &answer.body);
        }
        for target in written("tcp", round) {
            let answer = self.wharf.ask("PUT", &format!("/{target}"), "", INSIDE);
            self.judge(&target, answer.head.status.is_success(), &[]);
        }
    }

    fn ask_unix(&self, round: usize) {
        for target in READ {
            let (done, body) = self.ask_once("GET", target, b"");
            self.judge(target, done, &body);
        }
        for target in written("unix", round) {
            let (done, _) = self.ask_once("PUT", &target, INSIDE);
            self.judge(&target, done, &[]);
        }
    }

    /// Whether it succeeded, and the complete response.
    fn ask_once(&self, method: &str, target: &str, body: &[u8]) -> (bool, Vec<u8>) {
        let mut stream = UnixStream::connect(&self.socket).expect("it listens");
        let (length, fields) = (body.len(), "Host: h\r\nConnection: close\r\nAccept: text/plain\r\n");
        let head = format!("{method} /{target} HTTP/1.1\r\n{fields}Content-Length: {length}\r\n\r\n");
        stream.write_all(&[head.as_bytes(), body].concat()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        (answer.starts_with(b"HTTP/1.1 2"), answer)
    }

    fn ask_tftp(&self, round: usize) {
        for target in READ {
            let got = Tftp::new(self.wharf.tftp()).get(target);
            self.judge(target, got.is_ok(), &got.unwrap_or_default());
        }
        for target in written("tftp", round) {
            self.judge(&target, Tftp::new(self.wharf.tftp()).put(&target, &[], INSIDE).is_ok(), &[]);
        }
    }

    fn judge(&self, target: &str, done: bool, said: &[u8]) {
        let said = String::from_utf8_lossy(said);
        assert!(!said.contains("OUTSIDE") && !said.contains(SECRET), "{target}: {said}");
        let count = if done { &self.counts.done } else { &self.counts.refused };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// The targets that are read and listed.
const READ: [&str; 6] = ["dir/file", "dir/sub/file", "dir/secret", "dir/", "dir/sub/", "file"];

/// The targets that are written: new files, existing files, and files in new directories.
fn written(protocol: &str, round: usize) -> [String; 4] {
    let round = round % 8;
    let new = |place: &str| format!("{place}/{protocol}-{round}");
    [new("dir"), new("dir/sub"), format!("dir/new-{protocol}-{round}/below/x"), "dir/file".to_owned()]
}

/// Every file below a folder, with its content.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            found.insert(entry.clone(), Vec::new());
            found.extend(contents(&entry));
        } else {
            found.insert(entry.clone(), fs::read(&entry).expect("readable"));
        }
    }
    found
}

#[test]
fn a_directory_swapped_for_a_link_leads_nowhere() {
    let stage = Stage::new();
    let before = contents(&stage.wharf.outside_folder());
    stage.race("dir", Path::new("../outside"));
    assert_eq!(contents(&stage.wharf.outside_folder()), before, "nothing was written outside");
}

#[test]
fn a_subdirectory_swapped_for_a_link_leads_nowhere() {
    let stage = Stage::new();
    let before = contents(&stage.wharf.outside_folder());
    stage.race("dir/sub", &stage.wharf.outside_folder());
    assert_eq!(contents(&stage.wharf.outside_folder()), before, "nothing was written outside");
}

#[test]
fn a_file_swapped_for_a_link_is_that_file_or_missing() {
    let stage = Stage::new();
    let before = contents(&stage.wharf.outside_folder());
    stage.race("dir/file", Path::new("../../outside/secret"));
    assert_eq!(contents(&stage.wharf.outside_folder()), before, "nothing was written outside");
}
