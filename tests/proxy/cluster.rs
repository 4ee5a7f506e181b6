//! The script that starts a cluster for trying, and a cluster whose servers have different versions.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::common::{
    Fake, Random, ReverseProxy, Running, Tls, Wharf, Wire, eventually, outside, root, target_of,
    with_addresses,
};

/// The first of four ports that are free, for HAProxy and the servers after it.
fn four_ports(random: &mut Random) -> u16 {
    let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let mut candidates = (0..100).map(|_| 20_000 + random.below(5000) as u16 * 2);
    candidates.find(|first| (*first..first + 4).all(is_free)).expect("four free ports")
}

/// The process with this id.
fn process(id: &str) -> Pid {
    id.parse().ok().and_then(Pid::from_raw).expect("a process id")
}

#[test]
fn the_script_starts_three_servers_and_ends_them() {
    if outside("haproxy").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a"), "content").expect("written");
    let port = four_ports(&mut Random::new(u64::from(std::process::id())));
    let mut script = Command::new(root().join("deploy/cluster/try.sh"));
    script.arg(folder.path()).env("WHARF", env!("CARGO_BIN_EXE_wharf")).env("PORT", port.to_string());
    let mut script = Running::start(script.stdin(Stdio::null()).stdout(Stdio::piped()));
    let mut lines = BufReader::new(script.stdout.take().expect("piped")).lines();
    let mut ids = Vec::new();
    // One line for each server, and one for HAProxy, in any order.
    for _ in 0..4 {
        let line = lines.next().expect("a line").expect("text");
        let (_, id) = line.split_once(", process ").expect("a process");
        ids.push(process(id.split(';').next().unwrap_or(id)));
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let is_served = || {
        TcpStream::connect(address).is_ok() && {
            let answer = Wire::connect(address).ask("GET", "/a", "", b"");
            (answer.code(), &*answer.text()) == (200, "content")
        }
    };
    eventually("the servers are ready", is_served);
    let killed = ids.iter().copied().find(|id| is_server(*id)).expect("a server");
    kill_process(killed, Signal::KILL).expect("it runs");
    let line = lines.next().expect("a line").expect("text");
    assert!(line.starts_with("server "), "it is started again: {line}");
    ids.push(process(line.split_once(", process ").expect("a process").1));
    eventually("files are served", is_served);
    kill_process(Pid::from_child(&script), Signal::TERM).expect("it runs");
    eventually("the script ends", || script.try_wait().expect("a child").is_some());
    for id in ids {
        assert!(test_kill_process(id).is_err(), "{id:?} still runs");
    }
}

/// Whether this process is a server.
fn is_server(id: Pid) -> bool {
    let command = std::fs::read(format!("/proc/{}/cmdline", id.as_raw_nonzero())).unwrap_or_default();
    String::from_utf8_lossy(&command).contains("wharf\0serve")
}

/// A server of another version: it is ready, and has none of these files.
fn other_version() -> Fake {
    Fake::answers(|head, stream| {
        let status = if target_of(head) == "/.wharf/ready" { "200 OK" } else { "404 Not Found" };
        let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    })
}

#[test]
fn the_assets_of_a_page_are_found_at_the_server_of_its_version() {
    let (wharf, others) = (Wharf::serve(&["--trust-proxy", "127.0.0.1"]), [other_version(), other_version()]);
    let page = wharf.ask("GET", "/", "Accept: text/html\r\n", b"").text();
    let start = page.find("/.wharf/assets/page.").expect("a link");
    let link = page[start..].split(['"', '?']).next().expect("a path");
    let servers = [others[0].address(), others[1].address(), wharf.address()];
    let haproxy = ReverseProxy::haproxy_with(&with_addresses("cluster/haproxy.cfg", servers), Tls::Off);
    let nginx = ReverseProxy::nginx_text(&with_addresses("cluster/nginx.conf", servers), Tls::Off);
    for (name, proxy) in [("HAProxy", haproxy), ("nginx", nginx)] {
        let Some(proxy) = proxy else { continue };
        for round in 0..9 {
            let answer = Wire::connect(proxy.address()).ask("GET", link, "Connection: close\r\n", b"");
            assert_eq!(answer.code(), 200, "{name}, round {round}: {link}");
        }
    }
}
