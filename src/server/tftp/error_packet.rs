//! Maps the errors of the folder to TFTP error packets, in one place.

use crate::folder::{Error, PathError};
use crate::tftp::error::{ErrorCode, Fault};

/// Why a file cannot be read.
pub fn of_read_error(error: &Error) -> Fault {
    match error {
        Error::NotFound | Error::NotDirectory => fault(ErrorCode::FileNotFound, &Error::NotFound),
        other => of(other),
    }
}

/// Why a file cannot be taken in.
pub fn of_write_error(error: &Error) -> Fault {
    match error {
        // A name that is not shared; where nothing is, a file can be.
        Error::NotFound | Error::NotDirectory => fault(ErrorCode::AccessViolation, error),
        other => of(other),
    }
}

/// A name that names nothing.
pub fn of_path_error(error: PathError) -> Fault {
    fault(ErrorCode::AccessViolation, &error)
}

/// A directory was asked for by the name of a file.
pub fn is_directory() -> Fault {
    let text = "that is a directory (append a slash to get its listing)";
    Fault::new(ErrorCode::AccessViolation, text)
}

fn of(error: &Error) -> Fault {
    let code = match error {
        Error::NotFound => ErrorCode::FileNotFound,
        Error::Denied | Error::ReadOnly | Error::IsDirectory | Error::NotDirectory => {
            ErrorCode::AccessViolation
        }
        Error::Exists => ErrorCode::FileAlreadyExists,
        Error::TooLarge { .. } | Error::NoSpace => ErrorCode::DiskFull,
        Error::Changed | Error::Replaced => ErrorCode::NotDefined,
        Error::Io(error) => {
            log::error!("cannot access the shared folder: {error}");
            return Fault::new(ErrorCode::NotDefined, "internal error; see the server's log");
        }
    };
    fault(code, error)
}

fn fault(code: ErrorCode, error: &impl ToString) -> Fault {
    Fault::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_code_both_ways() {
        let table = [
            ("missing, hidden", Error::NotFound, 1, 2),
            ("below a file", Error::NotDirectory, 1, 2),
            ("permissions", Error::Denied, 2, 2),
            ("read-only", Error::ReadOnly, 2, 2),
            ("a directory", Error::IsDirectory, 2, 2),
            ("the name is taken", Error::Exists, 6, 6),
            ("too large", Error::TooLarge { limit: 7 }, 3, 3),
            ("full", Error::NoSpace, 3, 3),
            ("another directory by now", Error::Replaced, 0, 0),
            ("a broken disk", Error::Io(std::io::Error::other("broken")), 0, 0),
        ];
        for (name, error, reading, writing) in table {
            let codes = (of_read_error(&error).code.number(), of_write_error(&error).code.number());
            assert_eq!(codes, (reading, writing), "{name}");
        }
    }
}
