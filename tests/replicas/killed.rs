//! Servers of one folder that are killed all the time: what one of them has acknowledged is there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;

use super::relay::Relay;
use crate::common::{Wharf, Wire, sample};

/// How often a server is killed. `tests/cluster.rs` has a long form, behind HAProxy.
const KILLS: usize = 20;

/// Uploads this file; false if the server is killed meanwhile.
fn is_acknowledged(relay: &Relay, name: &str, content: &[u8]) -> bool {
    let (mut wire, length) = (Wire::connect(relay.address()), content.len());
    wire.send(format!("PUT /{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"));
    wire.send(content);
    wire.try_read_answer(false).is_some_and(|answer| matches!(answer.code(), 201 | 204))
}

#[test]
fn what_was_acknowledged_is_there_after_each_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let flags = ["--no-sync", "--allow", "everyone=edit"];
    let mut servers = [(); 3].map(|()| Wharf::serve_folder(folder.path(), &flags));
    let relay = Relay::to(servers.iter().map(Wharf::address).collect());
    let is_over = AtomicBool::new(false);
    let acknowledged = thread::scope(|scope| {
        let clients = [0, 1, 2, 3].map(|client| {
            let (relay, is_over) = (&relay, &is_over);
            scope.spawn(move || {
                let mut count = 0;
                while !is_over.load(Ordering::SeqCst) {
                    let content = sample(1000 + 40_000 * (count % 3), (client * 100_000 + count) as u64);
                    // Clients try again.
                    while !is_acknowledged(relay, &format!("{client}-{count}"), &content) {}
                    count += 1;
                }
                count
            })
        });
        for round in 0..KILLS {
            let server = &mut servers[round % 3];
            let port = server.address().port().to_string();
            server.signal(Signal::KILL);
            server.wait();
            *server = Wharf::serve_folder(folder.path(), &[&flags[..], &["--port", &port]].concat());
        }
        is_over.store(true, Ordering::SeqCst);
        clients.map(|client| client.join().expect("no panic"))
    });
    assert!(acknowledged.iter().sum::<usize>() > KILLS, "{acknowledged:?}");
    for (client, acknowledged) in acknowledged.into_iter().enumerate() {
        for count in 0..acknowledged {
            let content = sample(1000 + 40_000 * (count % 3), (client * 100_000 + count) as u64);
            let saved = std::fs::read(folder.path().join(format!("{client}-{count}"))).expect("a file");
            assert!(saved == content, "{client}-{count}: {} bytes", saved.len());
        }
    }
}
