//! Three servers on a network file system, each with a mount of its own. `.ci/long` runs this.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::relay::Relay;
use super::wandering::while_servers_restart;
use super::{Pair, piece};
use crate::common::gluster::Gluster;
use crate::common::moosefs::MooseFs;
use crate::common::trees::{sent, tree};
use crate::common::{Answer, Wharf, eventually, run};

/// Asks for the locks of a resource: fields and a body.
const LOCKS: (&str, &[u8]) =
    ("Depth: 0\r\n", b"<D:propfind xmlns:D=\"DAV:\"><D:prop><D:lockdiscovery/></D:prop></D:propfind>");

fn tag(wharf: &Wharf, target: &str) -> String {
    wharf.ask("HEAD", target, "", b"").field("ETag")
}

#[test]
#[ignore = "long"]
fn three_servers_on_glusterfs() {
    let Some(volume) = Gluster::start() else { return };
    serve_from(&volume.mounts(), 60);
}

#[test]
#[ignore = "long"]
fn three_servers_on_moosefs() {
    let Some(files) = MooseFs::start() else { return };
    // A version has to be two seconds old, because times have whole seconds.
    serve_from(&files.mounts(), 10);
}

fn serve_from(mounts: &[PathBuf; 3], races: usize) {
    let serve = |number: usize| Wharf::serve_folder(&mounts[number], &["--allow", "everyone=edit"]);
    let mut servers = [serve(0), serve(1), serve(2)];
    assert_eq!(servers[0].ask("PUT", "/a", "", b"first").code(), 201);
    for server in &servers {
        eventually("each has the same tag", || tag(server, "/a") == tag(&servers[0], "/a"));
    }

    // An upload goes on when its server is killed.
    let upload = servers[0].ask("POST", "/b", "Upload-Complete: ?0\r\n", b"").field("Location");
    assert_eq!(servers[1].ask("PATCH", &upload, &piece(0, 4, false), b"four").code(), 204);
    drop(std::mem::replace(&mut servers[1], serve(1)).kill());
    eventually("its lock has ended", || {
        servers[2].ask("PATCH", &upload, &piece(4, 4, true), b"five").code() == 200
    });
    assert_eq!(fs::read(mounts[2].join("b")).expect("a file"), b"fourfive");
    assert!(servers[2].settled_log().contains("locks seen"), "{}", servers[2].log());

    // Files are read while another server replaces them.
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers = [0, 1, 2].map(|number| {
            let (server, is_over) = (&servers[number], &is_over);
            scope.spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    assert_eq!(server.ask("GET", "/a", "", b"").code(), 200);
                }
            })
        });
        for round in 0..50 {
            assert_eq!(servers[round % 2].ask("PUT", "/a", "", b"again").code(), 204);
        }
        is_over.store(true, Ordering::SeqCst);
        for reader in readers {
            reader.join().expect("each got the file");
        }
    });

    // A lock holds at all servers, also when its server is killed.
    let body = b"<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>";
    let granted = servers[0].ask("LOCK", "/a", "Timeout: Second-600\r\n", body);
    assert_eq!(granted.code(), 200, "{}", granted.text());
    eventually("the others know it", || {
        [1, 2].iter().all(|number| {
            servers[*number].ask("PROPFIND", "/a", LOCKS.0, LOCKS.1).text().contains("urn:uuid")
        })
    });
    drop(std::mem::replace(&mut servers[0], serve(0)).kill());
    for server in &servers {
        assert_eq!(server.ask("PUT", "/a", "", b"x").code(), 423);
    }
    let end = format!("Lock-Token: {}\r\n", granted.field("Lock-Token"));
    assert_eq!(servers[2].ask("UNLOCK", "/a", &end, b"").code(), 204);
    for server in &servers {
        eventually("it has ended", || server.ask("PUT", "/a", "", b"x").code() == 204);
    }

    // Of two requests for one version, one wins.
    let [first, second, third] = servers;
    let pair = Pair { servers: [first, second], _folder: tempfile::tempdir().expect("a folder") };
    let fields = |_| {
        let now = || pair.servers.each_ref().map(|server| tag(server, "/a"));
        eventually("both see the same version, and may rely on it", || {
            let [one, other] = now();
            one == other && !one.starts_with("W/")
        });
        format!("If-Match: {}\r\n", now()[0])
    };
    let winners = Mutex::new(Vec::new());
    pair.race_for(
        races,
        |_| "/a".to_owned(),
        fields,
        |_, answers| {
            let codes = answers.each_ref().map(Answer::code);
            assert!(codes.iter().all(|code| matches!(code, 204 | 412)), "{codes:?}");
            winners.lock().expect("no panic").push(codes.iter().filter(|code| **code == 204).count());
        },
    );
    let winners = winners.into_inner().expect("no panic");
    assert!(winners.iter().all(|count| *count < 2), "{winners:?}");
    // Both may have seen a version that was just replaced.
    assert!(winners.iter().sum::<usize>() > winners.len() / 2, "{winners:?}");

    // A client changes servers at every request, while they restart.
    let Pair { servers: [first, second], .. } = pair;
    let mut servers = [first, second, third];
    let here = tempfile::tempdir().expect("a folder");
    let expected = sent(here.path(), 100);
    let relay = Relay::to(servers.iter().map(Wharf::address).collect());
    let put = while_servers_restart(&mut servers, mounts, || {
        run(&["put", "-R", "-j", "8", "--retries", "50", "sent", "--to", &relay.url()], "", here.path())
    });
    assert_eq!(put.code, Some(0), "{put:?}");
    eventually("the trees are equal", || tree(&mounts[0].join("sent")) == expected);
}
