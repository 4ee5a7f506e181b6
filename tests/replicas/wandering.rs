//! A client whose every request goes to another server, while servers restart.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;

use super::relay::Relay;
use crate::common::{Output, Wharf, run, sample};

/// How many files are sent, and how large the large ones are: those are sent in pieces.
const FILES: usize = 400;
const LARGE: usize = 2 << 20;

/// Makes a directory `sent` with this many files here.
pub(super) fn sent(here: &Path, files: usize) -> BTreeMap<String, Vec<u8>> {
    let top = here.join("sent");
    for number in 0..files {
        let path = top.join(format!("{}/{number}", number % 7));
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        let size = if number % 40 == 0 { LARGE } else { 100 * (number % 50) };
        fs::write(path, sample(size, number as u64)).expect("written");
    }
    tree(&top)
}

/// Each file below a directory, by path.
pub(super) fn tree(top: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![top.to_owned()]);
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).expect("a directory").flatten() {
            let path = entry.path();
            let name = path.strip_prefix(top).expect("below").to_str().expect("text").to_owned();
            if entry.file_type().expect("a type").is_dir() {
                waiting.push(path);
            } else {
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

/// Runs the command while one server after the other is stopped or killed, and started again at its address. Each has its own
/// path to the folder.
pub(super) fn while_servers_restart(
    servers: &mut [Wharf],
    folders: &[PathBuf],
    command: impl FnOnce() -> Output + Send,
) -> Output {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let running = scope.spawn(|| {
            let output = command();
            is_over.store(true, Ordering::SeqCst);
            output
        });
        let count = servers.len();
        for round in 0.. {
            if is_over.load(Ordering::SeqCst) {
                break;
            }
            let server = &mut servers[round % count];
            let port = server.address().port().to_string();
            server.signal(if round % 2 == 0 { Signal::TERM } else { Signal::KILL });
            server.wait();
            *server = Wharf::serve_folder(&folders[round % count], &["--no-sync", "--port", &port]);
        }
        running.join().expect("it ran")
    })
}

#[test]
fn a_client_changes_servers_at_every_request() {
    let [folder, here, back] = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let mut servers = [(); 3].map(|()| Wharf::serve_folder(folder.path(), &["--no-sync"]));
    let expected = sent(here.path(), FILES);
    let folders = [(); 3].map(|()| folder.path().to_owned());
    let relay = Relay::to(servers.iter().map(Wharf::address).collect());
    let url = relay.url();
    let put = while_servers_restart(&mut servers, &folders, || {
        run(&["put", "-R", "-j", "8", "--retries", "50", "sent", "--to", &url], "", here.path())
    });
    assert_eq!(put.code, Some(0), "{put:?}");
    assert!(relay.requests() > FILES, "{} requests", relay.requests());
    assert!(tree(&folder.path().join("sent")) == expected, "the trees are equal");
    let got = while_servers_restart(&mut servers, &folders, || {
        let url = format!("{url}sent/");
        run(&["get", "-R", "-j", "8", "--retries", "50", "--no-sync", &url, "--dir", "."], "", back.path())
    });
    assert_eq!(got.code, Some(0), "{got:?}");
    assert!(tree(&back.path().join("sent")) == expected, "the trees are equal");
}
