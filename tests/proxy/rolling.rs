//! Servers of one folder that are restarted one after the other, behind a proxy and under load: no request fails.
//! `.ci/long` runs this.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{ReverseProxy, Tls, Wharf, Wire, deployed, eventually, replaced, sample};

const SERVERS: usize = 3;

/// The flags from the files of `deploy/`, for a server at this port; 0 picks one.
fn serve(folder: &Path, port: u16) -> Wharf {
    let port = port.to_string();
    let flags = ["--port", &port, "--trust-proxy", "127.0.0.1", "--host", "files.example", "--timeout", "75"];
    Wharf::serve_folder(folder, &[&flags[..], &["--drain", "4", "--allow", "everyone=write,chat"]].concat())
}

/// The file of `deploy/` with the ports of these servers.
fn with_ports(name: &str, servers: &[Wharf]) -> String {
    (8081..).zip(servers).fold(deployed(name), |text, (port, server)| {
        replaced(&text, &format!("127.0.0.1:{port}"), &server.address().to_string())
    })
}

/// What the clients have observed.
#[derive(Default)]
struct Found {
    requests: AtomicUsize,
    uploads: AtomicUsize,
    is_over: AtomicBool,
}

impl Found {
    fn expect(&self, what: &str, code: u16, expected: &[u16]) {
        assert!(expected.contains(&code), "{what}: {code}, after {:?} requests", self.requests);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// Downloads and small uploads, over a persistent connection.
    fn ask(&self, proxy: SocketAddr, number: usize) {
        let (page, small) = (sample(50_000, 1), sample(2000, 2));
        let mut wire = Wire::connect(proxy);
        while self.goes_on() {
            for (method, target, body, codes) in [
                ("GET", "/page.bin".to_owned(), &[][..], [200, 200]),
                ("PUT", format!("/put-{number}"), &small, [201, 204]),
                ("POST", format!("/post-{number}"), &small, [200, 201]),
            ] {
                let answer = wire.ask(method, &target, "", body);
                assert!(method != "GET" || answer.body == page, "{} bytes", answer.body.len());
                self.expect(method, answer.code(), &codes);
                // After a thousand requests, nginx closes a connection.
                if answer.field("Connection").eq_ignore_ascii_case("close") {
                    wire = Wire::connect(proxy);
                }
            }
            // Some connections are idle when a server stops.
            thread::sleep(Duration::from_millis(7 * number as u64));
        }
    }

    /// Uploads that take this long, each over a separate connection.
    fn upload_slowly(&self, proxy: SocketAddr, number: usize, time: Duration) {
        const PIECES: usize = 20;
        let content = sample(40_000, 4);
        while self.goes_on() {
            let mut wire = Wire::connect(proxy);
            let target = format!("/slow-{number}");
            wire.begin_to_ask("PUT", &target, Some(content.len()));
            for piece in content.chunks(content.len() / PIECES) {
                wire.send(piece);
                thread::sleep(time / PIECES as u32);
            }
            self.expect(&target, wire.read_answer(false).code(), &[201, 204]);
            self.uploads.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Restarts each server while clients send requests through the proxy.
fn no_request_fails(start: impl Fn(&[Wharf]) -> Option<ReverseProxy>) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("page.bin"), sample(50_000, 1)).expect("written");
    let mut servers: Vec<_> = (0..SERVERS).map(|_| serve(folder.path(), 0)).collect();
    let Some(proxy) = start(&servers) else { return };
    let (proxy, found) = (proxy.address(), Found::default());
    thread::scope(|scope| {
        let found = &found;
        let clients: Vec<_> = (0..6)
            .map(|number| scope.spawn(move || found.ask(proxy, number)))
            .chain([2, 4, 6].map(|time| {
                scope.spawn(move || found.upload_slowly(proxy, time as usize, Duration::from_secs(time)))
            }))
            .collect();
        for server in &mut servers {
            // The proxy has to notice that the last one is back.
            thread::sleep(Duration::from_secs(3));
            if clients.iter().any(thread::ScopedJoinHandle::is_finished) {
                break;
            }
            server.signal(Signal::TERM);
            let (_, status) = server.wait();
            assert!(status.success(), "{status}: {}", server.log());
            assert!(!server.log().contains("did not finish"), "{}", server.log());
            *server = serve(folder.path(), server.address().port());
        }
        thread::sleep(Duration::from_secs(3));
        found.is_over.store(true, Ordering::Relaxed);
    });
    let (requests, uploads) = (found.requests.into_inner(), found.uploads.into_inner());
    assert!(requests > 500 && uploads > 10, "{requests} requests, {uploads} slow uploads");
    for (number, content) in [(0, sample(2000, 2)), (5, sample(2000, 2))] {
        eventually("the last upload is there", || {
            std::fs::read(folder.path().join(format!("put-{number}"))).is_ok_and(|saved| saved == content)
        });
    }
}

#[test]
#[ignore = "long"]
fn behind_haproxy() {
    no_request_fails(|servers| {
        ReverseProxy::haproxy_with(&with_ports("haproxy-servers.cfg", servers), Tls::Off)
    });
}

#[test]
#[ignore = "long"]
fn behind_nginx() {
    no_request_fails(|servers| {
        ReverseProxy::nginx_text(&with_ports("nginx-servers.conf", servers), Tls::Off)
    });
}
