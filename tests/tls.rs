//! TLS: the certificates, plain HTTP on the same port, and clients with an incomplete or invalid handshake. `over_tls`
//! has the tests for every transport.

mod certificates;
mod handshakes;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::thread;

use rustix::process::Signal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConnection, HandshakeKind};

use crate::common::{ClientTls, PATIENCE, Wharf, Wire, client_config, eventually, outside, pem, run, sample};

/// Serves over TLS with these pairs of `tests/tls`.
fn serve(pairs: &[(&str, &str)], flags: &[&str]) -> Wharf {
    let paths: Vec<_> = pairs
        .iter()
        .flat_map(|(certificate, key)| [("--tls-cert", certificate), ("--tls-key", key)])
        .flat_map(|(flag, name)| [flag.to_owned(), pem(name).to_string_lossy().into_owned()])
        .collect();
    let all: Vec<&str> = paths.iter().map(String::as_str).chain(flags.iter().copied()).collect();
    Wharf::serve(&all)
}

/// Like [`serve`], with the usual pair.
fn serve_usual(flags: &[&str]) -> Wharf {
    serve(&[("localhost.pem", "localhost.key")], flags)
}

fn tcp(wharf: &Wharf) -> TcpStream {
    let stream = TcpStream::connect(wharf.address()).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream
}

fn text(name: &str) -> String {
    fs::read_to_string(pem(name)).expect("a file")
}

#[test]
fn sessions_are_resumed_and_http_1_1_is_chosen() {
    let wharf = serve_usual(&[]);
    wharf.write("a", "a");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(pem("ca.pem")).expect("PEM")).expect("a certificate");
        let builder = rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(
            rustls::crypto::ring::default_provider(),
        ));
        let builder = builder.with_protocol_versions(&[version]).expect("a version");
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut stream = tcp(&wharf);
            let mut tls = ClientTls::begin(config.clone(), "localhost", &mut stream).expect("a handshake");
            assert_eq!(tls.session().alpn_protocol(), Some(&b"http/1.1"[..]));
            let host = wharf.address();
            let head = format!("GET /a HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            tls.write_all(&mut stream, head.as_bytes()).expect("sent");
            while tls.read(&mut stream, &mut [0; 4096]).expect("ended in order") > 0 {}
            let kind = tls.session().handshake_kind();
            // The first handshake is a full one, and the second one resumes the session.
            assert_eq!(kind, Some(expected), "{version:?}");
        }
    }
}

#[test]
fn plain_http_is_redirected_or_refused() {
    let wharf = serve_usual(&["--host", "files.example", "--base", "/b"]);
    wharf.write("a", "secret content");
    let port = wharf.address().port();
    let table = [
        ("GET /b/a?x=%20&y HTTP/1.1", "files.example", "", 308, "https://files.example/b/a?x=%20&y"),
        ("HEAD /b//a/../c HTTP/1.1", "localhost:7", "", 308, "https://localhost:7/b//a/../c"),
        ("GET / HTTP/1.1", "127.0.0.1", "Cookie: a=b\r\n", 308, "https://127.0.0.1/"),
        ("GET http://files.example/b HTTP/1.1", "files.example", "", 308, "https://files.example/b"),
        ("GET /a HTTP/1.1", "evil.example", "", 403, ""),
        ("GET /b/a HTTP/1.0", "", "", 403, ""),
        ("PUT /b/a HTTP/1.1", "localhost", "Content-Length: 100000\r\n", 403, ""),
        ("POST /b/a HTTP/1.1", "localhost", "Expect: 100-continue\r\nContent-Length: 9\r\n", 403, ""),
        ("OPTIONS * HTTP/1.1", "localhost", "Authorization: Basic c2VjcmV0\r\n", 403, ""),
        ("DELETE /b/.wharf/health HTTP/1.1", "localhost", "", 403, ""),
        ("GET /b/.wharf/health HTTP/1.1", "localhost", "", 200, ""),
        ("HEAD /.wharf/ready HTTP/1.1", "localhost", "", 200, ""),
        ("GET /.wharf/health HTTP/1.1", "evil.example", "", 421, ""),
        ("GET /b/.wharf/health/ HTTP/1.1", "localhost", "", 308, "https://localhost/b/.wharf/health/"),
        ("BREW /b/a HTTP/1.1", "localhost", "", 403, ""),
        ("nonsense", "localhost", "", 400, ""),
    ];
    for (line, host, fields, code, location) in table {
        let mut wire = Wire::over(tcp(&wharf));
        let host = if host.is_empty() { String::new() } else { format!("Host: {host}\r\n") };
        let answer = wire.send(format!("{line}\r\n{host}{fields}\r\n")).read_answer(line.starts_with("HEAD"));
        let found = (answer.code(), answer.field("Location"), answer.field("Connection"));
        assert_eq!(found, (code, location.to_owned(), "close".to_owned()), "{line}");
        assert!(!answer.text().contains("secret"), "{line}");
        assert_eq!(answer.field("Strict-Transport-Security"), "");
        wire.end();
        assert!(wire.is_closed(), "{line}");
    }
    let log = wharf.settled_log();
    assert_eq!(log.matches("sent credentials without TLS").count(), 2, "{log}");
    assert!(!log.contains("c2VjcmV0"), "{log}");
    assert_eq!(wharf.ask("GET", "/b/a", "", b"").text(), "secret content", "{port}");
}

#[test]
fn without_plain_http_such_connections_are_closed() {
    let wharf = serve_usual(&["--no-plain", "--hsts", "60"]);
    wharf.write("a", "a");
    let mut wire = Wire::over(tcp(&wharf));
    let end = wire.send("GET /.wharf/health HTTP/1.1\r\nHost: localhost\r\n\r\n").read_to_end();
    // A fatal alert (RFC 8446 §6.2), and no response.
    assert!(end.len() == 7 && end.starts_with(&[21, 3]), "{end:?}");
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("b"), "b").expect("written");
    let url = format!("http://{}/a", wharf.address());
    for arguments in
        [&["get", &url][..], &["list", &url], &["put", "b", "--to", &url], &["chat", "ann", &url]]
    {
        let output = run(arguments, "", place.path());
        let is_clear = output.stderr.ends_with("the server speaks TLS (use https://)\n");
        assert!(output.code == Some(1) && is_clear, "{arguments:?}: {output:?}");
    }
    let answer = wharf.ask("GET", "/a", "", b"");
    let found = (answer.code(), answer.field("Strict-Transport-Security"));
    assert_eq!(found, (200, "max-age=60".to_owned()));
}

#[test]
fn requests_over_tls_are_https_and_unix_sockets_stay_plain() {
    let place = tempfile::tempdir().expect("a folder");
    let socket = place.path().join("s");
    let wharf = serve_usual(&["--unix", &socket.to_string_lossy()]);
    let host = wharf.address();
    assert!(wharf.greeting().contains(&format!("https://{host}\n")), "{}", wharf.greeting());
    for (scheme, code) in [("https", 201), ("http", 403)] {
        let origin = format!("Origin: {scheme}://{host}\r\n");
        assert_eq!(wharf.ask("PUT", &format!("/{scheme}"), &origin, b"x").code(), code, "{scheme}");
    }
    let mut stream = UnixStream::connect(&socket).expect("a connection");
    stream.write_all(b"GET /https HTTP/1.0\r\nHost: localhost\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nx"), "{answer}");
}

#[test]
fn events_are_sent_over_tls() {
    let mut wharf = serve_usual(&[]);
    let joined = wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann");
    assert_eq!(joined.code(), 200, "{}", joined.text());
    let text = joined.text();
    let token = text.split("\"token\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
    let mut listener = wharf.connect();
    let fields = format!("Host: {}\r\nWharf-Member: {token}\r\n", wharf.address());
    listener.send(format!("GET /.wharf/chat/events HTTP/1.1\r\n{fields}\r\n"));
    listener.read_until("text/event-stream");
    let fields = format!("Wharf-Member: {token}\r\n");
    for number in 0..80 {
        let message = format!("number {number} {}", "x".repeat(3000));
        while wharf.ask("POST", "/.wharf/chat/messages", &fields, message.as_bytes()).code() == 429 {
            thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    listener.read_until("number 79 ");
    wharf.signal(Signal::TERM);
    listener.read_to_end();
    assert!(!listener.was_cut());
    assert!(wharf.wait().1.success());
}

#[test]
fn a_proxy_header_comes_before_the_handshake() {
    let wharf = serve_usual(&["--trust-proxy", "127.0.0.1", "--proxy-protocol"]);
    let header = "PROXY TCP4 192.0.2.7 192.0.2.8 1000 443\r\n";
    let mut stream = tcp(&wharf);
    let (mut session, hello) = client_hello();
    // In one packet.
    stream.write_all(&[header.as_bytes(), &hello].concat()).expect("sent");
    while session.is_handshaking() {
        session.complete_io(&mut stream).expect("a handshake");
    }
    let mut tls = rustls::Stream::new(&mut session, &mut stream);
    let head = "GET /.wharf/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    tls.write_all(head.as_bytes()).expect("sent");
    let mut answer = String::new();
    tls.read_to_string(&mut answer).expect("ended in order");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    eventually("its line in the log", || wharf.log().contains("192.0.2.7:1000 \"GET /.wharf/health"));
    // The same rule applies to plain HTTP.
    let answer = Wire::over(tcp(&wharf))
        .send(format!("{header}PUT /a HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        .read_answer(false);
    assert_eq!(answer.code(), 403);
}

/// The first flight of a client.
fn client_hello() -> (ClientConnection, Vec<u8>) {
    let name = ServerName::try_from("localhost").expect("a name");
    let mut session = ClientConnection::new(client_config().into(), name).expect("a session");
    let mut hello = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut hello).expect("in memory");
    }
    (session, hello)
}

#[test]
fn curl_and_openssl_are_served() {
    let wharf = serve_usual(&[]);
    let content = sample(5 << 20, 1);
    let file = wharf.write("large", &content);
    let (ca, address) = (pem("ca.pem"), wharf.address());
    if let Some(mut curl) = outside("curl") {
        let url = format!("https://localhost:{}", address.port());
        let (large, put) = (format!("{url}/large"), format!("{url}/put"));
        curl.args(["-sS", "--cacert"])
            .arg(&ca)
            .args(["--resolve"])
            .arg(format!("localhost:{}:127.0.0.1", address.port()));
        curl.args(["--fail", "-r", "1000000-4000000", &large, "--next", "-sS", "--fail", "--cacert"])
            .arg(&ca)
            .arg("-T")
            .arg(&file)
            .arg(&put);
        let output = curl.output().expect("run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.starts_with(&content[1_000_000..=4_000_000]));
        assert!(wharf.read("put") == content);
    }
    for (flags, is_served) in
        [(&["-tls1_2"][..], true), (&["-tls1_3"], true), (&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], false)]
    {
        let Some(mut openssl) = outside("openssl") else { return };
        openssl
            .args(["s_client", "-brief", "-alpn", "http/1.1", "-connect", &address.to_string()])
            .args(flags);
        openssl.arg("-CAfile").arg(&ca).stdin(std::process::Stdio::null());
        let output = openssl.output().expect("run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.contains("Verification: OK"), is_served, "{flags:?}: {said}");
    }
}
