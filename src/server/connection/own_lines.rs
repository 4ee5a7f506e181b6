//! The field lines that the connection adds to a response: Server, Date, Connection, and the framing of the content.

use std::cell::RefCell;

use nix::time::{ClockId, clock_gettime};

use crate::format::push_decimal;
use crate::http::body::Framing;
use crate::http::date::Date;

/// The maximum size of these lines, in bytes, so that the buffer of a response is allocated once.
pub(super) const OWN_LINES: usize = 192;

/// The Server field (RFC 9110 §10.2.4), by which wharf's client recognises wharf. It has no version, because a version
/// would mostly help attackers.
const NAME: &str = "wharf";

thread_local! {
    static OWN: RefCell<OwnLines> = const { RefCell::new(OwnLines { made_for: None, lines: Vec::new() }) };
}

/// The lines without the framing. They are the same for most responses within a second, so each thread keeps
/// the latest ones: formatting them costs 1,250 instructions.
struct OwnLines {
    made_for: Option<(Date, Option<u64>)>,
    lines: Vec<u8>,
}

impl OwnLines {
    /// The lines for a response at `date`. `timeout` is how many seconds the connection is kept, rounded
    /// down: a client must not rely on a connection that has just been closed (RFC 9112 §9.3, §9.6;
    /// Keep-Alive: RFC 2068 §19.7.1).
    fn at(&mut self, date: Date, timeout: Option<u64>) -> &[u8] {
        if self.made_for.replace((date, timeout)) != Some((date, timeout)) {
            let connection = match timeout {
                Some(seconds) => format!("keep-alive\r\nKeep-Alive: timeout={seconds}"),
                None => "close".to_owned(),
            };
            self.lines =
                format!("Server: {NAME}\r\nDate: {date}\r\nConnection: {connection}\r\n").into_bytes();
        }
        &self.lines
    }
}

/// Appends the lines of a response that is sent now. The connection is kept for `timeout` seconds, or closed.
pub(super) fn push_own_lines(bytes: &mut Vec<u8>, timeout: Option<u64>) {
    OWN.with_borrow_mut(|own| bytes.extend_from_slice(own.at(today(), timeout)));
}

/// The date now. It is less work than with a `SystemTime`, whose distance from 1970 has a fraction and a sign.
fn today() -> Date {
    let seconds = clock_gettime(ClockId::CLOCK_REALTIME).map_or(0, |now| now.tv_sec());
    Date::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// Appends the framing of the content (RFC 9112 §6.2). Content that ends with the connection needs no field.
pub(super) fn push_framing(bytes: &mut Vec<u8>, framing: Framing) {
    match framing {
        Framing::Empty => push_length(bytes, 0),
        Framing::Sized(length) => push_length(bytes, length),
        Framing::Chunked => bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::UntilClose => {}
    }
}

fn push_length(bytes: &mut Vec<u8>, length: u64) {
    bytes.extend_from_slice(b"Content-Length: ");
    push_decimal(bytes, length);
    bytes.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn own_lines_follow_the_date_and_the_timeout() {
        let mut own = OwnLines { made_for: None, lines: Vec::new() };
        let first = Date::from(SystemTime::UNIX_EPOCH);
        let next = Date::from(SystemTime::UNIX_EPOCH + Duration::from_secs(1));
        let table = [
            (first, Some(5), "00:00:00", "keep-alive\r\nKeep-Alive: timeout=5"),
            (first, Some(5), "00:00:00", "keep-alive\r\nKeep-Alive: timeout=5"),
            (first, Some(6), "00:00:00", "keep-alive\r\nKeep-Alive: timeout=6"),
            (next, Some(6), "00:00:01", "keep-alive\r\nKeep-Alive: timeout=6"),
            (next, None, "00:00:01", "close"),
        ];
        for (date, timeout, time, connection) in table {
            let expected =
                format!("Server: wharf\r\nDate: Thu, 01 Jan 1970 {time} GMT\r\nConnection: {connection}\r\n");
            assert_eq!(own.at(date, timeout), expected.as_bytes());
        }
    }
}
