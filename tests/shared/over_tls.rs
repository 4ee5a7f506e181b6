//! `--shared rediss://HOST`: the store is reached over TLS.

use std::net::TcpListener;

use super::Replicas;
use crate::common::store::Store;
use crate::common::{Wharf, eventually, eventually_ok, pem};

/// A store that listens with a certificate for `localhost`, and its address.
fn store() -> Option<(Store, String)> {
    let [certificate, key, ca] = ["localhost.pem", "localhost.key", "ca.pem"].map(pem);
    let [certificate, key, ca] = [&certificate, &key, &ca].map(|path| path.to_str().expect("text"));
    let files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", ca];
    let store = Store::start(&[&["--tls-auth-clients", "no"], &files[..]].concat())?;
    let url = eventually_ok("it listens", || {
        let socket = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = socket.expect("a port").port();
        // Another program may have taken the port.
        store
            .try_ask::<()>(&format!("CONFIG SET tls-port {port}"))
            .map(|()| format!("rediss://localhost:{port}"))
    });
    Some((store, url))
}

fn serve(certificates: &str, url: &str) -> Wharf {
    Wharf::serve_with_variable("SSL_CERT_FILE", pem(certificates).to_str().expect("text"), &["--shared", url])
}

#[test]
fn servers_share_a_room_over_tls() {
    let Some((store, url)) = store() else { return };
    let encrypted = serve("ca.pem", &url);
    let replicas = Replicas::start(1, &store.url());
    eventually("it joins", || encrypted.ask("POST", "/.wharf/chat/join", "", b"user=ann").code() == 200);
    let taken = replicas.try_join(0, "ann");
    assert_eq!(taken.0, 409, "one room: {}", taken.1);
    assert!(!encrypted.settled_log().contains("panicked"), "{}", encrypted.log());
}

#[test]
fn a_certificate_that_nobody_trusts_is_refused() {
    let Some((_store, url)) = store() else { return };
    let wharf = serve("other.pem", &url);
    eventually("the log says why", || {
        let log = wharf.log();
        log.contains("the chat is paused") && log.to_lowercase().contains("certificate")
    });
    assert_eq!(wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann").code(), 503);
    assert_eq!(wharf.ask("GET", "/", "", b"").code(), 200);
    assert!(!wharf.settled_log().contains("panicked"), "{}", wharf.log());
}
