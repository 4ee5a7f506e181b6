//! A client whose every request goes to another server, while servers restart.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;

use super::relay::Relay;
use crate::common::trees::{sent, tree};
use crate::common::{Output, Wharf, run};

/// How many files are sent.
const FILES: usize = 400;

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
