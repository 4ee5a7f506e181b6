//! A server is killed while four clients remove, move, copy and replace files. No existing file is lost: each is at its
//! old place, at its new place, or in the trash, even after the sweep at the next start.
//! The same holds where files cannot have a second name, so that a replaced file is exchanged.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::process::Signal;

use tempfile::TempDir;

use super::EDIT;
use crate::common::fuse::{Mount, faults};
use crate::common::{Random, Wharf, eventually};

const ROUNDS: u64 = 10;
const CLIENTS: u64 = 4;
const FILES: usize = 40;

/// The files that exist before the server starts, by path: nobody has written them through it, so all are kept.
fn furnish(folder: &Path) -> BTreeSet<String> {
    let contents: BTreeSet<_> = (0..FILES).map(|number| format!("file {number}")).collect();
    for (number, content) in contents.iter().enumerate() {
        let directory = folder.join(format!("d{}", number % 5));
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join(format!("f{number}")), content).expect("written");
    }
    contents
}

/// Changes one random thing. A client whose server is gone gets no answer.
fn change(wharf: &Wharf, cookie: &mut String, random: &mut Random) -> bool {
    let path = |random: &mut Random| {
        let (directory, file) = (random.below(5), random.below(FILES));
        if random.below(6) == 0 { format!("/d{directory}") } else { format!("/d{directory}/f{file}") }
    };
    let (from, to) = (path(random), path(random));
    let mut wire = match std::net::TcpStream::connect(wharf.address()) {
        Ok(stream) => wharf.over(stream),
        Err(_) => return false,
    };
    let (method, target, fields, body) = match random.below(6) {
        0 => ("PUT", &*from, "Content-Length: 3\r\n".to_owned(), "new"),
        1 | 2 => ("DELETE", &*from, String::new(), ""),
        3 => ("COPY", &*from, format!("Destination: {to}\r\n"), ""),
        4 => ("POST", "/.wharf/undo", "Content-Length: 0\r\n".to_owned(), ""),
        _ => ("MOVE", &*from, format!("Destination: {to}\r\n"), ""),
    };
    let host = wharf.address();
    wire.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{cookie}{fields}\r\n{body}"));
    let Some(answer) = wire.try_read_answer(false) else { return false };
    if let Some((set, _)) = answer.field("Set-Cookie").split_once(';') {
        *cookie = format!("Cookie: {set}\r\n");
    }
    true
}

/// The contents of all files below this directory, hidden ones too.
fn contents(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            contents(&entry.path(), found);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            found.insert(text);
        }
    }
}

fn missing(folder: &Path, existed: &BTreeSet<String>) -> Vec<String> {
    let mut found = BTreeSet::new();
    contents(folder, &mut found);
    existed.difference(&found).cloned().collect()
}

/// Serves this place, kills the server after some changes, and serves it again. The folder is also at `behind`.
fn no_file_is_lost(place: TempDir, behind: &Path, round: u64, existed: &BTreeSet<String>) {
    let mut wharf = Wharf::serve_in(place, &[&EDIT[..], &["--no-sync"]].concat());
    let (answered, end) = (AtomicUsize::new(0), 5 + Random::new(round).below(60));
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (wharf, answered) = (&wharf, &answered);
            let (mut cookie, mut random) = (String::new(), Random::new(1_000 * round + client));
            scope.spawn(move || {
                while change(wharf, &mut cookie, &mut random) {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        eventually("changes", || answered.load(Ordering::Relaxed) >= end);
        wharf.signal(Signal::KILL);
    });
    wharf.wait();
    assert_eq!(missing(behind, existed), Vec::<String>::new(), "round {round}");
    let place = wharf.kill();
    let again = Wharf::serve_in(place, &EDIT);
    assert_eq!(again.ask("GET", "/.wharf/ready", "", b"").code(), 200);
    assert_eq!(missing(behind, existed), Vec::<String>::new(), "round {round}, after the next start");
}

#[test]
fn no_file_is_lost_when_the_server_is_killed() {
    for round in 0..ROUNDS {
        let place = tempfile::tempdir().expect("a place");
        let folder = place.path().join("share");
        let existed = furnish(&folder);
        no_file_is_lost(place, &folder, round, &existed);
    }
}

/// Some file systems also lack `RENAME_NOREPLACE`. There nothing is replaced.
#[test]
fn no_file_is_lost_where_files_have_one_name() {
    let lacking = [&[faults::NO_LINKS][..], &[faults::NO_LINKS, faults::NO_NOREPLACE]];
    for round in 0..ROUNDS {
        let Some(mount) = Mount::new() else { return };
        let existed = furnish(&mount.behind());
        mount.set(lacking[usize::from(round % 3 == 2)]);
        no_file_is_lost(mount.place(), &mount.behind(), round, &existed);
    }
}
