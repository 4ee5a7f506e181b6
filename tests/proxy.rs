//! Behind a proxy: its pages are the server's own, event streams and large uploads get through.

use crate::common::{Answer, Wharf, run};

/// What is answered to a request of a page of this origin, where the proxy sends this Host.
fn from_page(wharf: &Wharf, [host, origin]: [&str; 2], method: &str, target: &str, fields: &str) -> Answer {
    let mut wire = wharf.connect();
    let from = format!("Host: {host}\r\nOrigin: {origin}\r\nSec-Fetch-Site: same-origin\r\n");
    wire.send(format!("{method} {target} HTTP/1.1\r\n{from}Content-Length: 8\r\n{fields}\r\nuser=ann"));
    wire.read_answer(false)
}

#[test]
fn its_pages_write_wherever_the_servers_own_do() {
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
    assert_eq!(answer.code(), 403, "nobody said that this is its name");
    assert!(answer.text().contains("--host"), "it says what to do: {}", answer.text());
}

#[test]
fn a_name_is_no_url() {
    for name in ["https://files.example", "files.example:8443", "größe.example", ""] {
        let refused = run(&["serve", ".", "--host", name], "", &std::env::temp_dir());
        assert_eq!(refused.code, Some(2), "{name:?}");
        assert!(refused.stderr.contains("--host"), "{name:?}: {}", refused.stderr);
    }
}

/// nginx holds back what comes in small pieces, unless it is told not to.
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
