//! Which certificates a client trusts, and what it prints about the others.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::{VALID, get, greeter, run_with};
use crate::common::tls_fake::{Authority, Identity, TlsFake};
use crate::common::{Fake, Wharf};

#[test]
fn who_is_trusted() {
    let place = tempfile::tempdir().expect("a folder");
    let here = place.path();
    let authority = Authority::new();
    let identity = authority.issue(&["localhost", "127.0.0.1"], VALID);
    let root = authority.write(here);
    let root = root.to_str().expect("text");
    let server = greeter(&identity);
    let (by_name, by_address) = (server.url("localhost", "/a"), server.url("127.0.0.1", "/a"));
    let other = format!("sha256:{}", "0".repeat(64));
    let pin = identity.pin();
    let good: [&[&str]; 5] = [
        &["--cacert", root, &by_name],
        &["--cacert", root, &by_address],
        &["--pin", &pin, &by_name],
        &["--pin", &other, "--pin", &pin, &by_name],
        &["--insecure", &by_name],
    ];
    for arguments in good {
        let output = get(arguments, here);
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), "hello"), "{arguments:?}: {output:?}");
        let warnings = usize::from(arguments.contains(&"--insecure"));
        assert_eq!(output.stderr.lines().count(), warnings, "{arguments:?}: {output:?}");
    }
    // This variable replaces the system's list.
    let system = [("SSL_CERT_FILE", root)];
    let output = run_with(&system, &["get", "-o", "-", &by_name], here);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "hello"), "{output:?}");
    let stranger = Authority::new().issue(&["localhost"], VALID).write(here);
    let output = get(&["--cacert", stranger.to_str().expect("text"), &by_name], here);
    assert!(output.stderr.contains("unknown issuer"), "{output:?}");
    let output = run_with(&[("SSL_CERT_FILE", "/none")], &["get", "-o", "-", &by_name], here);
    assert_eq!((output.code, output.stderr.lines().count()), (Some(1), 1), "{output:?}");

    // A self-signed certificate, of either kind.
    for is_issuer in [false, true] {
        let own = Identity::self_signed(&["localhost"], VALID, is_issuer);
        let file = own.write(here);
        let (server, file) = (greeter(&own), file.to_str().expect("text"));
        let output = get(&["--cacert", file, &server.url("localhost", "/")], here);
        assert_eq!(output.stdout, "hello", "{is_issuer}: {output:?}");
        let output = get(&["--cacert", file, &server.url("127.0.0.1", "/")], here);
        assert!(output.stderr.ends_with("the certificate is for another host: localhost\n"), "{output:?}");
        let output = get(&["--cacert", root, &server.url("localhost", "/")], here);
        assert!(output.stderr.contains("unknown issuer"), "{is_issuer}: {output:?}");
        let old = Identity::self_signed(&["localhost"], (2020, 2021), is_issuer);
        let file = old.write(here);
        let output =
            get(&["--cacert", file.to_str().expect("text"), &greeter(&old).url("localhost", "/")], here);
        assert!(output.stderr.ends_with("expired at 2021-01-01T00:00:00Z\n"), "{is_issuer}: {output:?}");
    }
}

#[test]
fn each_error_of_tls_is_one_line() {
    let place = tempfile::tempdir().expect("a folder");
    let here = place.path();
    let authority = Authority::new();
    let root = authority.write(here);
    let trust = ["--cacert", root.to_str().expect("text")];
    let identity = authority.issue(&["localhost"], VALID);
    let cases: Vec<(TlsFake, &[&str], &str, String)> = vec![
        (
            greeter(&identity),
            &[],
            "localhost",
            "the certificate is from an unknown issuer (--cacert FILE trusts an issuer, --pin sha256:HEX one certificate)".to_owned(),
        ),
        (
            greeter(&authority.issue(&["localhost"], (2020, 2021))),
            &trust,
            "localhost",
            "the certificate expired at 2021-01-01T00:00:00Z".to_owned(),
        ),
        (
            greeter(&authority.issue(&["localhost"], (2080, 2090))),
            &trust,
            "localhost",
            "the certificate is not valid before 2080-01-01T00:00:00Z (is the clock right?)".to_owned(),
        ),
        (
            greeter(&authority.issue(&["a.example", "10.0.0.1"], VALID)),
            &trust,
            "localhost",
            "the certificate is for another host: a.example, 10.0.0.1".to_owned(),
        ),
        (
            greeter(&identity),
            &["--pin", "sha256:0000000000000000000000000000000000000000000000000000000000000000"],
            "localhost",
            format!("the certificate does not match --pin, it is {}", identity.pin()),
        ),
    ];
    for (server, flags, host, expected) in cases {
        let system = [("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")];
        // An authority that has signed none of these certificates, in place of the system's authorities.
        let none = Authority::new();
        let folder = tempfile::tempdir().expect("a folder");
        let own = none.write(folder.path());
        let variables =
            if flags.is_empty() { [("SSL_CERT_FILE", own.to_str().expect("text"))] } else { system };
        let url = server.url(host, "/");
        let output = run_with(&variables, &[&["get", "-o", "-", &url], flags].concat(), here);
        let name = url.trim_end_matches('/');
        assert_eq!((output.code, output.stderr), (Some(1), format!("{name}: {expected}\n")));
        assert!(server.requests().is_empty(), "nothing was sent");
    }
}

#[test]
fn what_speaks_no_tls_or_other_tls_is_one_line() {
    let place = tempfile::tempdir().expect("a folder");
    let here = place.path();
    let authority = Authority::new();
    let root = authority.write(here);
    let trust = ["--cacert", root.to_str().expect("text")];
    let identity = authority.issue(&["localhost"], VALID);
    let wharf = Wharf::serve(&[]);
    let mute = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mute_address = mute.local_addr().expect("bound");
    let closing = TcpListener::bind("127.0.0.1:0").expect("a port");
    let closing_address = closing.local_addr().expect("bound");
    thread::spawn(move || {
        for mut stream in closing.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    let urls = [
        (format!("https://{}", wharf.address()), "the server does not speak TLS (use http://)"),
        (format!("https://{closing_address}"), "the server closed the connection in the TLS handshake"),
    ];
    for (url, expected) in urls {
        for command in ["list", "get", "client", "put", "chat", "replay"] {
            fs::write(here.join("s"), "GET a\n").expect("written");
            let arguments: &[&str] = match command {
                "get" => &["get", "--retries", "0", &url],
                "put" => &["put", "s", "--retries", "0", "--to", &url],
                "chat" => &["chat", "ann", &url],
                "replay" => &["replay", "s", &url],
                _ => &[command, &url],
            };
            let output = run_with(&[], &[arguments, &trust].concat(), here);
            assert_eq!(output.code, Some(1), "{command}: {output:?}");
            let line = format!("{url}: {expected}\n");
            assert!(output.stderr.ends_with(&line), "{command}: {output:?}");
            assert_eq!(output.stderr.lines().count(), 1, "{command}: {output:?}");
        }
    }
    let url = format!("https://{mute_address}/");
    let output = get(&["--timeout", "1", trust[0], trust[1], &url], here);
    assert_eq!(output.stderr, "/: the server was silent for 1 s (in the TLS handshake)\n");

    // No `--retries 0` is needed, because this error is permanent.
    let strict = TlsFake::answers(identity.requiring(&authority), |_, _| ());
    let output = run_with(&[], &["get", trust[0], trust[1], &strict.url("localhost", "/a")], here);
    assert!(output.stderr.contains("requires a client certificate"), "{output:?}");
    // An alert, as the answer to a plain request.
    let alert = Fake::answers(|_, stream| stream.write_all(&[21, 3, 1, 0, 2, 2, 40]).expect("sent"));
    let output = get(&[&alert.url("/a")], here);
    assert_eq!(output.stderr, "/a: the server speaks TLS (use https://)\n");
    // One line for all files.
    for name in ["s", "t"] {
        fs::write(here.join(name), "GET a\n").expect("written");
    }
    let url = greeter(&Authority::new().issue(&["localhost"], VALID)).url("localhost", "/");
    for arguments in [&["put", "s", "t", "--to", &url][..], &["get", &format!("{url}a"), &format!("{url}b")]]
    {
        let output = run_with(&[], &[arguments, &trust].concat(), here);
        assert_eq!((output.code, output.stderr.lines().count()), (Some(1), 1), "{output:?}");
    }
    let output = get(&["--cacert", "s", "https://localhost/"], here);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(2), "wharf: --cacert: s has no certificate in PEM format\n")
    );
}
