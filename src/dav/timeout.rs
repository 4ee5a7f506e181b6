//! The field `Timeout` (RFC 4918 §10.7).

use std::time::Duration;

use crate::http::fields::{Fields, decimal};

/// For how long a client wants a lock, within what the server grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockTimeout(Duration);

/// The longest time that a lock is granted for. Clients refresh locks that they still need; a client that has crashed
/// must not keep others out for the day.
pub const MAX_LOCK_TIME: Duration = Duration::from_secs(60 * 60);

/// The shortest time that a lock is granted for: a client needs time to send its next request.
pub const MIN_LOCK_TIME: Duration = Duration::from_secs(10);

impl LockTimeout {
    /// What these fields ask for: the first value that is understood, limited to what the server grants. Without one, it is
    /// [`MAX_LOCK_TIME`].
    pub fn of(fields: Fields<'_, '_>) -> Self {
        Self(fields.list("Timeout").find_map(parse).unwrap_or(MAX_LOCK_TIME))
    }

    /// The time.
    pub fn get(self) -> Duration {
        self.0
    }
}

fn parse(value: &[u8]) -> Option<Duration> {
    if value.eq_ignore_ascii_case(b"infinite") {
        return Some(MAX_LOCK_TIME);
    }
    let (name, number) = value.split_at_checked(b"Second-".len())?;
    if !name.eq_ignore_ascii_case(b"Second-") || !number.iter().all(u8::is_ascii_digit) || number.is_empty() {
        return None;
    }
    // Too many seconds for 64 bits are more than the longest time too.
    let seconds = decimal(number).unwrap_or(u64::MAX);
    Some(Duration::from_secs(seconds).clamp(MIN_LOCK_TIME, MAX_LOCK_TIME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::{FieldSpace, Head};

    #[test]
    fn values() {
        let table: [(&[&str], u64); 12] = [
            (&[], 3600),
            (&["Second-1800"], 1800),
            (&["second-1800"], 1800),
            (&["Second-0"], 10),
            (&["Second-4100000000"], 3600),
            (&["Second-99999999999999999999999"], 3600),
            (&["Infinite"], 3600),
            (&["Infinite, Second-60"], 3600),
            (&["Extend, Second-60"], 60),
            (&["Second-", "Second-60"], 60),
            (&["Second--1"], 3600),
            (&["60"], 3600),
        ];
        for (values, expected) in table {
            let lines: Vec<_> = values.iter().map(|value| format!("Timeout: {value}\r\n")).collect();
            let bytes = format!("LOCK / HTTP/1.1\r\nHost: h\r\n{}\r\n", lines.concat());
            let mut space = FieldSpace::new();
            let head = Head::parse(bytes.as_bytes(), &mut space).expect("a head");
            assert_eq!(LockTimeout::of(head.fields).get().as_secs(), expected, "{values:?}");
        }
    }
}
