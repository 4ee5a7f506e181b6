//! TLS records without content, or without an end: they do not keep a connection open beyond its deadline, and delay
//! nobody. A part of a record is progress nevertheless.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustls::crypto::cipher::{AeadKey, Iv, MessageEncrypter, OutboundChunks, OutboundPlainMessage};
use rustls::crypto::tls13::{HkdfExpander, OkmBlock, expand};
use rustls::{ContentType, KeyLog, ProtocolVersion, SupportedCipherSuite, Tls13CipherSuite};

use crate::common::{ClientTls, PATIENCE, Wharf, client_config, eventually, over_tls};

/// The label of the secret that encrypts what a client sends.
const SECRET: &str = "CLIENT_TRAFFIC_SECRET_0";

/// Records that a test makes itself (RFC 8446 §5.2), on a connection whose handshake is over.
struct Records {
    socket: TcpStream,
    suite: &'static Tls13CipherSuite,
    secret: Vec<u8>,
    encrypter: Box<dyn MessageEncrypter>,
    number: u64,
}

/// Keeps the secret of a client.
#[derive(Debug, Default)]
struct Secret(Mutex<Vec<u8>>);

impl KeyLog for Secret {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        if label == SECRET {
            *self.0.lock().expect("no panic") = secret.to_vec();
        }
    }
}

/// HKDF-Expand-Label (RFC 8446 §7.1).
fn derive<const N: usize>(suite: &Tls13CipherSuite, secret: &[u8], label: &str) -> [u8; N] {
    let expander: Box<dyn HkdfExpander> = suite.hkdf_provider.expander_for_okm(&OkmBlock::new(secret));
    let label = format!("tls13 {label}");
    expand(&*expander, &[&(N as u16).to_be_bytes(), &[label.len() as u8], label.as_bytes(), &[0]])
}

fn encrypter(suite: &Tls13CipherSuite, secret: &[u8]) -> Box<dyn MessageEncrypter> {
    let (key, iv) = (derive::<32>(suite, secret, "key"), derive::<12>(suite, secret, "iv"));
    suite.aead_alg.encrypter(AeadKey::from(key), Iv::from(iv))
}

impl Records {
    /// Connects and shakes hands.
    fn to(wharf: &Wharf) -> Self {
        let mut socket = TcpStream::connect(wharf.address()).expect("a connection");
        socket.set_nodelay(true).expect("set");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        let (log, mut config) = (Arc::new(Secret::default()), client_config());
        config.key_log = log.clone();
        let mut tls = ClientTls::begin(config, "localhost", &mut socket).expect("a handshake");
        let Some(SupportedCipherSuite::Tls13(suite)) = tls.session().negotiated_cipher_suite() else {
            panic!("TLS 1.3");
        };
        // rustls does not announce its end: the next records are made here.
        std::mem::forget(tls);
        let secret = log.0.lock().expect("no panic").clone();
        let encrypter = encrypter(suite, &secret);
        Self { socket, suite, secret, encrypter, number: 0 }
    }

    /// The next record.
    fn record(&mut self, typ: ContentType, content: &[u8]) -> Vec<u8> {
        let payload = OutboundChunks::Single(content);
        let message = OutboundPlainMessage { typ, version: ProtocolVersion::TLSv1_3, payload };
        let record = self.encrypter.encrypt(message, self.number).expect("encrypted").encode();
        self.number += 1;
        record
    }

    fn content(&mut self, content: &[u8]) -> Vec<u8> {
        self.record(ContentType::ApplicationData, content)
    }

    /// A change of keys (§4.6.3), which is not to be answered.
    fn key_update(&mut self) -> Vec<u8> {
        let record = self.record(ContentType::Handshake, &[24, 0, 0, 1, 0]);
        // The hash is SHA-384.
        self.secret = derive::<48>(self.suite, &self.secret, "traffic upd").to_vec();
        (self.encrypter, self.number) = (encrypter(self.suite, &self.secret), 0);
        record
    }

    /// Many records without content. rustls ends a connection after 32 of one kind.
    fn nothing(&mut self) -> Vec<u8> {
        let mut records = Vec::new();
        for _ in 0..50 {
            records.extend(self.key_update());
            for _ in 0..30 {
                records.extend(self.content(b""));
            }
        }
        records
    }

    /// Sends the bytes that `next` returns until the server closes the connection. Fails if the server never does.
    fn send_until_closed(&mut self, what: &str, mut next: impl FnMut(&mut Self) -> Vec<u8>) {
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < PATIENCE, "the connection is still open: {what}");
            let bytes = next(self);
            if self.socket.write_all(&bytes).is_err() {
                return;
            }
            self.socket.set_read_timeout(Some(Duration::from_millis(1))).expect("set");
            let mut bytes = [0; 4096];
            if matches!(self.socket.read(&mut bytes), Ok(0)) {
                return;
            }
        }
    }
}

/// A server whose clients have to be quick.
fn serve() -> Wharf {
    over_tls(|| {});
    let wharf = Wharf::serve(&["--timeout", "1", "--stall", "1"]);
    wharf.write("a", "a");
    wharf
}

#[test]
fn records_without_content_do_not_keep_a_connection() {
    let wharf = serve();
    thread::scope(|scope| {
        let start = |name: &'static str, begin: &'static [u8], next: fn(&mut Records) -> Vec<u8>| {
            let wharf = &wharf;
            scope.spawn(move || {
                let mut records = Records::to(wharf);
                let begun = if begin.is_empty() { Vec::new() } else { records.content(begin) };
                records.socket.write_all(&begun).expect("sent");
                records.send_until_closed(name, next);
            });
        };
        let slowly = |records: &mut Records| {
            thread::sleep(Duration::from_millis(100));
            [records.key_update(), records.content(b"")].concat()
        };
        let put: &[u8] = b"PUT /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nbegun";
        start("a few while it is idle", b"", slowly);
        start("a flood while it is idle", b"", Records::nothing);
        start("a flood within a head", b"GET /a", Records::nothing);
        start("a flood within a body", put, Records::nothing);
        for _ in 0..20 {
            assert_eq!(wharf.ask("GET", "/a", "", b"").text(), "a");
        }
    });
    assert_eq!(wharf.tree(), ["a"]);
}

#[test]
fn a_record_that_never_ends_does_not_keep_a_connection() {
    let wharf = serve();
    for is_used in [false, true] {
        let mut records = Records::to(&wharf);
        if is_used {
            let request = records.content(b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
            records.socket.write_all(&request).expect("sent");
            assert!(records.socket.read(&mut [0; 4096]).expect("an answer") > 0);
        }
        let mut record = records.content(&[b'x'; 16 * 1024]).into_iter();
        records.send_until_closed("a record of 16 KiB", |_| {
            thread::sleep(Duration::from_millis(100));
            record.next().into_iter().collect()
        });
    }
}

#[test]
fn a_body_whose_record_arrives_slowly_is_received() {
    let wharf = serve();
    let mut records = Records::to(&wharf);
    let head = records
        .content(b"PUT /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\nConnection: close\r\n\r\n");
    records.socket.write_all(&head).expect("sent");
    // Longer than --stall.
    let record = records.content(b"content");
    let (beginning, rest) = record.split_at(8);
    for byte in beginning {
        records.socket.write_all(&[*byte]).expect("sent");
        thread::sleep(Duration::from_millis(200));
    }
    records.socket.write_all(rest).expect("sent");
    eventually("it is saved", || wharf.tree() == ["a", "b"]);
    assert_eq!(wharf.read("b"), b"content");
}
