//! Client certificates: which certificates the server accepts (`--tls-client-ca`), and to which servers the client
//! presents its own.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, SanType, date_time_ymd};
use rustix::process::Signal;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue,
    Tls13ClientSessionValue,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, NamedGroup, RootCertStore, SupportedProtocolVersion};
#[cfg(feature = "accounts")]
use wharf::http::response::Received;

#[cfg(feature = "accounts")]
use crate::common::accounts::basic;
use crate::common::tls_fake::{Authority, Identity, TlsFake, close, say};
use crate::common::{ClientTls, PATIENCE, Wharf, Wire, eventually, outside, pem, root, run, skip};
#[cfg(feature = "accounts")]
use crate::rights::users::{UsersFile, authorization};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

/// A server, and the authority whose certificates its clients need.
struct Guarded {
    wharf: Wharf,
    authority: Authority,
    place: tempfile::TempDir,
}

impl Guarded {
    fn serve(flags: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let authority = Authority::new();
        let ca = authority.write(place.path());
        let [certificate, key] = ["localhost.pem", "localhost.key"].map(|name| path_text(&pem(name)));
        let ca = path_text(&ca);
        let flags =
            [&["--tls-cert", &certificate, "--tls-key", &key, "--tls-client-ca", &ca], flags].concat();
        let wharf = Wharf::serve(&flags);
        wharf.write("a", "content");
        Self { wharf, authority, place }
    }

    /// The certificate of this user.
    fn user(&self, name: &str) -> Identity {
        self.authority.issue_to_client(|it| it.distinguished_name.push(DnType::CommonName, name))
    }

    fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(self.wharf.address()).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream
    }

    /// Sends one request; its response and how the handshake went, or the error of the connection.
    fn ask(&self, config: &ClientConfig, request: &str) -> Result<(HandshakeKind, String), String> {
        self.ask_at("localhost", config, request)
    }

    fn ask_at(
        &self,
        name: &str,
        config: &ClientConfig,
        request: &str,
    ) -> Result<(HandshakeKind, String), String> {
        let mut stream = self.tcp();
        let mut exchange = || {
            let mut tls = ClientTls::begin(config.clone(), name, &mut stream)?;
            let host = self.wharf.address();
            let head = format!("{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            tls.write_all(&mut stream, head.as_bytes())?;
            let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
            loop {
                match tls.read(&mut stream, &mut bytes)? {
                    0 => break,
                    count => answer.extend_from_slice(&bytes[..count]),
                }
            }
            let kind = tls.session().handshake_kind().expect("it is over");
            Ok((kind, String::from_utf8_lossy(&answer).into_owned()))
        };
        exchange().map_err(|error: std::io::Error| error.to_string())
    }
}

fn path_text(path: &Path) -> String {
    path.to_str().expect("text").to_owned()
}

/// The configuration of a client that may have a certificate.
fn config(versions: &[&'static SupportedProtocolVersion], identity: Option<&Identity>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pem("ca.pem")).expect("PEM")).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
    let builder = builder.expect("versions").with_root_certificates(roots);
    match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder.with_client_auth_cert(identity.chain(), identity.key()).expect("a pair"),
    }
}

/// The configuration of a client with this certificate.
pub fn both(identity: &Identity) -> ClientConfig {
    config(&[&rustls::version::TLS12, &rustls::version::TLS13], Some(identity))
}

fn mail(address: &str) -> SanType {
    SanType::Rfc822Name(Ia5String::try_from(address).expect("ASCII"))
}

#[test]
fn only_certificates_of_the_authorities_that_name_a_user_are_served() {
    let guarded = Guarded::serve(&[]);
    let authority = &guarded.authority;
    let common_name =
        |it: &mut CertificateParams, name: &str| it.distinguished_name.push(DnType::CommonName, name);
    let by_name = guarded.user("ann");
    let by_mail = authority.issue_to_client(|it| it.subject_alt_names.push(mail("ann@example.org")));
    let any_purpose = authority.issue_to_client(|it| {
        common_name(it, "ann");
        it.extended_key_usages.clear();
    });
    let two_names = authority.issue_to_client(|it| {
        common_name(it, "ann");
        it.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 3]), "bob");
    });
    let nul = authority.issue_to_client(|it| common_name(it, "ann\0"));
    let two_mails = authority.issue_to_client(|it| it.subject_alt_names.extend([mail("a@h"), mail("b@h")]));
    let nameless = authority.issue_to_client(|_| ());
    let expired = authority.issue_to_client(|it| {
        common_name(it, "ann");
        it.not_after = date_time_ymd(2021, 1, 1);
    });
    let future = authority.issue_to_client(|it| {
        common_name(it, "ann");
        it.not_before = date_time_ymd(2089, 1, 1);
    });
    let for_servers = authority.issue_to_client(|it| {
        common_name(it, "ann");
        it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let foreign = Authority::new().issue_to_client(|it| common_name(it, "ann"));
    let table: [(&str, Option<&Identity>, Result<&str, &str>); 12] = [
        ("a common name", Some(&by_name), Ok("content")),
        ("an e-mail address", Some(&by_mail), Ok("content")),
        ("for any purpose", Some(&any_purpose), Ok("content")),
        ("none", None, Ok("this server requires a client certificate (import it")),
        ("two common names", Some(&two_names), Ok("the client certificate has more than one common name\n")),
        ("NUL", Some(&nul), Ok("the client certificate has a name that cannot be used")),
        ("two addresses", Some(&two_mails), Ok("the client certificate has neither")),
        ("no name", Some(&nameless), Ok("the client certificate has neither")),
        ("expired", Some(&expired), Err("CertificateExpired")),
        ("not yet valid", Some(&future), Err("CertificateExpired")),
        ("for servers", Some(&for_servers), Err("alert")),
        ("another authority's", Some(&foreign), Err("UnknownCA")),
    ];
    for version in VERSIONS {
        for (name, identity, expected) in &table {
            // Repeated, because the alert must arrive every time.
            for _ in 0..5 {
                let found = guarded.ask(&config(&[version], *identity), "GET /a");
                match (found, expected) {
                    (Ok((_, answer)), Ok(text)) => {
                        let (code, body) = (&answer[9..12], answer.split("\r\n\r\n").nth(1).expect("a body"));
                        assert_eq!(code, if *text == "content" { "200" } else { "403" }, "{name}: {answer}");
                        assert!(body.starts_with(text), "{name}: {answer}");
                    }
                    (Err(error), Err(word)) => assert!(error.contains(word), "{name}, {version:?}: {error}"),
                    (found, _) => panic!("{name}, {version:?}: {found:?}"),
                }
            }
        }
    }
    eventually("no slot is taken", || guarded.wharf.open_files() < 30);
}

/// A file may hold several authorities.
#[test]
fn only_authorities_that_are_valid_today_are_believed() {
    let guarded = Guarded::serve(&[]);
    let (old, new, early) = (Authority::until(2021), Authority::new(), Authority::valid((2089, 4096)));
    let all = [&old, &early, &new, &guarded.authority];
    let users = all.map(|it| it.issue_to_client(|it| it.distinguished_name.push(DnType::CommonName, "ann")));
    fs::write(guarded.place.path().join("authority.pem"), all.map(Authority::pem).concat()).expect("written");
    guarded.wharf.signal(Signal::HUP);
    eventually("a reload", || guarded.wharf.log().contains("reloaded the certificates"));
    for warning in ["has expired on 2021-01-01", "is not valid before 2089-01-01"] {
        let log = guarded.wharf.log();
        assert!(log.contains(&format!("authority.pem {warning}")), "{log}");
    }
    for (user, expected) in users.iter().zip([None, None, Some("200"), Some("200")]) {
        let found = guarded.ask(&both(user), "GET /a");
        match expected {
            None => {
                assert!(found.as_ref().is_err_and(|error| error.contains("CertificateExpired")), "{found:?}");
            }
            Some(code) => assert_eq!(&found.expect("an answer").1[9..12], code),
        }
    }
}

/// The names of all would not fit into the message that asks for a certificate.
#[test]
fn a_file_may_hold_hundreds_of_authorities() {
    let guarded = Guarded::serve(&[]);
    let ann = guarded.user("ann");
    let others: String =
        (0..300).map(|number| Authority::named(&format!("{number:0300}"), (1975, 4096)).pem()).collect();
    let all = [others, guarded.authority.pem()].concat();
    fs::write(guarded.place.path().join("authority.pem"), all).expect("written");
    guarded.wharf.signal(Signal::HUP);
    eventually("a reload", || guarded.wharf.log().contains("reloaded the certificates"));
    for version in VERSIONS {
        for (user, code) in [(Some(&ann), "200"), (None, "403")] {
            let (_, answer) = guarded.ask(&config(&[version], user), "GET /a").expect("an answer");
            assert_eq!(&answer[9..12], code, "{answer}");
        }
    }
}

/// Issuers that all look like issuers of each other: to try all ways takes seconds, and ends with another alert.
#[test]
fn a_chain_that_takes_long_to_judge_is_cut() {
    let guarded = Guarded::serve(&[]);
    let issuers: Vec<_> = (0..40).map(|_| Authority::named("one of many", (1975, 4096))).collect();
    let issue =
        |from: &Authority| from.issue_to_client(|it| it.distinguished_name.push(DnType::CommonName, "ann"));
    let table = [
        ("nobody's", issue(&Authority::named("one of many", (1975, 4096))), Err("UnknownCA")),
        ("ann's", issue(&guarded.authority), Ok("200")),
    ];
    for (name, user, expected) in table {
        for version in VERSIONS {
            let user = user.clone().with_issuers(&issuers);
            match (guarded.ask(&config(&[version], Some(&user)), "GET /a"), expected) {
                (Ok((_, answer)), Ok(code)) => assert_eq!(&answer[9..12], code, "{name}: {answer}"),
                (Err(error), Err(alert)) => assert!(error.contains(alert), "{name}: {error}"),
                (found, _) => panic!("{name}, {version:?}: {found:?}"),
            }
        }
    }
}

#[test]
fn without_a_certificate_only_the_checks_of_health_are_answered() {
    let guarded = Guarded::serve(&["--allow-exit"]);
    let anonymous = config(&VERSIONS, None);
    let table = [
        ("GET /.wharf/health", "200"),
        ("HEAD /.wharf/ready", "200"),
        ("GET /.wharf/health/", "403"),
        ("GET /.wharf/%68ealth", "403"),
        ("GET /.wharf/../.wharf/health", "403"),
        ("GET /", "403"),
        ("GET /none", "403"),
        ("GET /none/../a", "403"),
        ("HEAD /a", "403"),
        ("OPTIONS *", "403"),
        ("PUT /b", "403"),
        ("MKCOL /c", "403"),
        ("BREW /a", "403"),
        ("GET /?tar", "403"),
        ("POST /.wharf/chat/join", "403"),
        ("GET /.wharf/uploads/0", "403"),
        ("POST /.wharf/exit", "403"),
    ];
    for (request, code) in table {
        let (_, answer) = guarded.ask(&anonymous, request).expect("an answer");
        assert_eq!(&answer[9..12], code, "{request}: {answer}");
        assert!(!answer.contains("content\n"), "{request}");
    }
    assert_eq!(guarded.wharf.tree(), ["a"]);
    // A browser gets a page.
    let mut wire = Wire::over(guarded.tcp());
    wire.send("GET /.wharf/ready HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(wire.read_answer(false).code(), 200, "without TLS, as before");
    let mut wire = Wire::over(guarded.tcp());
    wire.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(wire.read_answer(false).code(), 308, "without TLS, as before");
}

#[test]
fn a_client_ca_that_cannot_be_used_is_one_line_at_the_start() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("share")).expect("a folder");
    let write = |name: &str, content: &[u8]| fs::write(place.path().join(name), content).expect("written");
    let ca = fs::read_to_string(pem("ca.pem")).expect("a file");
    write("empty", b"");
    write("key", &fs::read(pem("localhost.key")).expect("a file"));
    write("der", &CertificateDer::from_pem_slice(ca.as_bytes()).expect("PEM"));
    write("short", format!("{ca}{}", ca.replacen("MII", "MIA", 1)).as_bytes());
    write("share/ca", ca.as_bytes());
    let not_pem = "it is not PEM (convert it with openssl, from DER or PKCS #12)";
    let table = [
        ("none", "there is no such file"),
        ("empty", not_pem),
        ("der", not_pem),
        ("key", "it holds no certificate"),
        ("short", "it holds something that is not a certificate"),
        ("share/ca", "it is in the shared folder, where every client could read it (name a file outside it)"),
    ];
    let [certificate, key] = ["localhost.pem", "localhost.key"].map(|name| path_text(&pem(name)));
    let tls = ["serve", "share", "--port", "0", "-q", "--tls-cert", &certificate, "--tls-key", &key];
    for (file, why) in table {
        let output = run(&[&tls[..], &["--tls-client-ca", file]].concat(), "", place.path());
        let line = format!("wharf: cannot use the client CA {file}: {why}\n");
        assert_eq!((output.code, output.stderr), (Some(1), line));
    }
    write("ca", ca.as_bytes());
    let output = run(&[&tls[..], &["--udp=0", "--tls-client-ca", "ca"]].concat(), "", place.path());
    let line = "wharf: --tls-client-ca cannot be used with TFTP, whose clients have no certificates (leave out --udp, and \
                UDP sockets of systemd)\n";
    assert_eq!((output.code, &*output.stderr), (Some(1), line));
}

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

/// Sessions of all servers, as a client that mixes them up keeps them.
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

#[test]
fn a_unix_socket_needs_no_certificate_unless_a_proxy_asks_there() {
    let place = tempfile::tempdir().expect("a folder");
    let socket = path_text(&place.path().join("s"));
    for (flags, code) in
        [(&["--unix", &socket][..], "200"), (&["--unix", &socket, "--trust-proxy", "unix"], "403")]
    {
        let _guarded = Guarded::serve(flags);
        let mut stream = UnixStream::connect(&socket).expect("a connection");
        stream.write_all(b"GET /a HTTP/1.0\r\nHost: localhost\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert_eq!(&answer[9..12], code, "{flags:?}: {answer}");
    }
}

#[test]
fn all_commands_present_their_certificate() {
    let guarded = Guarded::serve(&[]);
    let here = guarded.place.path();
    let [certificate, key] = guarded.user("ann").write_pair(here, "ann");
    let url = format!("https://localhost:{}", guarded.wharf.address().port());
    fs::write(here.join("s"), "GET a\n").expect("written");
    fs::write(here.join("new"), "new").expect("written");
    let (file, ca) = (format!("{url}/a"), path_text(&pem("ca.pem")));
    let table: [(&[&str], &str); 6] = [
        (&["get", "-o", "-", "--retries", "0", &file], ""),
        (&["put", "new", "--retries", "0", "--to", &url], ""),
        (&["list", &url], ""),
        (&["client", &url], "list\nexit\n"),
        (&["chat", "ann", &url], "/quit\n"),
        (&["replay", "s", &url], ""),
    ];
    for (arguments, input) in table {
        let with = [arguments, &["--cacert", &ca, "--cert", &certificate, "--key", &key]].concat();
        let output = run(&with, input, here);
        assert_eq!(output.code, Some(0), "{arguments:?}: {output:?}");
        assert!(!output.stderr.contains("403"), "{arguments:?}: {output:?}");
        let output = run(&[arguments, &["--cacert", &ca]].concat(), input, here);
        let all = format!("{}{}", output.stdout, output.stderr);
        assert!(
            all.contains("403") || all.contains("requires a client certificate"),
            "{arguments:?}: {output:?}"
        );
    }
    assert_eq!(guarded.wharf.read("new"), b"new");
    let [certificate, key] = Authority::new().issue_to_client(|_| ()).write_pair(here, "foreign");
    let output =
        run(&["get", "-o", "-", &file, "--cacert", &ca, "--cert", &certificate, "--key", &key], "", here);
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains("it does not accept the client certificate (UnknownCA)")
            && output.stderr.lines().count() == 1,
        "{output:?}"
    );
}

#[test]
fn the_certificates_of_the_documentation_work() {
    let Some(mut openssl) = outside("openssl") else { return };
    if !openssl
        .args(["req", "-help"])
        .output()
        .is_ok_and(|it| String::from_utf8_lossy(&it.stderr).contains("-CAkey"))
    {
        return skip("openssl is older than 3");
    }
    let place = tempfile::tempdir().expect("a folder");
    let page = fs::read_to_string(root().join("docs/operations.md")).expect("a page");
    let blocks = page.split("```sh\n").map(|block| block.split("```").next().unwrap_or_default());
    let commands = blocks.filter(|block| block.starts_with("openssl req ")).collect::<String>();
    let made = Command::new("sh").args(["-ec", &commands]).current_dir(place.path()).output().expect("run");
    assert!(made.status.success(), "{made:?}");
    let [certificate, key] = ["localhost.pem", "localhost.key"].map(|name| path_text(&pem(name)));
    let ca = path_text(&place.path().join("ca.pem"));
    let wharf = Wharf::serve(&["--tls-cert", &certificate, "--tls-key", &key, "--tls-client-ca", &ca]);
    wharf.write("a", "content");
    let url = format!("https://localhost:{}/a", wharf.address().port());
    let trusted = path_text(&pem("ca.pem"));
    let flags = ["--cacert", &trusted, "--cert", "ann.pem", "--key", "ann.key", &url];
    let output = run(&[&["get", "-o", "-"][..], &flags].concat(), "", place.path());
    assert_eq!((output.code, &*output.stdout), (Some(0), "content"), "{output:?}");
    let Some(mut curl) = outside("curl") else { return };
    let output = curl.args(["-sS"]).args(flags).current_dir(place.path()).output().expect("run");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "content", "{output:?}");
}

#[test]
fn a_redirect_to_another_origin_gets_no_certificate() {
    let authority = Authority::new();
    let server = authority.issue(&["localhost", "127.0.0.1"], (2020, 2090));
    let greeted = |stream: &mut crate::common::tls_fake::TlsStream| {
        let has_certificate = stream.conn.peer_certificates().is_some();
        if has_certificate { "known" } else { "nobody" }
    };
    let last = TlsFake::answers(authority.asking(&server), move |_, stream| {
        let who = greeted(stream);
        say(stream, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{who}", who.len()));
        close(stream);
    });
    let elsewhere = [last.url("localhost", "/end"), last.url("127.0.0.1", "/end")];
    let first = TlsFake::answers(authority.asking(&server), move |head, stream| {
        let target = head.split(' ').nth(1).expect("a target");
        let location = match target {
            "/other-port" => &*elsewhere[0],
            "/other-host" => &*elsewhere[1],
            "/here" => "/end",
            _ => {
                let who = greeted(stream);
                say(stream, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{who}", who.len()));
                return close(stream);
            }
        };
        say(stream, format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"));
        close(stream);
    });
    let place = tempfile::tempdir().expect("a folder");
    let ca = path_text(&authority.write(place.path()));
    let user = authority.issue_to_client(|it| it.distinguished_name.push(DnType::CommonName, "ann"));
    let [certificate, key] = user.write_pair(place.path(), "ann");
    let trust = ["--cacert", &ca, "--cert", &certificate, "--key", &key];
    let table = [("/end", "known"), ("/here", "known"), ("/other-port", "nobody"), ("/other-host", "nobody")];
    for (target, expected) in table {
        let url = first.url("localhost", target);
        let output =
            run(&[&["get", "-o", "-", "--retries", "0", &url][..], &trust].concat(), "", place.path());
        assert_eq!((output.code, &*output.stdout), (Some(0), expected), "{target}: {output:?}");
    }
    // The user has named both servers; after a redirect from one to the other, the certificate is still not sent.
    let urls = [last.url("localhost", "/named"), first.url("localhost", "/other-port")];
    let output = run(&[&["get", &urls[0], &urls[1]][..], &trust].concat(), "", place.path());
    let saved = ["named", "other-port"]
        .map(|name| fs::read_to_string(place.path().join("downloads").join(name)).ok());
    assert_eq!(saved, [Some("known".to_owned()), Some("nobody".to_owned())], "{output:?}");
}

#[test]
fn a_certificate_that_cannot_be_used_is_one_line() {
    let place = tempfile::tempdir().expect("a folder");
    let here = place.path();
    let authority = Authority::new();
    for name in ["ann", "bob"] {
        authority.issue_to_client(|_| ()).write_pair(here, name);
    }
    let key = fs::read_to_string(here.join("ann.key")).expect("a key");
    fs::write(here.join("encrypted"), key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")).expect("written");
    let table = [
        ("none", "ann.key", "cannot read none: No such file or directory (os error 2)"),
        ("ann.key", "ann.key", "ann.key has no certificate in PEM format"),
        ("ann.pem", "none", "cannot read none: No such file or directory (os error 2)"),
        ("ann.pem", "ann.pem", "ann.pem has no private key in PEM format"),
        ("ann.pem", "bob.key", "bob.key is not the key of the certificate ann.pem"),
        (
            "ann.pem",
            "encrypted",
            "the key encrypted is encrypted (decrypt it: openssl pkey -in KEY -out NEW)",
        ),
    ];
    for (certificate, key, why) in table {
        let output = run(&["list", "https://localhost/", "--cert", certificate, "--key", key], "", here);
        assert_eq!((output.code, output.stderr), (Some(2), format!("wharf: --cert: {why}\n")));
    }
    let output = run(&["list", "https://localhost/", "--cert", "ann.pem"], "", here);
    assert!(output.code == Some(2) && output.stderr.contains("--key"), "{output:?}");
}

/// Sends a request over a connection that is kept; the status of the response.
#[cfg(feature = "accounts")]
fn ask_again(stream: &mut TcpStream, tls: &mut ClientTls, target: &str, fields: &str) -> u16 {
    let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    tls.write_all(stream, head.as_bytes()).expect("sent");
    let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
    loop {
        if let Some((head, length)) = Received::parse(&answer, false).expect("a response")
            && answer.len() as u64 >= length as u64 + head.content_length().unwrap_or(0)
        {
            return head.status.code();
        }
        let count = tls.read(stream, &mut bytes).expect("more");
        assert_ne!(count, 0, "the server closed the connection");
        answer.extend_from_slice(&bytes[..count]);
    }
}

/// The certificate decides before any other credentials, at each request.
#[cfg(feature = "accounts")]
#[test]
fn a_certificate_is_that_of_a_user_of_the_file() {
    let users = UsersFile::new(&["ann", "ben", "off"]);
    users.disable("off");
    let flags = users.flags();
    let rules = ["--allow", "users=edit", "--allow", "everyone=view@/open"];
    let guarded = Guarded::serve(&[&flags.each_ref().map(|flag| &**flag)[..], &rules].concat());
    guarded.wharf.write("open/file", "public");
    let open = |name: &str| {
        let mut stream = guarded.tcp();
        let tls = ClientTls::begin(both(&guarded.user(name)), "localhost", &mut stream).expect("a handshake");
        (stream, tls)
    };
    let wrong = basic("ann", "no");
    for (name, code) in [("ann", 200), ("off", 401), ("zoe", 401), ("ANN", 401)] {
        let (mut stream, mut tls) = open(name);
        for fields in ["", &authorization("ben"), &wrong, "Authorization: nonsense\r\n"] {
            for target in ["/a", "/open/file"] {
                let found = ask_again(&mut stream, &mut tls, target, fields);
                assert_eq!(found, code, "{name}: {target} {fields:?}: whoever may read it");
            }
            assert_eq!(ask_again(&mut stream, &mut tls, "/.wharf/health", fields), 200, "{name}");
        }
    }
    let (mut stream, mut tls) = open("ann");
    assert_eq!(ask_again(&mut stream, &mut tls, "/a", ""), 200);
    users.remove("ann", &guarded.wharf);
    assert_eq!(ask_again(&mut stream, &mut tls, "/a", ""), 401, "the connection is still open");
    assert_eq!(
        ask_again(&mut stream, &mut tls, "/open/file", &authorization("ben")),
        401,
        "nothing weaker counts"
    );
}
