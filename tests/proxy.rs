//! Behind a proxy: the server's pages count as its own, and event streams and large uploads get through.

mod cluster;
mod long;
mod rolling;
mod visit;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use self::visit::Visit;
use crate::common::{
    Answer, Output, Place, Program, ReverseProxy, Tls, Wharf, Wire, eventually, outside, run, sample,
};

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
    let fields = format!("Wharf-Member: {token}\r\n");
    wire.send(format!("GET /.wharf/chat/events HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", wharf.address()));
    let begun = wire.try_read_answer(true).expect("a head");
    assert_eq!((begun.code(), begun.field("X-Accel-Buffering").as_str()), (200, "no"));
    assert_eq!(begun.field("Cache-Control"), "no-store");
}

/// A proxy that buffers waits until the server closes the connection. This timeout is long, so that the test notices
/// such a proxy.
const KEPT: [&str; 2] = ["--timeout", "600"];

/// A server at a Unix-domain socket, as the files of `deploy/` expect.
struct AtSocket {
    _place: TempDir,
    wharf: Wharf,
    socket: String,
}

impl AtSocket {
    fn serve(place: Place) -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        // Apache runs as another user.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("set");
        let path = directory.path().join("wharf.sock");
        let socket = path.to_str().expect("text").to_owned();
        let mut flags = vec!["--unix", &socket, "--unix-mode", "666", "--host", "files.example"];
        flags.extend(["--trust-proxy", "unix", "--trust-proxy", "127.0.0.1"]);
        // Visitors replace files.
        flags.extend(["--allow", "everyone=write,chat"]);
        let wharf = Wharf::serve(&[&flags, &KEPT[..], place.flags()].concat());
        eventually("it listens", || path.exists());
        Self { _place: directory, wharf, socket }
    }

    /// This proxy in front of it, if it is installed.
    fn behind(&self, program: Program, place: Place, tls: Tls) -> Option<ReverseProxy> {
        ReverseProxy::of(program, place, &self.socket, tls)
    }
}

/// The proxies that the short tests start: those that start within a second.
const QUICK: [Program; 3] = [Program::Nginx, Program::Haproxy, Program::Caddy];

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
    let server = AtSocket::serve(Place::Root);
    let (_, _, content) = large();
    for program in QUICK {
        let Some(proxy) = server.behind(program, Place::Root, Tls::Off) else { continue };
        let name = format!("{program:?}");
        let sent = put(&proxy, &name);
        assert_eq!(sent.code, Some(0), "{name}: {sent:?}");
        assert!(server.wharf.read(&format!("{name}/large")) == content, "{name}");
        let to = format!("http://{}/{name}/piped", proxy.address());
        let piped = run(&["put", "-", "--to", &to], "from a pipe", &std::env::temp_dir());
        assert_eq!(
            (piped.code, server.wharf.read(&format!("{name}/piped"))),
            (Some(0), b"from a pipe".to_vec()),
            "{name}"
        );
    }
}

/// The usual nginx settings for keep-alive connections to the server.
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

/// nginx is in front of the server. An upload that is created without content works, whether nginx forwards 104
/// responses or not.
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
        // HTTP/1.0 has no interim responses. Whether nginx passes on a 104 depends on its version.
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
    let fields = format!("Wharf-Member: {}\r\n", token["token"].as_str().expect("a token"));
    let mut wire = Wire::connect(proxy.address());
    let host = proxy.address();
    wire.send(format!("GET /.wharf/chat/events HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"));
    wire.read_until("welcome");
    assert_eq!(wharf.ask("POST", "/.wharf/chat/messages", &fields, b"through the proxy").code(), 202);
    wire.read_until("through the proxy");
}

#[test]
fn chat_messages_get_through() {
    let server = AtSocket::serve(Place::Root);
    for program in QUICK {
        let Some(proxy) = server.behind(program, Place::Root, Tls::Off) else { continue };
        is_heard(&server.wharf, &format!("{program:?}"), &proxy);
    }
    let upstream = server.wharf.address();
    let proxy = ReverseProxy::nginx_with(Tls::Off, |address, _| {
        format!("server {{ listen {address}; location / {{ proxy_pass http://{upstream}; }} }}")
    });
    if let Some(proxy) = proxy {
        is_heard(&server.wharf, "defaults", &proxy);
    }
}

/// The status of an upload through a proxy with TLS, from a page of this origin.
fn upload_over_tls(port: u16, host: &str, origin: &str, target: &str) -> Option<String> {
    let mut curl = outside("curl")?;
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("local"), "over TLS").expect("written");
    curl.args(["-sk", "--max-time", "60", "-o", "/dev/null", "-w", "%{http_code}", "-T", "local"]);
    curl.args(["--resolve", &format!("files.example:{port}:127.0.0.1")]);
    curl.args(["-H", &format!("Origin: {origin}"), &format!("https://{host}:{port}{target}")]);
    let output = curl.current_dir(place.path()).output().expect("it runs");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// With `--host`, and at an address, where only the proxy can say that it speaks TLS.
fn pages_may_write(server: &AtSocket, program: Program, place: Place) {
    let Some(proxy) = server.behind(program, place, Tls::On) else { return };
    let (port, below) = (proxy.address().port(), place.prefix());
    for host in ["files.example", "127.0.0.1"] {
        let own = format!("https://{host}:{port}");
        let plain = format!("http://{host}:{port}");
        let other_port = format!("https://{host}");
        for (origin, code) in [
            (own.as_str(), "201"),
            (plain.as_str(), "403"),
            (other_port.as_str(), "403"),
            ("https://evil.example", "403"),
            ("null", "403"),
        ] {
            let target = format!("{below}/{program:?}/{host}-{code}");
            let Some(found) = upload_over_tls(port, host, origin, &target) else { return };
            assert_eq!(found, code, "{program:?}, {place:?}: a page of {origin}");
        }
        assert_eq!(server.wharf.read(&format!("{program:?}/{host}-201")), b"over TLS");
    }
}

#[test]
fn pages_behind_tls_may_write() {
    let server = AtSocket::serve(Place::Root);
    for program in QUICK {
        pages_may_write(&server, program, Place::Root);
    }
}

/// The slower tests are in `long`.
#[test]
fn a_server_below_a_prefix() {
    for place in [Place::Below, Place::Removed] {
        let server = AtSocket::serve(place);
        let Some(proxy) = server.behind(Program::Nginx, place, Tls::Off) else { return };
        let visit = Visit::new(&server, &proxy, place, format!("nginx, {place:?}"));
        visit.downloads();
        visit.links();
        visit.uploads(&[0, 1, 1 << 20]);
    }
}
