//! A mix of everyday requests over all protocols; some clients disconnect in the middle.

use std::io::Write;
use std::net::TcpStream;

use serde_json::Value;

use super::{Random, Tftp, Wharf, Wire, sample};

/// How many names the written files have.
const NAMES: usize = 16;

/// How many addresses the chatting clients have.
const HOSTS: usize = 200;

/// Sends every kind of request once. The server must serve TFTP too (`--udp 0`).
pub fn everything_once(wharf: &Wharf, random: &mut Random) {
    let mut wire = wharf.connect();
    let content = sample(random.length(17), 81);
    let name = format!("/{}", random.below(NAMES));
    assert!(wire.ask("PUT", &name, "", &content).head.status.is_success());
    assert!(wire.ask("GET", &name, "", b"").head.status.is_success());
    assert_eq!(wire.ask("HEAD", &name, "", b"").code(), 200);
    let range = format!("Range: bytes=0-0,{}-\r\n", random.below(content.len()));
    assert!(matches!(wire.ask("GET", &name, &range, b"").code(), 200 | 206));
    for (kind, target) in [("text/html", "/?list"), ("application/json", "/"), ("text/plain", "/?list")] {
        assert_eq!(wire.ask("GET", target, &format!("Accept: {kind}\r\n"), b"").code(), 200);
    }
    assert_eq!(wire.ask("GET", "/none", "", b"").code(), 404);
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    let part = "--b\r\nContent-Disposition: form-data; name=f; filename=form\r\n\r\nx\r\n--b--\r\n";
    assert_eq!(wire.ask("POST", "/", form, part.as_bytes()).code(), 200);
    assert_eq!(put_chunked(&mut wire, "/chunked", &content) / 100, 2);
    pipeline(&mut wire, 20);
    talk(&mut somebody(wharf, random.below(HOSTS)), random);
    break_off(wharf, random);
    assert_eq!(Tftp::new(wharf.tftp()).put("tftp", &[], &content[..content.len().min(2000)]), Ok(()));
    assert!(Tftp::new(wharf.tftp()).get("tftp").is_ok());
    let refused = wharf.connect().send("nonsense\r\n\r\n").read_answer(false);
    assert_eq!(refused.code(), 400);
}

/// Sends this in one chunk and returns the status.
pub fn put_chunked(wire: &mut Wire, target: &str, content: &[u8]) -> u16 {
    let (host, length) = (wire.stream().peer_addr().expect("connected"), content.len());
    wire.send(format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"));
    wire.send(format!("{length:x}\r\n")).send(content).send("\r\n0\r\n\r\n");
    wire.read_answer(false).code()
}

/// Sends this many requests before it reads a response.
fn pipeline(wire: &mut Wire, count: usize) {
    for _ in 0..count {
        wire.begin_to_ask("GET", "/.wharf/health", None);
    }
    for _ in 0..count {
        assert_eq!(wire.read_answer(false).code(), 200);
    }
}

/// A connection from one of this many addresses.
fn somebody(wharf: &Wharf, number: usize) -> Wire {
    Wire::connect_from((2 + number % HOSTS) as u8, wharf.address())
}

/// Joins the chat, sends a message and leaves.
fn talk(wire: &mut Wire, random: &mut Random) {
    let name = format!("user=p{}", random.below(1 << 30));
    let token = join(wire, &name);
    assert_eq!(wire.ask("POST", "/.wharf/chat/messages", &token, b"hello").code(), 202);
    assert_eq!(wire.ask("GET", "/.wharf/chat/messages", &token, b"").code(), 200);
    assert_eq!(wire.ask("POST", "/.wharf/chat/leave", &token, b"").code(), 204);
}

/// Joins the chat; returns the field that identifies the member.
fn join(wire: &mut Wire, form: &str) -> String {
    let answer = wire.ask("POST", "/.wharf/chat/join", "", form.as_bytes());
    assert_eq!(answer.code(), 200, "{form}: {}", answer.text());
    let joined: Value = serde_json::from_slice(&answer.body).expect("JSON");
    format!("Wharf-Member: {}\r\n", joined["token"].as_str().expect("a token"))
}

/// Fills the chat's history, so that it does not grow any more: 16,384 events.
pub fn fill_the_room(wharf: &Wharf) {
    /// How many messages one member may send at once.
    const BURST: usize = 40;
    let host = wharf.address();
    for speaker in 0..=16_384 / BURST {
        let mut wire = somebody(wharf, speaker);
        let token = join(&mut wire, &format!("user=filler{speaker}"));
        let head =
            format!("POST /.wharf/chat/messages HTTP/1.1\r\nHost: {host}\r\n{token}Content-Length: 400");
        wire.send(format!("{head}\r\n\r\n{:400}", "x").repeat(BURST));
        for _ in 0..BURST {
            assert_eq!(wire.read_answer(false).code(), 202);
        }
        assert_eq!(wire.ask("POST", "/.wharf/chat/leave", &token, b"").code(), 204);
    }
}

/// Starts an upload or a download, and disconnects.
fn break_off(wharf: &Wharf, random: &mut Random) {
    let mut stream = TcpStream::connect(wharf.address()).expect("a connection");
    let host = wharf.address();
    let request = format!("PUT /cut HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n{:90}", "");
    stream.write_all(&request.as_bytes()[..random.below(request.len())]).expect("sent");
}
