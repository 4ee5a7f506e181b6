//! The access log: one line per request.
//!
//! A line is formatted by hand: with `std::fmt` the address and the milliseconds alone cost 1,900 instructions.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use crate::own_paths::UPLOADS;
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::printable::Printable;

/// The log's target for requests, so that `RUST_LOG=info,wharf::access=off` silences them alone.
pub const ACCESS: &str = "wharf::access";

/// A buffer that has grown beyond this, for the line of a long target, is freed.
const KEPT: usize = 1024;

thread_local! {
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Whether requests are logged.
pub fn is_on() -> bool {
    log::log_enabled!(target: ACCESS, log::Level::Info)
}

/// Logs a request, by its line as [`request_line`] gives it: who sent it, the response's status, how many bytes of content
/// were sent, and how long it took.
pub fn write(peer: Peer, line: &[u8], status: Status, bytes: u64, time: Duration) {
    if !is_on() {
        return;
    }
    MESSAGE.with_borrow_mut(|message| {
        message.clear();
        format(message, peer, line, status, bytes, time);
        log::info!(target: ACCESS, "{message}");
        if message.capacity() > KEPT {
            *message = String::new();
        }
    });
}

fn format(out: &mut String, peer: Peer, line: &[u8], status: Status, bytes: u64, time: Duration) {
    push_peer(out, peer);
    // A `String` takes everything.
    let _ = write!(out, " \"{}\" ", Printable(line));
    push_number(out, status.code().into());
    out.push(' ');
    push_number(out, bytes);
    out.push_str(" B ");
    push_milliseconds(out, time);
    out.push_str(" ms");
}

fn push_peer(out: &mut String, peer: Peer) {
    let Peer::Inet(SocketAddr::V4(address)) = peer else {
        let _ = write!(out, "{peer}");
        return;
    };
    let [first, rest @ ..] = address.ip().octets();
    push_number(out, first.into());
    for octet in rest {
        out.push('.');
        push_number(out, octet.into());
    }
    out.push(':');
    push_number(out, address.port().into());
}

/// Rounded to a tenth.
fn push_milliseconds(out: &mut String, time: Duration) {
    let tenths = time.saturating_add(Duration::from_micros(50)).as_micros() / 100;
    let tenths = u64::try_from(tenths).unwrap_or(u64::MAX);
    push_number(out, tenths / 10);
    out.push('.');
    push_number(out, tenths % 10);
}

fn push_number(out: &mut String, number: u64) {
    if number >= 10 {
        push_number(out, number / 10);
    }
    out.push(char::from(b'0' + (number % 10) as u8));
}

/// The request line among the bytes of a head, as it is logged; `-` if it is empty.
pub fn request_line(head: &[u8]) -> Vec<u8> {
    let head = head.trim_ascii_start();
    let end = head.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(head.len());
    let line = head.get(..end).unwrap_or_default();
    match find_token(line) {
        _ if line.is_empty() => b"-".to_vec(),
        None => line.to_vec(),
        Some((before, behind)) => [before, b"TOKEN", behind].concat(),
    }
}

/// What stands before and behind the token of an upload: with it, readers of the log could write to the upload.
fn find_token(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let dots = line.iter().enumerate().filter(|(_, byte)| **byte == b'.');
    let mut starts = dots.filter_map(|(at, _)| at.checked_sub(1));
    let start =
        starts.find(|start| line.get(*start..).is_some_and(|rest| rest.starts_with(UPLOADS.as_bytes())))?;
    let (before, behind) = line.split_at_checked(start + UPLOADS.len())?;
    let end = behind.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(behind.len());
    Some((before, behind.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `std::fmt` formats it.
    fn by_fmt(peer: Peer, line: &[u8], status: Status, bytes: u64, time: Duration) -> String {
        let (line, code, milliseconds) = (Printable(line), status.code(), time.as_secs_f64() * 1000.0);
        format!("{peer} \"{line}\" {code} {bytes} B {milliseconds:.1} ms")
    }

    #[test]
    fn lines_are_as_std_fmt_formats_them() {
        let peers =
            ["1.2.3.4:5", "127.0.0.1:50000", "255.100.10.0:65535", "[::1]:80", "[2001:db8::1:2]:8080"];
        let peers = peers.map(|peer| Peer::Inet(peer.parse().expect("an address")));
        let lines: [&[u8]; 4] =
            [b"GET / HTTP/1.1", b"-", b"GET /\xff\x1b[2J\\ HTTP/1.1", "GET /ß".as_bytes()];
        let micros = [0, 1, 49, 51, 149, 151, 949, 951, 999, 1_000, 12_345, 999_999, 3_600_000_001, 1 << 50];
        for peer in peers.into_iter().chain([Peer::Unix(None)]) {
            for (line, micros) in lines.iter().flat_map(|line| micros.map(|micros| (line, micros))) {
                for (status, bytes) in [(Status::OK, 0), (Status::NOT_FOUND, 9), (Status::OK, u64::MAX)] {
                    let time = Duration::from_micros(micros);
                    let mut formatted = String::new();
                    format(&mut formatted, peer, line, status, bytes, time);
                    assert_eq!(formatted, by_fmt(peer, line, status, bytes, time));
                }
            }
        }
    }

    #[test]
    fn the_request_line_is_the_first_that_is_not_empty() {
        let table: [(&[u8], &[u8]); 5] = [
            (b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n", b"GET /a HTTP/1.1"),
            (b"\r\n\nGET /a\nHost: b", b"GET /a"),
            (b"GET /a", b"GET /a"),
            (b"\r\n", b"-"),
            (b"", b"-"),
        ];
        for (head, line) in table {
            assert_eq!(request_line(head), line, "{}", Printable(head));
        }
    }

    #[test]
    fn no_token_is_logged() {
        let table = [
            ("GET /a HTTP/1.1", "GET /a HTTP/1.1"),
            ("HEAD /.wharf/uploads/0aF9 HTTP/1.1", "HEAD /.wharf/uploads/TOKEN HTTP/1.1"),
            ("HEAD http://h/.wharf/uploads/00?x", "HEAD http://h/.wharf/uploads/TOKEN?x"),
            ("GET /a.b/./.wharf/uploads/00", "GET /a.b/./.wharf/uploads/TOKEN"),
            ("GET /?a=/.wharf/uploads/00", "GET /?a=/.wharf/uploads/TOKEN"),
            (".wharf/uploads/00 /.wharf/", ".wharf/uploads/00 /.wharf/"),
        ];
        for (line, logged) in table {
            assert_eq!(request_line(line.as_bytes()), logged.as_bytes(), "{line}");
        }
    }
}
