//! The certificate of `wharf get` and the other client commands.

use std::fs;
use std::process::Command;

use rcgen::DnType;

use super::{Guarded, path_text};
use crate::common::tls_fake::{Authority, TlsFake, close, say};
use crate::common::{Wharf, outside, pem, root, run, skip};

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
