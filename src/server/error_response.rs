//! Error responses. All errors of the folder are mapped to a status here.

use std::io;

use rustix::io::Errno;

use super::answer::Answer;
use crate::folder::Error;
use crate::http::status::Status;

/// When to retry if descriptors are short, in seconds: as long as an idle connection is kept at least.
const RETRY_AFTER: u32 = 5;

/// When to retry if the shared folder was replaced, in seconds: the server follows within one.
const FOLLOWED_AFTER: u32 = 2;

/// The response to this error, with a line that says what to do.
pub fn of(error: &Error) -> Answer {
    let status = match error {
        Error::NotFound => Status::NOT_FOUND,
        Error::Denied | Error::ReadOnly => Status::FORBIDDEN,
        Error::IsDirectory | Error::NotDirectory | Error::Exists => Status::CONFLICT,
        Error::Changed => Status::PRECONDITION_FAILED,
        Error::TooLarge { .. } => Status::CONTENT_TOO_LARGE,
        Error::NoSpace => Status::INSUFFICIENT_STORAGE,
        Error::Replaced => {
            let answer = Answer::text(Status::SERVICE_UNAVAILABLE, format_args!("{error}\n"));
            return answer.with("Retry-After", FOLLOWED_AFTER);
        }
        Error::Io(error) => return of_io_error(error),
    };
    Answer::text(status, format_args!("{error}\n"))
}

/// A system error that does not depend on the file. A shortage of descriptors passes.
fn of_io_error(error: &io::Error) -> Answer {
    log::error!("cannot access the shared folder: {error}");
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => {
            let text = "too many open files; try again later\n";
            Answer::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", RETRY_AFTER)
        }
        _ => Answer::text(Status::INTERNAL_SERVER_ERROR, "internal error; see the server's log\n"),
    }
}

/// As [`of`], for reading: a path that goes through a file does not exist.
pub fn of_read_error(error: &Error) -> Answer {
    match error {
        Error::NotDirectory | Error::IsDirectory => of(&Error::NotFound),
        other => of(other),
    }
}

/// The response to a path that does not exist.
pub fn not_found() -> Answer {
    of(&Error::NotFound)
}

/// A page of another site tried to change something, or the server does not know the name by which a proxy serves it.
pub fn cross_site() -> Answer {
    let text = "a page of another site must not write here; behind a proxy with TLS, wharf serve --host NAME gives the \
                server the name that is in the address bar\n";
    Answer::text(Status::FORBIDDEN, text)
}

/// A malformed request, with the reason.
pub fn bad_request(why: impl std::fmt::Display) -> Answer {
    Answer::text(Status::BAD_REQUEST, format_args!("{why}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_errors_differ_from_permanent_ones() {
        let table = [
            ("no descriptor left", Errno::MFILE, Status::SERVICE_UNAVAILABLE),
            ("none left in the whole system", Errno::NFILE, Status::SERVICE_UNAVAILABLE),
            ("a broken disk", Errno::IO, Status::INTERNAL_SERVER_ERROR),
            ("a full disk", Errno::NOSPC, Status::INSUFFICIENT_STORAGE),
        ];
        for (name, errno, status) in table {
            assert_eq!(of(&Error::from(errno)).head.status(), status, "{name}");
        }
        assert_eq!(of(&Error::Replaced).head.status(), Status::SERVICE_UNAVAILABLE, "it is followed soon");
    }
}
