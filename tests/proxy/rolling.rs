//! Servers of one folder that are restarted one after the other, behind a proxy and under load: no request fails.
//! `.ci/long` runs this with the times of `deploy/`; a short form runs with the other tests.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{ReverseProxy, Tls, Wharf, Wire, deployed, eventually, replaced, sample};

const SERVERS: usize = 3;

/// How long the parts of a restart take.
struct Pace {
    drain: &'static str,
    /// How many seconds each of the slow uploads takes.
    uploads: [u64; 3],
    /// How long each server runs after a restart, if the proxy does not check it.
    unchecked: Option<Duration>,
}

impl Pace {
    const OF_DEPLOY: Self = Self { drain: "4", uploads: [2, 4, 6], unchecked: None };
    /// For a proxy that checks its servers every 200 ms.
    const SHORT: Self = Self { drain: "1", uploads: [1, 3, 3], unchecked: None };

    /// The flags from the files of `deploy/`, for a server at this port; 0 picks one.
    fn serve(&self, folder: &Path, port: u16) -> Wharf {
        let (port, drain) = (port.to_string(), self.drain);
        let flags =
            ["--port", &port, "--trust-proxy", "127.0.0.1", "--host", "files.example", "--timeout", "75"];
        let flags = [&flags[..], &["--drain", drain, "--allow", "everyone=write,chat"]].concat();
        Wharf::serve_folder(folder, &flags)
    }

    /// Waits until the proxy uses this server.
    fn wait_for(&self, server: &Wharf) {
        if let Some(time) = self.unchecked {
            return thread::sleep(time);
        }
        let checks = || server.log().matches("\"GET /.wharf/ready HTTP/1.0\" 200").count();
        // Two parts of the configuration check it.
        eventually("the proxy has checked it", || checks() > 3);
    }
}

/// The file of `deploy/` with the addresses of these servers.
pub(super) fn with_addresses(name: &str, servers: impl IntoIterator<Item = SocketAddr>) -> String {
    (8081..).zip(servers).fold(deployed(name), |text, (port, server)| {
        replaced(&text, &format!("127.0.0.1:{port}"), &server.to_string())
    })
}

fn with_ports(name: &str, servers: &[Wharf]) -> String {
    with_addresses(name, servers.iter().map(Wharf::address))
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
fn no_request_fails(pace: &Pace, start: impl Fn(&[Wharf]) -> Option<ReverseProxy>) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("page.bin"), sample(50_000, 1)).expect("written");
    let mut servers: Vec<_> = (0..SERVERS).map(|_| pace.serve(folder.path(), 0)).collect();
    let Some(proxy) = start(&servers) else { return };
    let (proxy, found) = (proxy.address(), Found::default());
    thread::scope(|scope| {
        let found = &found;
        let clients: Vec<_> = (0..6)
            .map(|number| scope.spawn(move || found.ask(proxy, number)))
            .chain((6..).zip(pace.uploads).map(|(number, time)| {
                scope.spawn(move || found.upload_slowly(proxy, number, Duration::from_secs(time)))
            }))
            .collect();
        for server in &servers {
            pace.wait_for(server);
        }
        for server in &mut servers {
            if clients.iter().any(thread::ScopedJoinHandle::is_finished) {
                break;
            }
            server.signal(Signal::TERM);
            let (_, status) = server.wait();
            assert!(status.success(), "{status}: {}", server.log());
            assert!(!server.log().contains("did not finish"), "{}", server.log());
            *server = pace.serve(folder.path(), server.address().port());
            pace.wait_for(server);
        }
        found.is_over.store(true, Ordering::Relaxed);
    });
    let (requests, uploads) = (found.requests.into_inner(), found.uploads.into_inner());
    assert!(requests > 100 && uploads >= 6, "{requests} requests, {uploads} slow uploads");
    for (number, content) in [(0, sample(2000, 2)), (5, sample(2000, 2))] {
        eventually("the last upload is there", || {
            std::fs::read(folder.path().join(format!("put-{number}"))).is_ok_and(|saved| saved == content)
        });
    }
}

#[test]
fn behind_haproxy_in_short() {
    no_request_fails(&Pace::SHORT, |servers| {
        let text = replaced(&with_ports("cluster/haproxy.cfg", servers), "inter 1s", "inter 200ms");
        ReverseProxy::haproxy_with(&text, Tls::Off)
    });
}

#[test]
#[ignore = "long"]
fn behind_haproxy() {
    no_request_fails(&Pace::OF_DEPLOY, |servers| {
        ReverseProxy::haproxy_with(&with_ports("cluster/haproxy.cfg", servers), Tls::Off)
    });
}

#[test]
#[ignore = "long"]
fn behind_nginx() {
    let pace = Pace { unchecked: Some(Duration::from_secs(3)), ..Pace::OF_DEPLOY };
    no_request_fails(&pace, |servers| {
        ReverseProxy::nginx_text(&with_ports("cluster/nginx.conf", servers), Tls::Off)
    });
}
