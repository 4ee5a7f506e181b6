//! Session tickets do not replace the check of a certificate.

use std::fs;
use std::sync::Arc;

use rcgen::DnType;
use rustix::process::Signal;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue,
    Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;
use rustls::{HandshakeKind, NamedGroup};

use super::{Guarded, VERSIONS, both, config, path_text};
use crate::common::tls_fake::Authority;
use crate::common::{ClientTls, eventually, pem};

#[test]
fn a_ticket_is_no_shortcut_past_the_authorities() {
    let guarded = Guarded::serve(&[]);
    let (ca, log) = (guarded.place.path().join("authority.pem"), || guarded.wharf.log());
    let reload = |times: usize| {
        guarded.wharf.signal(Signal::HUP);
        eventually("a reload", || log().matches("reloaded the certificates").count() >= times);
    };
    let ann = guarded.user("ann");
    let mut kept = (guarded.tcp(), None);
    let tls = ClientTls::begin(both(&ann), "localhost", &mut kept.0).expect("a handshake");
    kept.1 = Some(tls);
    let old = VERSIONS.map(|version| config(&[version], Some(&ann)));
    for (config, expected) in
        old.iter().flat_map(|it| [(it, HandshakeKind::Full), (it, HandshakeKind::Resumed)])
    {
        let (kind, answer) = guarded.ask(config, "GET /a").expect("an answer");
        assert_eq!((kind, answer.contains("200 OK")), (expected, true), "{answer}");
    }
    // The same authorities: the sessions continue.
    reload(1);
    for config in &old {
        assert_eq!(guarded.ask(config, "GET /a").expect("an answer").0, HandshakeKind::Resumed);
    }
    // A file that cannot be used changes nothing.
    fs::write(&ca, "nonsense").expect("written");
    eventually("it is refused", || log().contains("the previous certificates stay in use"));
    assert!(guarded.ask(&old[0], "GET /a").expect("an answer").1.contains("200 OK"));
    // A different authority replaces the first.
    let other = Authority::new();
    fs::write(&ca, other.pem()).expect("written");
    reload(2);
    for config in &old {
        let refused = guarded.ask(config, "GET /a").expect_err("it is of no use");
        assert!(refused.contains("UnknownCA"), "{refused}");
    }
    let bob = other.issue_to_client(|it| it.distinguished_name.push(DnType::CommonName, "bob"));
    assert!(guarded.ask(&both(&bob), "GET /a").expect("an answer").1.contains("200 OK"));
    // Connections from before continue.
    let (mut stream, tls) = kept;
    let mut tls = tls.expect("a connection");
    tls.write_all(&mut stream, b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
    let mut bytes = [0; 4096];
    let count = tls.read(&mut stream, &mut bytes).expect("an answer");
    assert!(bytes[..count].starts_with(b"HTTP/1.1 200 OK"));
}

/// The session store of a client that confuses servers: all servers share one session.
#[derive(Debug)]
struct OneSession(ClientSessionMemoryCache);

impl OneSession {
    fn name() -> ServerName<'static> {
        ServerName::try_from("any").expect("a name")
    }
}

impl ClientSessionStore for OneSession {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(Self::name(), group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.0.kx_hint(&Self::name())
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(Self::name(), value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(&Self::name())
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.0.remove_tls12_session(&Self::name());
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(Self::name(), value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(&Self::name())
    }
}

#[test]
fn a_ticket_of_one_name_does_not_resume_at_another() {
    let [certificate, key] = ["other.pem", "other.key"].map(|name| path_text(&pem(name)));
    let guarded = Guarded::serve(&["--tls-cert", &certificate, "--tls-key", &key]);
    let ann = guarded.user("ann");
    for version in VERSIONS {
        let mut config = config(&[version], Some(&ann));
        let store = OneSession(ClientSessionMemoryCache::new(8));
        config.resumption = Resumption::store(Arc::new(store));
        let names = [
            ("localhost", HandshakeKind::Full),
            ("localhost", HandshakeKind::Resumed),
            ("other.example", HandshakeKind::Full),
            ("other.example", HandshakeKind::Resumed),
            ("localhost", HandshakeKind::Full),
        ];
        for (name, expected) in names {
            let (kind, answer) = guarded.ask_at(name, &config, "GET /a").expect("an answer");
            assert_eq!((kind, answer.contains("200 OK")), (expected, true), "{name}, {version:?}: {answer}");
        }
    }
}
