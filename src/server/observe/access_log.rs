//! The access log: one line per request.
//!
//! A line is formatted by hand: with `std::fmt` the address and the milliseconds alone cost 1,900 instructions.

use std::cell::RefCell;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use crate::format::push_decimal;
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::own_paths::{LINK, UPLOADS};
use crate::printable::Printable;
use crate::server::request::ClientAddress;

/// The log target for requests: `RUST_LOG=info,wharf::access=off` silences only them.
pub(crate) const ACCESS: &str = "wharf::access";

/// A buffer that a long target has made larger than this, in bytes, is freed.
const KEPT: usize = 1024;

thread_local! {
    static MESSAGE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Whether requests are logged.
pub(crate) fn is_on() -> bool {
    log::log_enabled!(target: ACCESS, log::Level::Info)
}

/// The user of a request, if there are accounts; logged before the request line, as in the common log format of Apache
/// and nginx.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LoggedUser<'a> {
    /// The request had no credentials, or wrong ones. A wrong name is not logged, because it may be a password in the
    /// wrong field.
    Nobody,
    /// The user of this name.
    Named(&'a str),
    /// A client that has the link with this public id. No user's name has a colon.
    Link(&'a str),
}

/// Logs a request: the client, the user if there are accounts, the line from [`push_request_line`], the response's status, the
/// number of content bytes sent, and the time it took.
pub(crate) fn write(
    client: ClientAddress,
    user: Option<LoggedUser<'_>>,
    line: &[u8],
    status: Status,
    bytes: u64,
    time: Duration,
) {
    MESSAGE.with_borrow_mut(|message| {
        message.clear();
        format(message, client, user, line, status, bytes, time);
        log::info!(target: ACCESS, "{}", str::from_utf8(message).unwrap_or_default());
        if message.capacity() > KEPT {
            *message = Vec::new();
        }
    });
}

fn format(
    out: &mut Vec<u8>,
    client: ClientAddress,
    user: Option<LoggedUser<'_>>,
    line: &[u8],
    status: Status,
    bytes: u64,
    time: Duration,
) {
    push_client(out, client);
    if let Some(user) = user {
        push_user(out, user);
    }
    out.extend_from_slice(b" \"");
    Printable(line).push_to(out);
    push_outcome(out, status, bytes, time);
}

/// Writes the client.
fn push_client(out: &mut Vec<u8>, client: ClientAddress) {
    let ClientAddress::Peer(Peer::Inet(SocketAddr::V4(address))) = client else {
        // Writing to a `Vec` cannot fail.
        let _ = write!(out, "{client}");
        return;
    };
    let [a, b, c, d] = address.ip().octets().map(u64::from);
    for (octet, separator) in [(a, b'.'), (b, b'.'), (c, b'.'), (d, b':')] {
        push_decimal(out, octet);
        out.push(separator);
    }
    push_decimal(out, address.port().into());
}

/// Writes the user, or `-`, with a blank before it. Names have no blanks.
fn push_user(out: &mut Vec<u8>, user: LoggedUser<'_>) {
    match user {
        LoggedUser::Nobody => out.extend_from_slice(b" -"),
        LoggedUser::Named(name) => {
            out.push(b' ');
            Printable::text(name).push_to(out);
        }
        LoggedUser::Link(id) => {
            out.extend_from_slice(b" link:");
            out.extend_from_slice(id.as_bytes());
        }
    }
}

/// Writes the part after the request line. Milliseconds are rounded to a tenth.
fn push_outcome(out: &mut Vec<u8>, status: Status, bytes: u64, time: Duration) {
    let tenths = time.saturating_add(Duration::from_micros(50)).as_micros() / 100;
    let tenths = u64::try_from(tenths).unwrap_or(u64::MAX);
    out.extend_from_slice(b"\" ");
    push_decimal(out, status.code().into());
    out.push(b' ');
    push_decimal(out, bytes);
    out.extend_from_slice(b" B ");
    push_decimal(out, tenths / 10);
    out.push(b'.');
    push_decimal(out, tenths % 10);
    out.extend_from_slice(b" ms");
}

/// Appends the request line from the bytes of a head, as it is logged; `-` if it is empty.
pub(crate) fn push_request_line(out: &mut Vec<u8>, head: &[u8]) {
    let head = head.trim_ascii_start();
    let (mut end, mut behind_slash, mut may_have_token) = (head.len(), None, false);
    // One pass: most bytes are letters and digits, which are greater than the bytes searched for.
    for (at, byte) in head.iter().enumerate().filter(|(_, byte)| **byte <= b'/') {
        match byte {
            b'\r' | b'\n' => {
                end = at;
                break;
            }
            b'/' => {
                may_have_token |= behind_slash == Some(at);
                behind_slash = Some(at + 1);
            }
            b'.' => may_have_token |= behind_slash == Some(at),
            b'%' => may_have_token = true,
            _ => {}
        }
    }
    let line = head.get(..end).unwrap_or_default();
    if line.is_empty() {
        out.push(b'-');
    } else if may_have_token {
        push_without_secrets(out, line);
    } else {
        out.extend_from_slice(line);
    }
}

/// Appends a line without the tokens of uploads and the secrets of links: with them, a reader of the log could write to the
/// upload, or open the link.
fn push_without_secrets(out: &mut Vec<u8>, mut line: &[u8]) {
    while let Some((before, shown, behind)) =
        HIDDEN.iter().filter_map(|hidden| hidden.find(line)).min_by_key(|it| it.0.len())
    {
        push_without_look_alikes(out, before);
        out.extend_from_slice(shown.as_bytes());
        line = behind;
    }
    push_without_look_alikes(out, line);
}

/// Appends a part of a line. Leaves out text that looks like the secret of a link, in any spelling of the link's path,
/// and a name and a password before a host.
fn push_without_look_alikes(out: &mut Vec<u8>, mut line: &[u8]) {
    if let Some(at) = line.windows(3).position(|part| part == b"://").map(|at| at + 3) {
        let authority = line[at..].split(|byte| *byte == b'/').next().unwrap_or_default();
        if let Some(end) = authority.iter().rposition(|byte| *byte == b'@') {
            out.extend_from_slice(&line[..at]);
            out.extend_from_slice(NAMELESS.as_bytes());
            line = &line[at + end..];
        }
    }
    let is_in_secret = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    while let Some(first) = line.first() {
        // An encoded byte is a separator.
        let separators = match first {
            b'%' => line.len().min(3),
            _ => line.iter().take_while(|byte| !is_in_secret(byte) && **byte != b'%').count(),
        };
        out.extend_from_slice(&line[..separators]);
        line = &line[separators..];
        let run = line.iter().take_while(|byte| is_in_secret(byte)).count();
        out.extend_from_slice(if run == SECRET_LENGTH { NAMELESS.as_bytes() } else { &line[..run] });
        line = &line[run..];
    }
}

/// Replaces the secret of a link by its public id.
pub(crate) fn name_link(line: &mut Vec<u8>, id: &str) {
    let secret = [LINK.as_bytes(), NAMELESS.as_bytes()].concat();
    if let Some(at) = line.windows(secret.len()).position(|part| part == secret) {
        line.splice(at + LINK.len()..at + secret.len(), id.bytes());
    }
}

/// A secret in a path.
struct Hidden {
    /// The text before the secret.
    prefix: &'static str,
    /// Whether a byte may be a part of the secret.
    has: fn(&u8) -> bool,
    /// What is logged instead.
    shown: &'static str,
}

/// The number of characters of a link's secret: 256 bits in base64url.
const SECRET_LENGTH: usize = 43;

/// Stands for the secret of a link whose public id is not known yet.
const NAMELESS: &str = "…";

const HIDDEN: [Hidden; 2] = [
    Hidden { prefix: UPLOADS, has: u8::is_ascii_hexdigit, shown: "TOKEN" },
    Hidden {
        prefix: LINK,
        has: |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'%'),
        shown: NAMELESS,
    },
];

impl Hidden {
    /// The parts before and after the first secret in a line, and what is logged between them.
    fn find<'l>(&self, line: &'l [u8]) -> Option<(&'l [u8], &'static str, &'l [u8])> {
        let prefix = self.prefix.as_bytes();
        let at = line.windows(prefix.len()).position(|part| part == prefix)?;
        let (before, behind) = line.split_at_checked(at + prefix.len())?;
        let end = behind.iter().position(|byte| !(self.has)(byte)).unwrap_or(behind.len());
        Some((before, self.shown, behind.get(end..)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same line, formatted with `std::fmt`.
    fn by_std_fmt(client: ClientAddress, line: &[u8], status: Status, bytes: u64, time: Duration) -> String {
        let (line, code, milliseconds) = (Printable(line), status.code(), time.as_secs_f64() * 1000.0);
        format!("{client} \"{line}\" {code} {bytes} B {milliseconds:.1} ms")
    }

    #[test]
    fn lines_are_the_same_as_from_std_fmt() {
        let clients =
            ["1.2.3.4:5", "127.0.0.1:50000", "255.100.10.0:65535", "[::1]:80", "[2001:db8::1:2]:8080"];
        let clients = clients.map(|address| Peer::Inet(address.parse().expect("an address")));
        let lines: [&[u8]; 4] =
            [b"GET / HTTP/1.1", b"-", b"GET /\xff\x1b[2J\\ HTTP/1.1", "GET /ß".as_bytes()];
        let micros = [
            0,
            1,
            49,
            51,
            149,
            151,
            949,
            951,
            999,
            1_000,
            12_345,
            999_999,
            3_600_000_001,
            1 << 50,
            u64::MAX / 1000,
        ];
        let forwarded =
            ["1.2.3.4", "2001:db8::7"].map(|ip| ClientAddress::forwarded(ip.parse().expect("an address")));
        for client in
            clients.into_iter().chain([Peer::Unix(None)]).map(ClientAddress::of_peer).chain(forwarded)
        {
            for (line, micros) in lines.iter().flat_map(|line| micros.map(|micros| (line, micros))) {
                for (status, bytes) in [(Status::OK, 0), (Status::NOT_FOUND, 9), (Status::OK, u64::MAX)] {
                    let time = Duration::from_micros(micros);
                    let mut message = Vec::new();
                    format(&mut message, client, None, line, status, bytes, time);
                    let expected = by_std_fmt(client, line, status, bytes, time);
                    assert_eq!(String::from_utf8_lossy(&message), expected);
                }
            }
        }
    }

    #[test]
    fn where_there_are_accounts_the_user_is_the_second_field() {
        let client = ClientAddress::of_peer(Peer::Inet("1.2.3.4:5".parse().expect("an address")));
        for (user, shown) in [
            (LoggedUser::Nobody, "-"),
            (LoggedUser::Named("anna"), "anna"),
            (LoggedUser::Named("a\u{202e}b"), "a\\u{202e}b"),
            (LoggedUser::Link("3f8k2m9q"), "link:3f8k2m9q"),
        ] {
            let mut message = Vec::new();
            let time = Duration::from_millis(1);
            format(&mut message, client, Some(user), b"GET / HTTP/1.1", Status::OK, 9, time);
            let expected = format!("1.2.3.4:5 {shown} \"GET / HTTP/1.1\" 200 9 B 1.0 ms");
            assert_eq!(String::from_utf8_lossy(&message), expected);
        }
    }

    fn request_line(head: &[u8]) -> Vec<u8> {
        let mut line = Vec::new();
        push_request_line(&mut line, head);
        line
    }

    #[test]
    fn no_spelling_shows_the_secret_of_a_link() {
        let secret = "UkLgF7QePyP3RYkcSf9arHKQYgJSoeMJLZnzono9gYA";
        for path in [
            "/%2ewharf/l/SECRET",
            "/.wharf//l/SECRET/a",
            "/.wharf/%6c/SECRET",
            "/.WHARF/l/SECRET?list",
            "/.wharf%2fl%2fSECRET",
            "/.wharf/l//SECRET",
            "/.wharf/l/~SECRET",
            "/.wharf/login?next=%2F.wharf%2Fl%2FSECRET",
        ] {
            let line = request_line(format!("GET {} HTTP/1.1", path.replace("SECRET", secret)).as_bytes());
            let line = String::from_utf8(line).expect("text");
            assert!(!line.contains(secret) && line.contains('…'), "{line}");
        }
        let line = request_line(b"GET http://u:p@127.0.0.1:80/a%20b/.c HTTP/1.1");
        assert_eq!(String::from_utf8_lossy(&line), "GET http://…@127.0.0.1:80/a%20b/.c HTTP/1.1");
        let line = request_line(b"GET /a%20b/%zz HTTP/1.1");
        assert_eq!(String::from_utf8_lossy(&line), "GET /a%20b/%zz HTTP/1.1");
    }

    #[test]
    fn the_request_line_is_the_first_non_empty_line() {
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
    fn a_link_is_logged_by_its_id() {
        let mut line = request_line(b"GET /.wharf/l/aB9/a HTTP/1.1");
        name_link(&mut line, "3f8k2m9q");
        assert_eq!(line, b"GET /.wharf/l/3f8k2m9q/a HTTP/1.1");
        name_link(&mut line, "00000000");
        assert_eq!(line, b"GET /.wharf/l/3f8k2m9q/a HTTP/1.1");
    }

    #[test]
    fn no_token_is_logged() {
        let table = [
            ("GET /a HTTP/1.1", "GET /a HTTP/1.1"),
            ("HEAD /.wharf/uploads/0aF9 HTTP/1.1", "HEAD /.wharf/uploads/TOKEN HTTP/1.1"),
            ("HEAD http://h/.wharf/uploads/00?x", "HEAD http://h/.wharf/uploads/TOKEN?x"),
            ("GET /a.b/./.wharf/uploads/00", "GET /a.b/./.wharf/uploads/TOKEN"),
            ("GET /?a=/.wharf/uploads/00", "GET /?a=/.wharf/uploads/TOKEN"),
            ("GET //.wharf/uploads/00//a.b", "GET //.wharf/uploads/TOKEN//a.b"),
            ("/.wharf/uploads/00", "/.wharf/uploads/TOKEN"),
            (".wharf/uploads/00 /.wharf/", ".wharf/uploads/00 /.wharf/"),
            ("GET /.wharf/l/aB-_9/x?y HTTP/1.1", "GET /.wharf/l/…/x?y HTTP/1.1"),
            ("GET /b/.wharf/l/aB9 HTTP/1.1", "GET /b/.wharf/l/… HTTP/1.1"),
            (
                "PATCH /.wharf/l/aB9/.wharf/uploads/0f HTTP/1.1",
                "PATCH /.wharf/l/…/.wharf/uploads/TOKEN HTTP/1.1",
            ),
        ];
        for (line, logged) in table {
            assert_eq!(request_line(line.as_bytes()), logged.as_bytes(), "{line}");
        }
    }
}
