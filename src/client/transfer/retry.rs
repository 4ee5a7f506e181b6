//! Trying again: after which errors, how often, and after which pause.

use std::thread;
use std::time::{Duration, SystemTime};

use crate::client::error::ClientError;
use crate::client::proxy_error::ProxyError;
use crate::client::tls_error::TlsError;
use crate::http::date::Date;
use crate::http::response::Received;
use crate::http::status::Status;

/// The first pause before another attempt; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause, also if a `Retry-After` asks for a longer one: a person would rather come back later.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Why an attempt failed.
#[derive(Debug)]
pub(in crate::client) struct FailedAttempt {
    pub(in crate::client) error: ClientError,
    /// The pause that the server asks for (RFC 9110 §10.2.3).
    after: Option<Duration>,
    /// Whether another attempt may succeed.
    is_temporary: bool,
}

/// The attempts that are left, and the pause before the next.
#[derive(Debug)]
struct Backoff {
    retries: u32,
    left: u32,
    pause: Duration,
    /// How far the best attempt got: if a later attempt gets further, all retries are available again.
    furthest: u64,
}

/// Repeats an attempt until it succeeds, its error is permanent, or `retries` attempts have made no progress. The
/// attempt stores how many bytes the next one need not transfer again.
pub(in crate::client) fn retry<T>(
    retries: u32,
    mut attempt: impl FnMut(&mut u64) -> Result<T, FailedAttempt>,
) -> Result<T, ClientError> {
    let mut backoff = Backoff::new(retries);
    loop {
        let mut reached = 0;
        match attempt(&mut reached) {
            Ok(done) => return Ok(done),
            Err(failure) => thread::sleep(backoff.next(failure, reached)?),
        }
    }
}

impl Backoff {
    fn new(retries: u32) -> Self {
        Self { retries, left: retries, pause: FIRST_PAUSE, furthest: 0 }
    }

    /// The pause before the next attempt; the error if there is none.
    fn next(&mut self, failure: FailedAttempt, reached: u64) -> Result<Duration, ClientError> {
        if reached > self.furthest {
            *self = Self { furthest: reached, ..Self::new(self.retries) };
        }
        if self.left == 0 || !failure.is_temporary {
            return Err(failure.error);
        }
        self.left -= 1;
        let pause = failure.after.unwrap_or(self.pause).min(LONGEST_PAUSE);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(pause)
    }
}

fn is_temporary(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(status, _) => {
            let permanent = [Status::NOT_IMPLEMENTED, Status::VERSION_NOT_SUPPORTED];
            status.code() >= 500 && !permanent.contains(status)
                || [Status::REQUEST_TIMEOUT, Status::TOO_MANY_REQUESTS].contains(status)
        }
        ClientError::NotRunning(_)
        | ClientError::Unreachable(..)
        | ClientError::Slow(..)
        | ClientError::Trickle(_)
        | ClientError::Silent
        | ClientError::CutShort(..)
        | ClientError::Digest
        | ClientError::Tls(_, TlsError::Closed)
        | ClientError::Proxy(_, ProxyError::Closed) => true,
        ClientError::Broken(error) => {
            // Over TLS, a server may refuse a client after the handshake.
            let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
            !matches!(cause, Some(TlsError::Refused(_)))
        }
        ClientError::Proxy(_, ProxyError::Refused(status)) => status.code() >= 500,
        _ => false,
    }
}

impl FailedAttempt {
    /// An error response; its `Retry-After` is a number of seconds or a date.
    pub(in crate::client) fn refused(error: ClientError, head: &Received, now: SystemTime) -> Self {
        let after = head.field("Retry-After").and_then(|value| {
            let date = || Date::parse(value.as_bytes()).map(|date| date.since(Date::from(now)));
            value.parse().ok().map(Duration::from_secs).or_else(date)
        });
        Self { after, ..Self::from(error) }
    }

    /// Whether another attempt may succeed.
    pub(in crate::client) fn is_temporary(&self) -> bool {
        self.is_temporary
    }

    /// The same failure, but no further attempt is made.
    #[must_use]
    pub(in crate::client) fn permanent(self) -> Self {
        Self { is_temporary: false, ..self }
    }
}

impl From<ClientError> for FailedAttempt {
    fn from(error: ClientError) -> Self {
        Self { is_temporary: is_temporary(&error), after: None, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: Status) -> ClientError {
        ClientError::Refused(status, None)
    }

    #[test]
    fn which_errors_are_temporary() {
        let cases = [
            (refused(Status::SERVICE_UNAVAILABLE), true),
            (refused(Status::TOO_MANY_REQUESTS), true),
            (refused(Status::NOT_FOUND), false),
            (refused(Status::NOT_IMPLEMENTED), false),
            (ClientError::CutShort(1, Some(2)), true),
            (ClientError::NotRunning(String::new()), true),
            (ClientError::WrongRange, false),
            (ClientError::Redirects, false),
        ];
        for (error, expected) in cases {
            assert_eq!(is_temporary(&error), expected, "{error}");
        }
    }

    #[test]
    fn pauses_grow_up_to_the_last_retry() {
        let mut backoff = Backoff::new(3);
        let pauses: Vec<_> =
            std::iter::from_fn(|| backoff.next(ClientError::Silent.into(), 0).ok()).collect();
        assert_eq!(pauses, [250, 500, 1000].map(Duration::from_millis));
        assert_eq!(backoff.next(ClientError::Silent.into(), 1).ok(), Some(FIRST_PAUSE), "it got further");
        assert!(backoff.next(ClientError::Redirects.into(), 2).is_err(), "it is permanent");
        assert!(Backoff::new(0).next(ClientError::Silent.into(), 9).is_err());
    }

    #[test]
    fn the_server_chooses_the_pause() {
        let now = SystemTime::from(Date::parse(b"Sun, 06 Nov 1994 08:49:37 GMT").expect("a date"));
        let cases = [
            ("7", Some(7)),
            ("Sun, 06 Nov 1994 08:49:39 GMT", Some(2)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("86400", Some(60)),
            ("soon", None),
        ];
        for (value, expected) in cases {
            let bytes = format!("HTTP/1.1 503 No\r\nRetry-After: {value}\r\n\r\n");
            let (head, _) = Received::parse(bytes.as_bytes(), false).expect("valid").expect("whole");
            let failure = FailedAttempt::refused(refused(Status::SERVICE_UNAVAILABLE), &head, now);
            let pause = Backoff::new(1).next(failure, 0).expect("another attempt");
            assert_eq!(pause, expected.map_or(FIRST_PAUSE, Duration::from_secs), "{value}");
        }
    }
}
