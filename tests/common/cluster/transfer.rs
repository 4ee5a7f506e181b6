//! Many files that `wharf put` and `wharf get` send and fetch while servers restart.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Cluster, SERVERS};
use crate::common::trees::{sent, tree};
use crate::common::{Output, run};

/// One of the two commands.
pub struct Transfer {
    pub output: Output,
    pub took: Duration,
    /// How often a server was restarted or killed meanwhile.
    pub ends: usize,
    pub is_complete: bool,
}

/// Sends this many files, and fetches them, while servers are restarted and killed in turn.
pub fn put_and_get(cluster: &mut Cluster, files: usize) -> [Transfer; 2] {
    let [here, back] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let (expected, url) = (sent(here.path(), files), cluster.url());
    let mut put = while_servers_end(cluster, || {
        run(&["put", "-R", "-j", "8", "--retries", "50", "sent", "--to", &url], "", here.path())
    });
    put.is_complete = tree(&cluster.folder().join("sent")) == expected;
    let mut get = while_servers_end(cluster, || {
        let from = format!("{url}sent/");
        run(&["get", "-R", "-j", "8", "--retries", "50", &from, "--dir", "."], "", back.path())
    });
    get.is_complete = tree(&back.path().join("sent")) == expected;
    [put, get]
}

/// Runs the command while one server after the other is restarted or killed.
fn while_servers_end(cluster: &mut Cluster, command: impl FnOnce() -> Output + Send) -> Transfer {
    let is_over = AtomicBool::new(false);
    let mut ends = 0;
    let (output, took) = thread::scope(|scope| {
        let running = scope.spawn(|| {
            let begun = Instant::now();
            let output = command();
            is_over.store(true, Ordering::Relaxed);
            (output, begun.elapsed())
        });
        while !is_over.load(Ordering::Relaxed) {
            let server = ends % SERVERS;
            if ends % 2 == 0 {
                cluster.restart(server);
            } else {
                cluster.kill(server);
            }
            ends += 1;
        }
        running.join().expect("it ran")
    });
    Transfer { output, took, ends, is_complete: false }
}
