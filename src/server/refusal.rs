//! What the folder says, as statuses: the one place where they meet.

use super::answer::Answer;
use crate::folder::Error;
use crate::http::status::Status;

/// The answer that tells the client of this error, in a line that says what to do.
pub fn of(error: &Error) -> Answer {
    let status = match error {
        Error::NotFound => Status::NOT_FOUND,
        Error::Denied | Error::ReadOnly => Status::FORBIDDEN,
        Error::IsDirectory | Error::NotDirectory | Error::Exists => Status::CONFLICT,
        Error::Changed => Status::PRECONDITION_FAILED,
        Error::TooLarge { .. } => Status::CONTENT_TOO_LARGE,
        Error::NoSpace => Status::INSUFFICIENT_STORAGE,
        Error::Io(error) => {
            log::error!("the folder: {error}");
            return Answer::text(
                Status::INTERNAL_SERVER_ERROR,
                "the server could not do that; its log says why\n",
            );
        }
    };
    Answer::text(status, format_args!("{error}\n"))
}

/// As [`of`], for reading: a path that goes through a file names nothing.
pub fn of_reading(error: &Error) -> Answer {
    match error {
        Error::NotDirectory | Error::IsDirectory => of(&Error::NotFound),
        other => of(other),
    }
}

/// There is nothing of that name.
pub fn not_found() -> Answer {
    of(&Error::NotFound)
}

/// A request that makes no sense, and why.
pub fn bad_request(why: impl std::fmt::Display) -> Answer {
    Answer::text(Status::BAD_REQUEST, format_args!("{why}\n"))
}
