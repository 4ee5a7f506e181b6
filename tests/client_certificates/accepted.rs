//! Which certificates the server accepts.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, date_time_ymd};
use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{Guarded, VERSIONS, both, config, mail, path_text};
use crate::common::tls_fake::{Authority, Identity};
use crate::common::{Wire, eventually, pem, run};

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
