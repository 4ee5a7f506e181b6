//! The clients over TLS: which certificates they trust, the errors, and what TLS changes about the end of a response.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::io::ioctl_fionread;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::common::tls_fake::{Authority, Identity, TlsFake, TlsStream, close, pin, read_head, say};
use crate::common::{ClosedPort, Fake, Output, ReverseProxy, Running, Tls, Wharf, eventually, run, sample};

/// A range of years that includes the present.
const VALID: (i32, i32) = (2020, 2090);

/// Runs the binary with only these environment variables.
fn run_with(variables: &[(&str, &str)], arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.args(arguments).current_dir(directory).env_clear();
    command.env("XDG_STATE_HOME", directory.join(".state")).envs(variables.iter().copied());
    let child = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let output = child.output();
    Output {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code(),
    }
}

/// `wharf get -o - --retries 0` with these arguments.
fn get(arguments: &[&str], directory: &Path) -> Output {
    run_with(&[], &[&["get", "-o", "-", "--retries", "0"], arguments].concat(), directory)
}

/// A server over TLS that sends `hello`.
fn greeter(identity: &Identity) -> TlsFake {
    TlsFake::answers(identity.config(), |_, stream| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        close(stream);
    })
}

#[test]
fn all_commands_work_over_tls() {
    let place = tempfile::tempdir().expect("a folder");
    let socket = place.path().join("wharf.sock");
    let socket = socket.to_str().expect("text");
    let wharf = Wharf::serve(&["--unix", socket, "--trust-proxy", "unix", "--host", "127.0.0.1"]);
    let Some(nginx) = ReverseProxy::nginx(socket, Tls::On) else { return };
    let certificate = CertificateDer::from_pem_file(nginx.certificate()).expect("a certificate");
    let pin = pin(&certificate);
    let url = |path: &str| format!("https://{}{path}", nginx.address());
    let call = |arguments: &[&str], input: &str| {
        let output = run(&[arguments, &["--pin", &pin]].concat(), input, place.path());
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{arguments:?}: {output:?}");
        output.stdout
    };
    wharf.write("dir/a.txt", "a");
    wharf.write("dir/below/b.txt", sample(1 << 20, 1));
    assert_eq!(call(&["list", &url("/dir/")], ""), "below/\na.txt\n");
    call(&["get", "-R", &url("/dir/")], "");
    assert_eq!(fs::read(place.path().join("downloads/dir/below/b.txt")).expect("saved"), sample(1 << 20, 1));
    // It resumes by address, so an unchanged file is recognised.
    assert!(call(&["get", &url("/dir/a.txt")], "").starts_with("unchanged: "));

    let large = sample(3 << 20, 2);
    fs::write(place.path().join("large"), &large).expect("written");
    // Older files are sent as resumable uploads.
    let old = std::time::SystemTime::now() - Duration::from_secs(60);
    fs::File::options()
        .append(true)
        .open(place.path().join("large"))
        .expect("open")
        .set_modified(old)
        .expect("set");
    call(&["put", "large", "--to", &url("/in/")], "");
    assert!(wharf.read("in/large") == large, "3 MB");
    eventually("it was resumable", || wharf.log().contains("\"PATCH "));

    call(&["put", "-", "--to", &url("/in/stdin")], "a pipe");
    assert_eq!(wharf.read("in/stdin"), b"a pipe");

    let listed = call(&["client", &url("/")], "GET dir/a.txt\nLIST in\n");
    assert!(listed.contains("200 OK") && listed.contains("large"), "{listed}");
    // The chat messages of others are shown only while there is input.
    call(&["chat", "ann", &url("/")], "list\nhello\n");
    eventually("it is said", || wharf.log().contains("\"POST /.wharf/chat/messages HTTP/1.1\" 20"));
    fs::write(
        place.path().join("script"),
        "GET dir/a.txt -> 200\nPUT large in/again -> 201\nGET none -> 404\n",
    )
    .expect("written");
    let report = call(&["replay", "script", &url("/"), "-j", "2", "--repeat", "1"], "");
    assert!(report.contains("3 requests, 3 ok"), "{report}");
}

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

    // Without --retries 0: this is permanent.
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

/// RFC 9112 §9.8.
#[test]
fn a_cut_is_no_end() {
    let identity = Authority::new().issue(&["localhost"], VALID);
    let server = TlsFake::answers(identity.config(), |head, stream| {
        let target = head.split(' ').nth(1).expect("a target");
        let (fields, body) = match target {
            "/close" | "/cut" => ("", "hello"),
            "/whole" => ("Content-Length: 5\r\n", "hello"),
            "/short" => ("Content-Length: 9\r\n", "hello"),
            "/chunks" => ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
            "/no-last" => ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
            _ => return,
        };
        say(stream, format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}"));
        if ["/close", "/short"].contains(&target) {
            close(stream);
        }
    });
    let cases = [
        ("/close", None),
        ("/cut", Some("in the middle of its response, after 5 bytes")),
        ("/whole", None),
        ("/short", Some("after 5 of 9 bytes")),
        ("/chunks", None),
        ("/no-last", Some("in the middle of its response, after 5 bytes")),
        ("/nothing", Some("without a response")),
    ];
    let place = tempfile::tempdir().expect("a folder");
    for (target, error) in cases {
        let output = get(&["--pin", &identity.pin(), &server.url("localhost", target)], place.path());
        match error {
            None => {
                assert_eq!((output.code, output.stdout.as_str()), (Some(0), "hello"), "{target}: {output:?}");
            }
            Some(error) => {
                assert_eq!(output.code, Some(1), "{target}: {output:?}");
                assert!(output.stderr.trim_end().ends_with(error), "{target}: {output:?}");
            }
        }
    }
}

#[test]
fn records_of_any_size_are_read() {
    let identity = Authority::new().issue(&["localhost"], VALID);
    let content = sample(2000, 3);
    let expected = content.clone();
    let server = TlsFake::answers(identity.config(), move |_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
        for byte in head.as_bytes().iter().chain(&content) {
            say(stream, [*byte]);
        }
        close(stream);
    });
    let place = tempfile::tempdir().expect("a folder");
    let output =
        run_with(&[], &["get", "--pin", &identity.pin(), &server.url("localhost", "/a")], place.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(fs::read(place.path().join("downloads/a")).expect("saved") == expected);
}

/// Waits until no further bytes arrive: then the peer's buffer is full, too.
fn comes_to_rest(socket: &TcpStream) {
    let (mut before, mut now) = (0, 0);
    while now == 0 || now != before {
        thread::sleep(Duration::from_millis(50));
        before = std::mem::replace(&mut now, ioctl_fionread(socket).expect("known"));
    }
}

/// A server that refuses an upload says so before it has read it, as over plain sockets.
#[test]
fn an_early_response_ends_an_upload() {
    let identity = Authority::new().issue(&["localhost"], VALID);
    let server = TlsFake::answers(identity.config(), |head, stream| {
        if head.contains("Expect: 100-continue") && head.contains("/continues") {
            say(stream, "HTTP/1.1 100 Continue\r\n\r\n");
            // A part of the content is read before the refusal.
            let _ = stream.read_exact(&mut vec![0; 100_000]);
        }
        let is_reset = head.contains("Expect: 100-continue") && head.contains("/resets");
        if is_reset {
            say(stream, "HTTP/1.1 100 Continue\r\n\r\n");
            comes_to_rest(&stream.sock);
        }
        say(
            stream,
            "HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nTOO LARGE",
        );
        if is_reset {
            // As a server that closes the connection without reading the rest.
            rustix::net::connect_unspec(&stream.sock).expect("reset");
        } else {
            close(stream);
        }
    });
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("large"), sample(32 << 20, 4)).expect("written");
    for name in ["refused", "continues", "resets"] {
        let to = server.url("localhost", &format!("/{name}"));
        let output = run_with(
            &[],
            &["put", "large", "--retries", "0", "--force", "--to", &to, "--pin", &identity.pin()],
            place.path(),
        );
        assert_eq!(output.code, Some(1), "{name}: {output:?}");
        assert!(output.stderr.ends_with("413 Content Too Large: TOO LARGE\n"), "{name}: {output:?}");
    }
}

#[test]
fn a_server_that_stops_reading_or_sending_is_noticed() {
    let identity = Authority::new().issue(&["localhost"], VALID);
    let server = TlsFake::answers(identity.config(), |head, stream| {
        if head.starts_with("OPTIONS ") {
            say(stream, "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
            return close(stream);
        }
        if head.starts_with("GET /part") {
            say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
        }
        thread::sleep(Duration::from_secs(8));
    });
    let place = tempfile::tempdir().expect("a folder");
    // More than the kernel buffers.
    fs::write(place.path().join("large"), sample(32 << 20, 5)).expect("written");
    let (to, pin) = (server.url("localhost", "/large"), identity.pin());
    let flags = ["--retries", "0", "--timeout", "2", "--pin", &pin];
    let output =
        run_with(&[], &[&["put", "large", "--force", "--to", &to], &flags[..]].concat(), place.path());
    assert_eq!(output.stderr, "large: the server was silent for 2 s (sending the file)\n");
    for target in ["/nothing", "/part"] {
        let url = server.url("localhost", target);
        let output = run_with(&[], &[&["get", "-o", "-", &url], &flags[..]].concat(), place.path());
        let expected = format!("{target}: the server was silent for 2 s (waiting for its response)\n");
        assert_eq!(output.stderr, expected);
    }
}

#[test]
fn a_password_is_never_printed() {
    let place = tempfile::tempdir().expect("a folder");
    let closed = ClosedPort::reserve();
    for scheme in ["https://", ""] {
        let address = format!("{scheme}me:secret@{}/a", closed.address());
        let commands: [&[&str]; 5] =
            [&["get", "--retries", "0"], &["list"], &["client"], &["put", "a", "--to"], &["replay", "a"]];
        for command in commands {
            let output = run_with(&[], &[command, &[&address]].concat(), place.path());
            assert_ne!(output.code, Some(0), "{output:?}");
            assert!(output.stderr.contains("the password in the address"), "{command:?}: {output:?}");
            assert!(!output.stderr.contains("secret"), "{command:?}: {output:?}");
        }
    }
}

#[test]
fn redirects_between_http_and_https() {
    let identity = Authority::new().issue(&["localhost"], VALID);
    let pin = identity.pin();
    let secure = greeter(&identity);
    let target = secure.url("localhost", "/a");
    let location = target.clone();
    let plain = Fake::answers(move |_, stream| {
        let head =
            format!("HTTP/1.1 308 Permanent Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
    });
    let place = tempfile::tempdir().expect("a folder");
    let output = get(&["--pin", &pin, &plain.url("/a")], place.path());
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "hello"), "{output:?}");
    // A redirect to a server that is not trusted fails.
    let output = get(&["--pin", &format!("sha256:{}", "0".repeat(64)), &plain.url("/a")], place.path());
    assert_eq!(output.code, Some(1), "{output:?}");
    fs::write(place.path().join("up"), "up").expect("written");
    for arguments in [&["put", "up", "--to"][..], &["list"], &["chat", "ann"], &["get", "-R"]] {
        let url = plain.url("/");
        let output = run_with(&[], &[arguments, &[&url]].concat(), place.path());
        assert_eq!(output.code, Some(1), "{arguments:?}: {output:?}");
        let line = format!("308 Permanent Redirect: the server redirects to {target} (use that address)\n");
        assert!(output.stderr.ends_with(&line), "{arguments:?}: {output:?}");
    }
    let back = plain.url("/");
    let down = TlsFake::answers(identity.config(), move |_, stream| {
        say(stream, format!("HTTP/1.1 302 Found\r\nLocation: {back}\r\nContent-Length: 0\r\n\r\n"));
        close(stream);
    });
    let before = plain.requests("/").len();
    let output = get(&["--pin", &pin, &down.url("localhost", "/a")], place.path());
    let expected = format!("/a: redirects from https to http are not followed: {}\n", plain.url("/"));
    assert_eq!((output.code, output.stderr), (Some(1), expected));
    assert_eq!(plain.requests("/").len(), before, "nothing was sent");
}

/// The token of a member of the chat is sent to its server only.
#[test]
fn credentials_follow_no_redirect() {
    let other = Fake::answers(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    });
    let elsewhere = other.url("/");
    let server = Fake::answers(move |head, stream| {
        let answer = if head.contains("/.wharf/chat/join") {
            let joined = r#"{"user":"ann","token":"secret"}"#;
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{joined}", joined.len())
        } else {
            format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n")
        };
        let _ = stream.write_all(answer.as_bytes());
    });
    let place = tempfile::tempdir().expect("a folder");
    let url = server.url("/");
    let output = run(&["chat", "ann", &url], "hello\n", place.path());
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(server.requests("/.wharf/chat/events").iter().all(|head| head.contains("Wharf-Member: secret")));
    assert!(other.requests("/").is_empty(), "{:?}", other.requests("/"));
}

/// An HTTP proxy that makes tunnels to this server, whatever the client names; or refuses.
fn tunnels(server: &TlsFake, answer: &'static str) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (address, server) = (listener.local_addr().expect("bound"), server.address());
    let (sender, heads) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if client.read_exact(&mut byte).is_err() {
                    break;
                }
                head.extend(byte);
            }
            let _ = sender.send(String::from_utf8_lossy(&head).into_owned());
            client.write_all(answer.as_bytes()).expect("sent");
            if !answer.contains(" 200 ") {
                continue;
            }
            let upstream = TcpStream::connect(server).expect("it listens");
            let pass = |mut from: TcpStream, mut to: TcpStream| {
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            };
            pass(client.try_clone().expect("cloned"), upstream.try_clone().expect("cloned"));
            pass(upstream, client);
        }
    });
    (format!("http://{address}"), heads)
}

#[test]
fn a_proxy_leads_to_a_server_over_tls() {
    let identity = Authority::new().issue(&["files.example"], VALID);
    let (server, place) = (greeter(&identity), tempfile::tempdir().expect("a folder"));
    let pin = identity.pin();
    let arguments = ["get", "-o", "-", "--retries", "0", "--pin", &pin, "https://files.example/a"];
    let (proxy, heads) = tunnels(&server, "HTTP/1.1 200 Connection established\r\n\r\n");
    for variable in ["https_proxy", "HTTPS_PROXY"] {
        let output = run_with(&[(variable, &proxy)], &arguments, place.path());
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), "hello"), "{variable}: {output:?}");
        let head = heads.recv().expect("a request");
        assert!(
            head.starts_with("CONNECT files.example:443 HTTP/1.1\r\nHost: files.example:443\r\n"),
            "{head}"
        );
    }
    assert!(server.requests()[0].starts_with("GET /a HTTP/1.1\r\nHost: files.example\r\n"));
    let exempt = run_with(&[("https_proxy", &proxy), ("no_proxy", "example")], &arguments, place.path());
    assert_eq!(exempt.stderr, "cannot resolve host \"files.example\"\n");
    let wrong = [
        ("http://me:secret@proxy:1", "a user name and a password are not supported (use http://host:port)"),
        ("https://proxy:1", "https:// is not supported (use http://host:port)"),
    ];
    for (address, expected) in wrong {
        let output = run_with(&[("https_proxy", address)], &arguments, place.path());
        assert_eq!((output.code, output.stderr), (Some(1), format!("cannot use https_proxy: {expected}\n")));
    }
    let cases = [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "it refuses to connect to the server: 403 Forbidden"),
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "it refuses to connect to the server: 407 Proxy Authentication Required",
        ),
        ("", "it closed the connection without a response"),
        ("220 mail\r\n\r\n", "its response is not that of an HTTP proxy"),
    ];
    for (answer, expected) in cases {
        let (proxy, _heads) = tunnels(&server, answer);
        let output = run_with(&[("https_proxy", &proxy)], &arguments, place.path());
        let name = proxy.trim_start_matches("http://");
        assert_eq!((output.code, output.stderr), (Some(1), format!("proxy {name}: {expected}\n")));
    }
}

/// A connection is reused, and session tickets do not look like its end; after a real end, the client reconnects.
#[test]
fn a_proxy_has_to_respond_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = format!("http://{}", listener.local_addr().expect("bound"));
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            while client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_ok() {}
        }
    });
    let place = tempfile::tempdir().expect("a folder");
    let arguments = ["get", "-o", "-", "--retries", "0", "--timeout", "1", "https://files.example/a"];
    let output = run_with(&[("https_proxy", &proxy)], &arguments, place.path());
    let expected = format!("proxy {}: it did not open a tunnel within 1 s\n", &proxy["http://".len()..]);
    assert_eq!((output.code, output.stderr), (Some(1), expected));
}

#[test]
fn a_connection_is_used_again() {
    let identity = Authority::new().issue(&["localhost"], VALID);
    let answer = |stream: &mut TlsStream| say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let twice = TlsFake::answers(identity.config(), move |_, stream| {
        answer(stream);
        read_head(stream).expect("another request");
        answer(stream);
        close(stream);
    });
    let place = tempfile::tempdir().expect("a folder");
    let url = twice.url("localhost", "/");
    let lines = "GET a\nGET b\nGET c\nGET d\n";
    let output = run(&["client", &url, "--pin", &identity.pin()], lines, place.path());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert_eq!(output.stdout.matches("200 OK").count(), 4, "{output:?}");
    assert_eq!(twice.requests().len(), 2, "connections");
}
