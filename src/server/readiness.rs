//! Whether a check of the folder is running for too long: its disk does not respond, and a load balancer must learn that
//! without waiting for the disk.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::server::moment::Moment;

/// How long a check may take.
const LIMIT: Duration = Duration::from_secs(2);

/// When the check began that the others are compared with.
#[derive(Debug, Default)]
pub(super) struct ReadinessChecks {
    began: Mutex<Option<Moment>>,
}

/// A check that is running. Others are compared with it if it is the only one.
#[derive(Debug)]
pub(super) struct RunningCheck<'r> {
    readiness: &'r ReadinessChecks,
    is_compared: bool,
}

impl ReadinessChecks {
    /// Whether an earlier check has been running for too long at `now`.
    pub(super) fn hangs(&self, now: Moment) -> bool {
        self.began().is_some_and(|began| now.since(began) >= LIMIT)
    }

    /// Begins a check.
    pub(super) fn begin(&self, now: Moment) -> RunningCheck<'_> {
        let mut began = self.began();
        let is_compared = began.is_none();
        began.get_or_insert(now);
        RunningCheck { readiness: self, is_compared }
    }

    fn began(&self) -> MutexGuard<'_, Option<Moment>> {
        self.began.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RunningCheck<'_> {
    fn drop(&mut self) {
        if self.is_compared {
            *self.readiness.began() = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_hangs_after_two_seconds_until_it_ends() {
        let (readiness, start) = (ReadinessChecks::default(), Moment::now());
        assert!(!readiness.hangs(start + LIMIT), "none is running");
        let first = readiness.begin(start);
        let second = readiness.begin(start + LIMIT / 2);
        drop(second);
        assert!(!readiness.hangs(start + LIMIT / 2));
        assert!(readiness.hangs(start + LIMIT), "the first is still running");
        drop(first);
        assert!(!readiness.hangs(start + LIMIT * 2));
        let _third = readiness.begin(start + LIMIT * 2);
        assert!(!readiness.hangs(start + LIMIT * 2) && readiness.hangs(start + LIMIT * 3));
    }
}
