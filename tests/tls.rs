//! TLS: the certificates, plain HTTP on the same port, and clients with an incomplete or invalid handshake. `over_tls`
//! has the tests for every transport.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConnection, HandshakeKind};

use crate::common::{
    ClientTls, PATIENCE, Wharf, Wire, client_config, eventually, outside, pem, raise_open_files, run, sample,
};

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
fn a_pair_that_cannot_be_used_is_one_line_at_the_start() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("share")).expect("a folder");
    let write = |name: &str, content: &[u8]| fs::write(place.path().join(name), content).expect("written");
    let (localhost, key, ca) = (text("localhost.pem"), text("localhost.key"), text("ca.pem"));
    write("cert", localhost.as_bytes());
    write("key", key.as_bytes());
    write("other", text("other.key").as_bytes());
    write("encrypted", key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY").as_bytes());
    write("chain", format!("{localhost}{ca}").as_bytes());
    write("upside-down", format!("{ca}{localhost}").as_bytes());
    write("unrelated", format!("{localhost}{}", text("other.pem")).as_bytes());
    write("der", &CertificateDer::from_pem_slice(localhost.as_bytes()).expect("PEM"));
    write("der-key", PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM").secret_der());
    write("cut", &localhost.as_bytes()[..localhost.len() / 2]);
    write("short", localhost.replacen("MII", "MIA", 1).as_bytes());
    write("empty", b"");
    fs::create_dir(place.path().join("directory")).expect("a folder");
    // Nobody writes to it.
    mknodat(CWD, place.path().join("pipe"), FileType::Fifo, Mode::RUSR, 0).expect("a pipe");
    write("share/cert", localhost.as_bytes());
    write("share/key", key.as_bytes());
    let in_folder = "it is in the shared folder, where every client could read it (name a file outside it)";
    let order = "its chain is in the wrong order (the server's certificate comes first, then its issuer's, and so on)";
    let not_pem = "it is not PEM (convert it with openssl, from DER or PKCS #12)";
    let not_a_file = "it is not a regular file (it is read again when it changes)";
    let table = [
        ("cert", "directory", "key directory", not_a_file),
        ("cert", "pipe", "key pipe", not_a_file),
        ("pipe", "key", "certificate pipe", not_a_file),
        ("cert", "other", "key other", "it is not the key of the certificate cert"),
        ("cert", "encrypted", "key encrypted", "it is encrypted (decrypt it: openssl pkey -in KEY -out NEW)"),
        ("cert", "der-key", "key der-key", not_pem),
        ("cert", "cert", "key cert", "it contains no private key"),
        ("cert", "none", "key none", "there is no such file"),
        ("cert", "share/key", "key share/key", in_folder),
        ("upside-down", "key", "certificate upside-down", order),
        ("unrelated", "key", "certificate unrelated", order),
        ("der", "key", "certificate der", not_pem),
        ("empty", "key", "certificate empty", not_pem),
        ("key", "key", "certificate key", "it contains no certificate"),
        ("none", "key", "certificate none", "there is no such file"),
        ("share/cert", "key", "certificate share/cert", in_folder),
        ("short", "key", "certificate short", "it contains something that is not a certificate"),
    ];
    let start = |flags: &[&str]| {
        let flags = [&["serve", "share", "--port", "0", "--idle-exit", "0.1", "-q"], flags].concat();
        run(&flags, "", place.path())
    };
    for (certificate, key, what, why) in table {
        let output = start(&["--tls-cert", certificate, "--tls-key", key]);
        let said = output.stderr.as_str();
        assert_eq!(
            (output.code, said),
            (Some(1), &*format!("wharf: cannot use the {what}: {why}\n")),
            "{output:?}"
        );
    }
    let output = start(&["--tls-cert", "cut", "--tls-key", "key"]);
    assert!(output.code == Some(1) && output.stderr.contains("not valid PEM"), "{output:?}");
    let output = start(&["--tls-cert", "cert", "--tls-cert", "cert", "--tls-key", "key"]);
    let said = "wharf: each --tls-cert needs its --tls-key (2 and 1 were given)\n";
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), said));
    let output = start(&["--tls-cert", "chain", "--tls-key", "key"]);
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn a_certificate_that_is_not_valid_today_is_a_warning() {
    let table = [
        ("expired.pem", "has expired on 2001-01-01T00:00:00Z (renew it)"),
        ("future.pem", "is not valid before 2100-01-01T00:00:00Z (check the clock)"),
    ];
    for (name, warning) in table {
        let wharf = serve(&[(name, "dated.key")], &[]);
        eventually("the warning", || wharf.log().contains(warning));
    }
}

#[test]
fn the_name_that_a_client_asks_for_chooses_the_certificate() {
    let wharf = serve(&[("localhost.pem", "localhost.key"), ("other.pem", "other.key")], &[]);
    let certificate = |name: &str| {
        let mut tls = ClientTls::begin(client_config(), name, &mut tcp(&wharf)).ok()?;
        let chain = tls.session().peer_certificates().map(<[_]>::to_vec).unwrap_or_default();
        assert_eq!(tls.session().alpn_protocol(), None, "the client names none");
        chain.into_iter().next()
    };
    let file = |name: &str| Some(CertificateDer::from_pem_file(pem(name)).expect("PEM"));
    assert_eq!(certificate("localhost"), file("localhost.pem"));
    assert_eq!(certificate("127.0.0.1"), file("localhost.pem"), "without a name: the first");
    assert_eq!(certificate("other.example"), file("other.pem"));
    assert_eq!(certificate("a.wild.example"), file("other.pem"));
    assert_eq!(certificate("unknown.example"), None, "the first, which has another name");
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
fn clients_that_stop_within_the_handshake_delay_no_one() {
    stop_within_the_handshake(300);
}

#[test]
#[ignore = "long"]
fn thousands_of_clients_that_stop_within_the_handshake_delay_no_one() {
    stop_within_the_handshake(5000);
}

fn stop_within_the_handshake(clients: usize) {
    raise_open_files();
    let wharf = serve_usual(&["--timeout", "3"]);
    wharf.write("a", "a");
    let (_, hello) = client_hello();
    let before = wharf.open_files();
    for beginning in [1, 5, 100, hello.len()] {
        let stuck: Vec<_> = (0..clients / 4)
            .map(|_| {
                let mut stream = tcp(&wharf);
                stream.write_all(&hello[..beginning]).expect("sent");
                stream
            })
            .collect();
        for _ in 0..20 {
            assert_eq!(wharf.ask("GET", "/a", "", b"").text(), "a");
        }
        for mut stream in stuck {
            // The server's first flight, for clients that have sent all of theirs.
            while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
        }
    }
    eventually("all are closed", || wharf.open_files() <= before + 1);
}

#[test]
fn a_handshake_in_records_of_one_byte_succeeds() {
    let wharf = serve_usual(&[]);
    wharf.write("a", "a");
    let (mut session, hello) = client_hello();
    let mut stream = tcp(&wharf);
    stream.set_nodelay(true).expect("set");
    // Its record has a header of five bytes.
    for byte in &hello[5..] {
        stream.write_all(&[22, 3, 1, 0, 1, *byte]).expect("sent");
    }
    while session.is_handshaking() {
        session.complete_io(&mut stream).expect("a handshake");
    }
    let head = format!("GET /a HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", wharf.address());
    let mut answer = Vec::new();
    let mut tls = rustls::Stream::new(&mut session, &mut stream);
    for byte in head.bytes() {
        tls.write_all(&[byte]).expect("sent");
    }
    tls.read_to_end(&mut answer).expect("ended in order");
    assert!(answer.ends_with(b"\r\n\r\na"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn what_is_no_record_ends_the_connection() {
    let wharf = serve_usual(&[]);
    wharf.write("a", "a");
    let oversized = [&[23, 3, 3, 0x48, 0x01][..], &vec![0; 0x4801]].concat();
    let table: [(&str, &[u8]); 4] = [
        ("plain HTTP", b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a record that is too large", &oversized),
        (
            "one that nobody has encrypted",
            &[23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
        ),
        ("another handshake", &[22, 3, 3, 0, 4, 1, 0, 0, 0]),
    ];
    for (name, bytes) in table {
        for is_within_body in [false, true] {
            let mut wire = wharf.connect();
            if is_within_body {
                wire.begin_to_ask("PUT", "/b", Some(1000)).send("begun");
            }
            wire.stream().write_all(bytes).expect("sent");
            // The rest is an encrypted alert.
            let mut rest = Vec::new();
            let _ = wire.stream().read_to_end(&mut rest);
            assert!(rest.len() < 8192, "{name}: {} bytes", rest.len());
        }
    }
    let mut early = tcp(&wharf);
    early.write_all(&[22, 3, 1, 0, 4, 2, 0, 0, 0]).expect("sent");
    let mut alert = Vec::new();
    let _ = early.read_to_end(&mut alert);
    assert_eq!(alert.first(), Some(&21), "an alert: {alert:?}");
    eventually("nothing is left", || wharf.tree() == ["a"]);
    assert_eq!(wharf.ask("GET", "/a", "", b"").text(), "a");
}

#[test]
fn a_client_that_has_ended_its_stream_gets_its_answer() {
    let wharf = serve_usual(&[]);
    wharf.write("large", sample(3 << 20, 1));
    for ends_tcp in [false, true] {
        let mut wire = wharf.connect();
        wire.begin_to_ask("GET", "/large", None);
        if ends_tcp {
            wire.end();
        } else {
            wire.session().session().send_close_notify();
            wire.send("");
        }
        assert!(wire.read_answer(false).body == sample(3 << 20, 1));
        assert!(wire.is_closed() && !wire.was_cut());
    }
}

#[test]
fn a_response_that_is_cut_off_does_not_end_in_order() {
    let wharf = serve_usual(&[]);
    let path = wharf.write("large", "");
    let file = fs::File::options().write(true).open(path).expect("a file");
    file.set_len(64 << 20).expect("long");
    let mut wire = wharf.connect();
    wire.begin_to_ask("GET", "/large", None);
    assert!(wire.hears_within(PATIENCE));
    file.set_len(1 << 20).expect("short");
    assert!(wire.read_to_end().len() < 64 << 20);
    assert!(wire.was_cut());
}

/// Copies a pair of `tests/tls` to these files, each by a rename.
fn install(certificate: &Path, key: &Path, pair: &str) {
    for (to, name) in [(certificate, format!("{pair}.pem")), (key, format!("{pair}.key"))] {
        let new = to.with_extension("new");
        fs::copy(pem(&name), &new).and_then(|_| fs::rename(&new, to)).expect("replaced");
    }
}

#[test]
fn certificates_are_read_again_without_losing_a_request() {
    reload_under_load(3);
}

/// A file may be unusable for a reason other than its content: here, a hard link.
#[test]
fn a_file_that_can_be_used_again_is_read() {
    let place = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (place.path().join("cert"), place.path().join("key"));
    install(&certificate, &key, "localhost");
    let flags = ["--tls-cert", &certificate.to_string_lossy(), "--tls-key", &key.to_string_lossy()];
    let wharf = Wharf::serve(&flags);
    let other_name = wharf.folder().with_file_name("other-name");
    fs::hard_link(&key, &other_name).expect("a hard link");
    install(&certificate, &place.path().join("unused"), "localhost");
    eventually("it is refused", || wharf.log().contains("it has other names (hard links)"));
    fs::remove_file(other_name).expect("removed");
    eventually("it is read", || wharf.log().contains("reloaded the certificates"));
}

#[test]
#[ignore = "long"]
fn a_hundred_reloads_lose_no_request() {
    reload_under_load(100);
}

fn reload_under_load(reloads: usize) {
    let place = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (place.path().join("cert"), place.path().join("key"));
    install(&certificate, &key, "localhost");
    let flags = ["--tls-cert", &certificate.to_string_lossy(), "--tls-key", &key.to_string_lossy()];
    let wharf = Wharf::serve(&flags);
    wharf.write("large", sample(300_000, 1));
    let (is_over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let read_again = "reloaded the certificates";
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut kept = wharf.connect();
                while !is_over.load(Ordering::Relaxed) {
                    for answer in [kept.ask("GET", "/large", "", b""), wharf.ask("GET", "/large", "", b"")] {
                        assert!(answer.body == sample(300_000, 1));
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for number in 0..reloads {
            if number % 2 == 0 {
                wharf.signal(Signal::HUP);
            } else {
                install(&certificate, &key, "localhost");
            }
            eventually("a reload", || wharf.log().matches(read_again).count() > number);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(asked.load(Ordering::Relaxed) > reloads);
    let name_works = |name| ClientTls::begin(client_config(), name, &mut tcp(&wharf)).is_ok();
    // The certificate is replaced first: for a moment, the key does not match it.
    fs::copy(pem("other.pem"), &certificate).expect("copied");
    let kept = "the previous certificates stay in use";
    eventually("it is refused", || wharf.log().contains(kept));
    assert!(name_works("localhost"));
    fs::copy(pem("other.key"), &key).expect("copied");
    eventually("the new one is used", || name_works("other.example"));
    fs::remove_file(&key).expect("removed");
    eventually("it is refused", || wharf.log().matches(kept).count() > 1);
    assert!(name_works("other.example"));
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
