//! Behind a proxy: the server's pages count as its own, and event streams and large uploads get through.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::common::{Answer, Output, ReverseProxy, Tls, Wharf, Wire, eventually, outside, run, sample};

/// The response to a request from a page of this origin, when the proxy sends this Host.
fn from_page(wharf: &Wharf, [host, origin]: [&str; 2], method: &str, target: &str, fields: &str) -> Answer {
    let mut wire = wharf.connect();
    let from = format!("Host: {host}\r\nOrigin: {origin}\r\nSec-Fetch-Site: same-origin\r\n");
    wire.send(format!("{method} {target} HTTP/1.1\r\n{from}Content-Length: 8\r\n{fields}\r\nuser=ann"));
    wire.read_answer(false)
}

#[test]
fn pages_behind_a_proxy_may_write() {
    let pieces = "Upload-Complete: ?0\r\n";
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    for host in ["files.example", "127.0.0.1:8080"] {
        let wharf = Wharf::serve(&["--host", "files.example", "--allow-exit"]);
        let own = [host, "https://files.example"];
        assert_eq!(from_page(&wharf, own, "PUT", "/a", "").code(), 201, "{host}");
        assert_eq!(from_page(&wharf, own, "POST", "/.wharf/chat/join", "").code(), 200, "{host}");
        assert_eq!(from_page(&wharf, own, "POST", "/", form).code(), 400, "{host}: the form itself is wrong");
        let begun = from_page(&wharf, own, "PUT", "/u", pieces);
        let upload = begun.field("Location");
        assert_eq!(begun.code(), 201, "{host}");
        for origin in ["https://evil.example", "https://files.example:8443", "https://localhost", "null"] {
            for (method, target) in [
                ("PUT", "/b"),
                ("MKCOL", "/b"),
                ("POST", "/b"),
                ("POST", "/"),
                ("POST", "/.wharf/chat/join"),
                ("POST", "/.wharf/chat/messages"),
                ("POST", "/.wharf/chat/leave"),
                ("POST", "/.wharf/exit"),
                ("PATCH", &upload),
                ("DELETE", &upload),
            ] {
                let answer = from_page(&wharf, [host, origin], method, target, "");
                assert_eq!(answer.code(), 403, "{host}, {origin}: {method} {target}");
            }
        }
        assert_eq!(from_page(&wharf, own, "DELETE", &upload, "").code(), 204, "{host}");
    }
    let unnamed = Wharf::serve(&[]);
    let mut wire = unnamed.connect();
    let answer = wire.ask("PUT", "/a", "Origin: https://files.example\r\n", b"x");
    assert_eq!(answer.code(), 403, "this name was not configured");
    assert!(answer.text().contains("--host"), "it says what to do: {}", answer.text());
}

#[test]
fn a_host_is_not_a_url() {
    for name in ["https://files.example", "files.example:8443", "größe.example", ""] {
        let refused = run(&["serve", ".", "--host", name], "", &std::env::temp_dir());
        assert_eq!(refused.code, Some(2), "{name:?}");
        assert!(refused.stderr.contains("--host"), "{name:?}: {}", refused.stderr);
    }
}

/// nginx buffers small pieces unless the response tells it not to.
#[test]
fn an_event_stream_asks_not_to_be_buffered() {
    let wharf = Wharf::serve(&[]);
    let joined = wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann");
    let token: serde_json::Value = serde_json::from_slice(&joined.body).expect("JSON");
    let token = token["token"].as_str().expect("a token");
    let mut wire = wharf.connect();
    let fields = format!("Authorization: Bearer {token}\r\n");
    wire.send(format!("GET /.wharf/chat/events HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", wharf.address()));
    let begun = wire.try_read_answer(true).expect("a head");
    assert_eq!((begun.code(), begun.field("X-Accel-Buffering").as_str()), (200, "no"));
    assert_eq!(begun.field("Cache-Control"), "no-store");
}

/// A proxy that buffers waits until the server closes; this timeout is long, so that the close cannot hide
/// it.
const KEPT: [&str; 2] = ["--timeout", "600"];

/// A server at a Unix-domain socket, as the files of `deploy/` expect.
fn at_socket() -> (TempDir, Wharf, String) {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("wharf.sock");
    let socket = path.to_str().expect("text").to_owned();
    let wharf = Wharf::serve(&[&["--unix", &socket, "--host", "files.example"], &KEPT[..]].concat());
    eventually("it listens", || path.exists());
    (place, wharf, socket)
}

/// The proxies with the files of `deploy/` that are installed.
fn proxies(socket: &str, tls: Tls) -> Vec<(&'static str, ReverseProxy)> {
    let proxies = [
        ("nginx", ReverseProxy::nginx(socket, tls)),
        ("haproxy", ReverseProxy::haproxy(socket, tls)),
        ("caddy", ReverseProxy::caddy(socket, tls)),
    ];
    proxies.into_iter().filter_map(|(name, proxy)| Some((name, proxy?))).collect()
}

/// A file that is large enough to be sent in pieces, in a new directory.
fn large() -> (TempDir, PathBuf, Vec<u8>) {
    let place = tempfile::tempdir().expect("a folder");
    let (path, content) = (place.path().join("large"), sample(3 << 20, 9));
    fs::write(&path, &content).expect("written");
    (place, path, content)
}

/// The output of `wharf put` for a large file that is sent through this proxy.
fn put(proxy: &ReverseProxy, directory: &str) -> Output {
    let (place, path, _) = large();
    let to = format!("http://{}/{directory}/", proxy.address());
    run(&["put", path.to_str().expect("text"), "--retries", "0", "--to", &to], "", place.path())
}

#[test]
fn large_uploads_get_through() {
    let (_place, wharf, socket) = at_socket();
    let (_, _, content) = large();
    for (name, proxy) in proxies(&socket, Tls::Off) {
        let sent = put(&proxy, name);
        assert_eq!(sent.code, Some(0), "{name}: {sent:?}");
        assert!(wharf.read(&format!("{name}/large")) == content, "{name}");
        let to = format!("http://{}/{name}/piped", proxy.address());
        let piped = run(&["put", "-", "--to", &to], "from a pipe", &std::env::temp_dir());
        assert_eq!(
            (piped.code, wharf.read(&format!("{name}/piped"))),
            (Some(0), b"from a pipe".to_vec()),
            "{name}"
        );
    }
}

/// The usual settings with keep-alive connections to the server.
#[test]
fn large_uploads_get_through_nginx_with_usual_settings() {
    let wharf = Wharf::serve(&KEPT);
    let upstream = wharf.address();
    let host = "proxy_set_header Host $http_host;";
    let kept = format!("{host} proxy_http_version 1.1; proxy_set_header Connection \"\";");
    for (name, location) in [("1.0", host), ("1.1", &kept)] {
        let proxy = ReverseProxy::nginx_with(Tls::Off, |address, _| {
            let upstream = format!("upstream wharf {{ server {upstream}; keepalive 4; }}");
            let location = format!("location / {{ proxy_pass http://wharf; {location} }}");
            format!("{upstream} server {{ listen {address}; client_max_body_size 0; {location} }}")
        });
        let Some(proxy) = proxy else { return };
        let sent = put(&proxy, name);
        assert_eq!(sent.code, Some(0), "{name}: {sent:?}");
        assert!(wharf.read(&format!("{name}/large")) == large().2, "{name}");
    }
    let proxy = ReverseProxy::nginx_with(Tls::Off, |address, _| {
        format!("server {{ listen {address}; location / {{ proxy_pass http://{upstream}; }} }}")
    });
    let refused = put(&proxy.expect("it is installed"), "limited");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("413") && refused.stderr.contains("client_max_body_size"), "{refused:?}");
}

/// The response to a request through this proxy, and the interim responses before it.
fn through(proxy: &ReverseProxy, head: &str, content: &[u8]) -> (Vec<u16>, Option<Answer>) {
    let mut wire = Wire::connect(proxy.address());
    wire.send(format!("{head}Host: {}\r\nContent-Length: {}\r\n\r\n", proxy.address(), content.len()));
    wire.send(content);
    let mut codes = Vec::new();
    while let Some(answer) = wire.try_read_answer(false) {
        codes.push(answer.code());
        if answer.code() >= 200 {
            return (codes, Some(answer));
        }
    }
    (codes, None)
}

/// A client of the draft behind nginx: whether 104 gets through or not, an upload that is created without content works.
#[test]
fn resumable_uploads_get_through_nginx() {
    let wharf = Wharf::serve(&KEPT);
    let (upstream, content) = (wharf.address(), sample(3 << 20, 9));
    let draft = "Upload-Draft-Interop-Version: 9\r\n";
    for (name, location) in [
        ("http10", "proxy_set_header Host $http_host;"),
        ("http11", "proxy_set_header Host $http_host; proxy_http_version 1.1; proxy_request_buffering off;"),
    ] {
        let proxy = ReverseProxy::nginx_with(Tls::Off, |address, _| {
            let location = format!("location / {{ proxy_pass http://{upstream}; {location} }}");
            format!("server {{ listen {address}; client_max_body_size 0; {location} }}")
        });
        let Some(proxy) = proxy else { return };
        let whole = format!("PUT /{name}/whole HTTP/1.1\r\n{draft}Upload-Complete: ?1\r\n");
        let (codes, answer) = through(&proxy, &whole, &content);
        assert_eq!(answer.map(|answer| answer.code()), Some(201), "{name}: {codes:?}");
        // HTTP/1.0 has no interim responses. Whether nginx passes one on depends on its version.
        assert!(codes == [201] || (name == "http11" && codes == [104, 201]), "{name}: {codes:?}");
        assert!(wharf.read(&format!("{name}/whole")) == content, "{name}");
        let begin = format!("PUT /{name}/parts HTTP/1.1\r\n{draft}Upload-Complete: ?0\r\n");
        let upload = through(&proxy, &begin, b"").1.expect("an answer").field("Location");
        let append = |offset: usize, complete, content| {
            let fields = format!("Upload-Offset: {offset}\r\nUpload-Complete: {complete}\r\n");
            let kind = "Content-Type: application/partial-upload\r\n";
            through(&proxy, &format!("PATCH {upload} HTTP/1.1\r\n{draft}{kind}{fields}"), content).1
        };
        let half = content.len() / 2;
        assert_eq!(append(0, "?0", &content[..half]).map(|answer| answer.code()), Some(204), "{name}");
        for _ in 0..2 {
            let answer = append(half, "?0", &[]).expect("an answer");
            assert_eq!((answer.code(), answer.field("Upload-Offset")), (204, half.to_string()), "{name}");
        }
        assert_eq!(append(half, "?1", &content[half..]).map(|answer| answer.code()), Some(201), "{name}");
        let again = append(content.len(), "?1", &[]).expect("an answer");
        assert_eq!((again.code(), again.field("Upload-Complete").as_str()), (201, "?1"), "{name}");
        assert!(wharf.read(&format!("{name}/parts")) == content, "{name}");
    }
}

/// The chat through a proxy: a message is delivered while the stream is open.
fn is_heard(wharf: &Wharf, name: &str, proxy: &ReverseProxy) {
    let joined = wharf.ask("POST", "/.wharf/chat/join", "", format!("user={name}").as_bytes());
    let token: serde_json::Value = serde_json::from_slice(&joined.body).expect("JSON");
    let fields = format!("Authorization: Bearer {}\r\n", token["token"].as_str().expect("a token"));
    let mut wire = Wire::connect(proxy.address());
    let host = proxy.address();
    wire.send(format!("GET /.wharf/chat/events HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"));
    wire.read_until("welcome");
    assert_eq!(wharf.ask("POST", "/.wharf/chat/messages", &fields, b"through the proxy").code(), 202);
    wire.read_until("through the proxy");
}

#[test]
fn chat_messages_get_through() {
    let (_place, wharf, socket) = at_socket();
    for (name, proxy) in proxies(&socket, Tls::Off) {
        is_heard(&wharf, name, &proxy);
    }
    let upstream = wharf.address();
    let proxy = ReverseProxy::nginx_with(Tls::Off, |address, _| {
        format!("server {{ listen {address}; location / {{ proxy_pass http://{upstream}; }} }}")
    });
    if let Some(proxy) = proxy {
        is_heard(&wharf, "defaults", &proxy);
    }
}

#[test]
fn pages_behind_tls_may_write() {
    let (place, wharf, socket) = at_socket();
    fs::write(place.path().join("local"), "over TLS").expect("written");
    for (name, proxy) in proxies(&socket, Tls::On) {
        let port = proxy.address().port();
        let own = format!("https://files.example:{port}");
        for (origin, code) in [(own.as_str(), "201"), ("https://files.example", "403"), ("null", "403")] {
            let Some(mut curl) = outside("curl") else { return };
            curl.args(["-sk", "--max-time", "60", "-o", "/dev/null", "-w", "%{http_code}", "-T", "local"]);
            curl.args(["--resolve", &format!("files.example:{port}:127.0.0.1")]);
            curl.args(["-H", &format!("Origin: {origin}"), &format!("{own}/{name}/{code}")]);
            let output = curl.current_dir(place.path()).output().expect("it runs");
            assert_eq!(String::from_utf8_lossy(&output.stdout), code, "{name}, {origin}: {output:?}");
        }
        assert_eq!(wharf.read(&format!("{name}/201")), b"over TLS");
    }
}
