//! Each proxy with each of its files in `deploy/`. `.ci/long` runs this: `cargo test --test main proxy::long -- --ignored`.

use super::visit::Visit;
use super::{AtSocket, pages_may_write};
use crate::common::{Place, Program, ReverseProxy, Tls, Wharf, deployed, replaced};

/// Clients of a server behind this proxy, wherever the proxy shows it.
fn works_behind(program: Program) {
    for place in Place::ALL {
        let server = AtSocket::serve(place);
        let Some(proxy) = server.behind(program, place, Tls::Off) else { return };
        Visit::new(&server, &proxy, place, format!("{program:?}, {place:?}")).all();
        if program.has_tls() {
            pages_may_write(&server, program, place);
        }
    }
}

#[test]
#[ignore = "long"]
fn nginx() {
    works_behind(Program::Nginx);
}

#[test]
#[ignore = "long"]
fn haproxy() {
    works_behind(Program::Haproxy);
}

#[test]
#[ignore = "long"]
fn caddy() {
    works_behind(Program::Caddy);
}

#[test]
#[ignore = "long"]
fn apache() {
    works_behind(Program::Apache);
}

#[test]
#[ignore = "long"]
fn varnish() {
    works_behind(Program::Varnish);
}

/// The client's address comes in a PROXY header, of either version.
#[test]
#[ignore = "long"]
fn haproxy_in_tcp_mode() {
    let flags = ["--proxy-protocol", "--trust-proxy", "127.0.0.1", "--host", "files.example"];
    let wharf = Wharf::serve(&[&flags[..], &["--allow", "everyone=write,chat"]].concat());
    let text = replaced(&deployed("haproxy-tcp.cfg"), "127.0.0.1:8080", &wharf.address().to_string());
    for version in ["send-proxy", "send-proxy-v2"] {
        let text = replaced(&text, "send-proxy-v2 check", &format!("{version} check"));
        let Some(proxy) = ReverseProxy::haproxy_with(&text, Tls::Off) else { return };
        Visit::of(&wharf, &proxy, Place::Root, version.to_owned()).all();
    }
    assert!(wharf.log().contains("\"GET /.wharf/ready HTTP/1.0\" 200"), "its checks have a PROXY header too");
}
