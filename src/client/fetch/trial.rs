//! Trying again: which failures may pass, how often, and after which pause.

use std::thread;
use std::time::{Duration, SystemTime};

use crate::client::error::ClientError;
use crate::http::date::Date;
use crate::http::response::Received;
use crate::http::status::Status;

/// The first pause before another try; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause, whether it has grown so or a `Retry-After` asks for it: longer than that, a person would rather
/// come back.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Why a try failed.
#[derive(Debug)]
pub(in crate::client) struct FailedAttempt {
    pub(in crate::client) error: ClientError,
    /// After which pause the server wants to be asked again (RFC 9110 §10.2.3).
    after: Option<Duration>,
}

/// How often something is tried.
#[derive(Debug)]
pub(in crate::client) struct Trials {
    most: u32,
    left: u32,
    pause: Duration,
    /// How far it has come: getting further counts as a new beginning.
    furthest: u64,
}

impl Trials {
    /// So many tries besides the first.
    pub(in crate::client) fn new(retries: u32) -> Self {
        Self { most: retries, left: retries, pause: FIRST_PAUSE, furthest: 0 }
    }

    /// How long to wait before another try, with so many bytes on the disk that need not come again; the error, when
    /// there is to be none.
    pub(in crate::client) fn next(
        &mut self,
        failure: FailedAttempt,
        reached: u64,
    ) -> Result<Duration, ClientError> {
        if reached > self.furthest {
            *self = Self { furthest: reached, ..Self::new(self.most) };
        }
        if self.left == 0 || !may_pass(&failure.error) {
            return Err(failure.error);
        }
        self.left -= 1;
        let pause = failure.after.unwrap_or(self.pause).min(LONGEST_PAUSE);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(pause)
    }
}

/// Does something again while that may help and `retries` allow it.
pub(in crate::client) fn patiently<T>(
    retries: u32,
    mut act: impl FnMut() -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    let mut trials = Trials::new(retries);
    loop {
        match act() {
            Err(error) => thread::sleep(trials.next(error.into(), 0)?),
            done => return done,
        }
    }
}

/// Whether another try may end better.
fn may_pass(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(status, _) => {
            let own = [Status::NOT_IMPLEMENTED, Status::VERSION_NOT_SUPPORTED];
            status.code() >= 500 && !own.contains(status)
                || [Status::REQUEST_TIMEOUT, Status::TOO_MANY_REQUESTS].contains(status)
        }
        ClientError::NotRunning(_)
        | ClientError::Unreachable(..)
        | ClientError::Slow(..)
        | ClientError::Trickle(_)
        | ClientError::Silent
        | ClientError::CutShort(..)
        | ClientError::Broken(_)
        | ClientError::Digest => true,
        _ => false,
    }
}

impl FailedAttempt {
    /// A refusal, and when its server wants to be asked again: after so many seconds, or at a date.
    pub(in crate::client) fn refused(error: ClientError, head: &Received, now: SystemTime) -> Self {
        let after = head.field("Retry-After").and_then(|value| {
            let date = || Date::parse(value.as_bytes()).map(|date| date.since(Date::from(now)));
            value.parse().ok().map(Duration::from_secs).or_else(date)
        });
        Self { error, after }
    }
}

impl From<ClientError> for FailedAttempt {
    fn from(error: ClientError) -> Self {
        Self { error, after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: Status) -> ClientError {
        ClientError::Refused(status, None)
    }

    #[test]
    fn what_may_pass() {
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
            assert_eq!(may_pass(&error), expected, "{error}");
        }
    }

    #[test]
    fn pauses_grow_and_end() {
        let mut trials = Trials::new(3);
        let pauses: Vec<_> = std::iter::from_fn(|| trials.next(ClientError::Silent.into(), 0).ok()).collect();
        assert_eq!(pauses, [250, 500, 1000].map(Duration::from_millis));
        assert_eq!(trials.next(ClientError::Silent.into(), 1).ok(), Some(FIRST_PAUSE), "it got further");
        assert!(trials.next(ClientError::Redirects.into(), 2).is_err(), "it will not pass");
        assert!(Trials::new(0).next(ClientError::Silent.into(), 9).is_err());
    }

    #[test]
    fn the_server_says_when() {
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
            let pause = Trials::new(1).next(failure, 0).expect("another try");
            assert_eq!(pause, expected.map_or(FIRST_PAUSE, Duration::from_secs), "{value}");
        }
    }
}
