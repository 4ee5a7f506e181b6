//! Servers of one folder that are restarted one after the other, behind a proxy and under load: no request fails.
//! `.ci/long` runs this with the times of `deploy/`; a short form runs with the other tests.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::common::cluster::visitors::Visitors;
use crate::common::{ReverseProxy, Tls, Wharf, eventually, replaced, sample, with_addresses};

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

fn with_ports(name: &str, servers: &[Wharf]) -> String {
    with_addresses(name, servers.iter().map(Wharf::address))
}

/// Restarts each server while clients send requests through the proxy.
fn no_request_fails(pace: &Pace, start: impl Fn(&[Wharf]) -> Option<ReverseProxy>) {
    let folder = tempfile::tempdir().expect("a folder");
    Visitors::prepare(folder.path());
    let mut servers: Vec<_> = (0..SERVERS).map(|_| pace.serve(folder.path(), 0)).collect();
    let Some(proxy) = start(&servers) else { return };
    let (proxy, visitors) = (proxy.address(), Visitors::default());
    thread::scope(|scope| {
        let visitors = &visitors;
        (0..6).for_each(|number| drop(scope.spawn(move || visitors.visit(proxy, number))));
        for (number, time) in (6..).zip(pace.uploads) {
            scope.spawn(move || visitors.upload_slowly(proxy, number, Duration::from_secs(time)));
        }
        for server in &servers {
            pace.wait_for(server);
        }
        for server in &mut servers {
            if !visitors.failures().is_empty() {
                break;
            }
            server.signal(Signal::TERM);
            let (_, status) = server.wait();
            assert!(status.success(), "{status}: {}", server.log());
            assert!(!server.log().contains("did not finish"), "{}", server.log());
            *server = pace.serve(folder.path(), server.address().port());
            pace.wait_for(server);
        }
        visitors.end();
    });
    assert_eq!(visitors.failures(), Vec::<String>::new());
    let (requests, uploads) = (visitors.requests(), visitors.slow_uploads());
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
