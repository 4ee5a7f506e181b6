//! Error responses. All errors of the folder are mapped to a status here.

use std::io;

use rustix::io::Errno;

use crate::folder::Error;
use crate::http::status::Status;
use crate::server::response::Response;

/// When to retry if descriptors are short, in seconds: the minimum time for which an idle connection is kept.
const RETRY_AFTER: u32 = 5;

/// When to retry if the shared folder was replaced, in seconds: the server notices the replacement within one second.
const FOLLOWED_AFTER: u32 = 2;

/// When to retry if a file could not be opened because it was replaced each time, in seconds.
const REPLACED_AFTER: u32 = 1;

/// When to retry if the server is shutting down, in seconds.
const RESTARTED_AFTER: u32 = 5;

/// When to retry if the store of sessions, tokens and links does not respond, in seconds.
#[cfg(feature = "accounts")]
const STORED_AFTER: u32 = 2;

/// The response to this error, with a line that says what to do.
pub(super) fn of(error: &Error) -> Response {
    let status = match error {
        Error::NotFound => Status::NOT_FOUND,
        Error::BadName => Status::BAD_REQUEST,
        Error::Litter => Status::LOCKED,
        Error::Denied
        | Error::ReadOnly
        | Error::ReadOnlyDisk
        | Error::Mounted
        | Error::NoRight(_)
        | Error::OntoItself => Status::FORBIDDEN,
        Error::Unauthenticated => Status::UNAUTHORIZED,
        Error::IsDirectory
        | Error::NotDirectory
        | Error::NoParent
        | Error::ParentGone
        | Error::TreeChanged
        | Error::Exists
        | Error::CannotKeep
        | Error::CannotRestore
        | Error::IntoItself
        | Error::CannotCopy
        | Error::TooDeep => Status::CONFLICT,
        Error::Changed => Status::PRECONDITION_FAILED,
        Error::TooLarge { .. } | Error::TreeTooLarge { .. } => Status::CONTENT_TOO_LARGE,
        Error::NoSpace | Error::TooLargeForTrash { .. } | Error::TrashFull { .. } => {
            Status::INSUFFICIENT_STORAGE
        }
        Error::Replaced => {
            let answer = Response::text(Status::SERVICE_UNAVAILABLE, format_args!("{error}\n"));
            return answer.with("Retry-After", FOLLOWED_AFTER);
        }
        Error::Io(error) => return of_io_error(error),
    };
    Response::text(status, format_args!("{error}\n"))
}

/// The response if another machine, on a network file system, replaces the file again and again.
pub(super) fn being_replaced() -> Response {
    let text = "the file is being replaced by another server; try again\n";
    Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", REPLACED_AFTER)
}

/// The response to a session, a token or a link that cannot be judged or changed now, because the store that several servers
/// share does not respond, or refuses.
#[cfg(feature = "accounts")]
pub(super) fn records_unavailable() -> Response {
    let text = "sessions, tokens and links cannot be checked or changed now, because of their store (try again later)\n";
    Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", STORED_AFTER)
}

/// The response to a request that the server aborts because it is shutting down.
pub(super) fn shutting_down() -> Response {
    let text = "the server is shutting down\n";
    Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", RESTARTED_AFTER)
}

/// Why clients may not stop a server without `--allow-exit`.
pub(super) const EXIT_DISABLED: &str = "remote shutdown is disabled (start the server with --allow-exit)";

/// The response to a client that may not stop the server.
pub(super) fn exit_disabled() -> Response {
    Response::text(Status::FORBIDDEN, format_args!("{EXIT_DISABLED}\n"))
}

/// A system error that does not depend on the file. A shortage of descriptors is temporary.
fn of_io_error(error: &io::Error) -> Response {
    log::error!("cannot access the shared folder: {error}");
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => {
            let text = "too many open files; try again later\n";
            Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", RETRY_AFTER)
        }
        Some(Errno::STALE) => being_replaced(),
        _ => Response::text(Status::INTERNAL_SERVER_ERROR, "internal error; see the server's log\n"),
    }
}

/// Like [`of`], for reading: a path that goes through a file does not exist, nor does a name that the file system does not
/// allow.
pub(super) fn of_read_error(error: &Error) -> Response {
    match error {
        Error::NotDirectory | Error::IsDirectory | Error::BadName => of(&Error::NotFound),
        other => of(other),
    }
}

/// The response to a path that does not exist.
pub(super) fn not_found() -> Response {
    of(&Error::NotFound)
}

/// The response to a malformed request, with the reason.
pub(super) fn bad_request(why: impl std::fmt::Display) -> Response {
    Response::text(Status::BAD_REQUEST, format_args!("{why}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_errors_differ_from_permanent_ones() {
        let table = [
            ("no descriptor left", Errno::MFILE, Status::SERVICE_UNAVAILABLE),
            ("none left in the whole system", Errno::NFILE, Status::SERVICE_UNAVAILABLE),
            ("a file that is always replaced", Errno::STALE, Status::SERVICE_UNAVAILABLE),
            ("a broken disk", Errno::IO, Status::INTERNAL_SERVER_ERROR),
            ("a full disk", Errno::NOSPC, Status::INSUFFICIENT_STORAGE),
        ];
        for (name, errno, status) in table {
            assert_eq!(of(&Error::from(errno)).head.status(), status, "{name}");
        }
        assert_eq!(of(&Error::Replaced).head.status(), Status::SERVICE_UNAVAILABLE, "it is followed soon");
    }
}
