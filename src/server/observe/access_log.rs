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

/// Logs a request: the client, the user if there are accounts, the line from [`request_line::push`](super::request_line::push), the response's status, the
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
}
