//! Maps errors of the folder to TFTP error packets.

use crate::folder::Error;
use crate::path::PathError;
use crate::server::intent::ChangeRefused;
use crate::tftp::error::{ErrorCode, Fault};

/// The error for a read request.
pub(super) fn of_read_error(error: &Error) -> Fault {
    match error {
        Error::NotFound | Error::NotDirectory | Error::BadName => {
            fault(ErrorCode::FileNotFound, &Error::NotFound)
        }
        other => of(other),
    }
}

/// The error for a write request.
pub(super) fn of_write_error(error: &Error) -> Fault {
    match error {
        // The name is not shared; a name that is merely free could be written.
        Error::NotFound | Error::NotDirectory => fault(ErrorCode::AccessViolation, error),
        other => of(other),
    }
}

/// The error for an invalid name.
pub(super) fn of_path_error(error: PathError) -> Fault {
    fault(ErrorCode::AccessViolation, &error)
}

/// The error for every write, if none is allowed.
pub(super) fn is_read_only() -> Fault {
    let text = "this server takes no files over TFTP (use HTTP)";
    Fault::new(ErrorCode::AccessViolation, text)
}

/// The error if a directory is requested by a file's name.
pub(super) fn is_directory() -> Fault {
    let text = "that is a directory (append a slash to get its listing)";
    Fault::new(ErrorCode::AccessViolation, text)
}

/// The error if a client of WebDAV has locked the file, or if that cannot be found out.
pub(super) fn of_refusal(refused: &ChangeRefused) -> Fault {
    match refused {
        ChangeRefused::Locked => {
            let text = "another client has locked that file (wait until its lock ends)";
            Fault::new(ErrorCode::AccessViolation, text)
        }
        ChangeRefused::Folder(error) => of_write_error(error),
    }
}

fn of(error: &Error) -> Fault {
    let code = match error {
        Error::NotFound => ErrorCode::FileNotFound,
        Error::BadName
        | Error::Litter
        | Error::Denied
        | Error::ReadOnly
        | Error::ReadOnlyDisk
        | Error::Mounted
        | Error::NoRight(_)
        | Error::IsDirectory
        | Error::NotDirectory
        | Error::NoParent
        | Error::OntoItself
        | Error::IntoItself
        | Error::CannotCopy
        | Error::TooDeep
        | Error::CannotKeep
        | Error::CannotRestore => ErrorCode::AccessViolation,
        Error::Exists => ErrorCode::FileAlreadyExists,
        Error::TooLarge { .. }
        | Error::TreeTooLarge { .. }
        | Error::NoSpace
        | Error::TooLargeForTrash { .. }
        | Error::TrashFull { .. } => ErrorCode::DiskFull,
        Error::Changed | Error::Replaced | Error::ParentGone | Error::TreeChanged => ErrorCode::NotDefined,
        // TFTP has no credentials.
        Error::Unauthenticated => {
            let text = "this needs an account, and TFTP has none (use HTTP)";
            return Fault::new(ErrorCode::AccessViolation, text);
        }
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
    use crate::access::Rights;

    #[test]
    fn each_error_has_a_code_for_reads_and_writes() {
        let table = [
            ("missing, hidden", Error::NotFound, 1, 2),
            ("below a file", Error::NotDirectory, 1, 2),
            ("no parent", Error::NoParent, 2, 2),
            ("permissions", Error::Denied, 2, 2),
            ("read-only", Error::ReadOnly, 2, 2),
            ("a right is missing", Error::NoRight(Rights::VIEW), 2, 2),
            ("only users may", Error::Unauthenticated, 2, 2),
            ("a directory", Error::IsDirectory, 2, 2),
            ("the name is taken", Error::Exists, 6, 6),
            ("too large", Error::TooLarge { limit: 7 }, 3, 3),
            ("full", Error::NoSpace, 3, 3),
            ("a small trash", Error::TooLargeForTrash { limit: 7 }, 3, 3),
            ("no trash there", Error::CannotKeep, 2, 2),
            ("another directory by now", Error::Replaced, 0, 0),
            ("a broken disk", Error::Io(std::io::Error::other("broken")), 0, 0),
        ];
        for (name, error, reading, writing) in table {
            let codes = (of_read_error(&error).code.number(), of_write_error(&error).code.number());
            assert_eq!(codes, (reading, writing), "{name}");
        }
        assert!(
            of_read_error(&Error::Unauthenticated).message.contains("use HTTP"),
            "nobody can log in over TFTP"
        );
    }
}
