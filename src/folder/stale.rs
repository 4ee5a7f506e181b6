//! `ESTALE`: on a network file system, the directory or file of a handle was replaced, or the server has forgotten it.
//!
//! If the path is resolved again from the folder's own handle, that usually finds the file that has the name now. So
//! every operation that begins at the folder's handle is retried.

use super::Error;
use rustix::io::Errno;
use std::io;

/// How often an operation is retried. A directory that is being replaced needs one or two retries; more than this means
/// that the folder itself is gone.
const RETRIES: usize = 8;

/// An error that may be `ESTALE`.
pub(super) trait MayBeStale {
    fn is_stale(&self) -> bool;
}

impl MayBeStale for Errno {
    fn is_stale(&self) -> bool {
        *self == Self::STALE
    }
}

impl MayBeStale for io::Error {
    fn is_stale(&self) -> bool {
        Errno::from_io_error(self) == Some(Errno::STALE)
    }
}

impl MayBeStale for Error {
    fn is_stale(&self) -> bool {
        matches!(self, Self::Io(error) if error.is_stale())
    }
}

/// Runs the operation, and retries it while it fails with `ESTALE`. It must resolve its paths anew each time.
pub(super) fn retry<T, E: MayBeStale>(mut operation: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    for _ in 0..RETRIES {
        match operation() {
            Err(error) if error.is_stale() => {}
            other => return other,
        }
    }
    operation()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stale_handle_is_retried_and_a_limited_number_of_times() {
        let table = [
            ("never stale", 0, Errno::STALE, Ok(1)),
            ("stale once", 1, Errno::STALE, Ok(2)),
            ("stale as often as allowed", RETRIES, Errno::STALE, Ok(RETRIES + 1)),
            ("stale forever", RETRIES + 1, Errno::STALE, Err(Errno::STALE)),
            ("another error", 1, Errno::IO, Err(Errno::IO)),
        ];
        for (case, failures, error, expected) in table {
            let mut calls = 0;
            let outcome = retry(|| {
                calls += 1;
                if calls <= failures { Err(error) } else { Ok(calls) }
            });
            assert_eq!(outcome, expected, "{case}");
        }
    }

    #[test]
    fn estale_is_recognised_in_every_type_of_error() {
        assert!(Errno::STALE.is_stale());
        assert!(io::Error::from(Errno::STALE).is_stale());
        assert!(Error::from(Errno::STALE).is_stale());
        assert!(!Error::from(Errno::IO).is_stale() && !Error::NotFound.is_stale());
    }
}
