//! The errors of the folder.
//!
//! System errors are converted in one place, below. HTTP and TFTP convert them further, to a status or an error code.

use rustix::io::Errno;
use std::path::PathBuf;
use std::time::SystemTime;
use std::{fmt, io};

use crate::access::{Denied, Rights};

/// Why something in the folder was not opened, listed or saved.
#[derive(Debug)]
pub enum Error {
    /// The name does not exist or is not shared: hidden, reserved, a device, a link that leads out.
    /// All of these look alike, so the response reveals nothing.
    NotFound,
    /// An operating system has left a file of that name behind, and such files are not saved here.
    Litter,
    /// The file system does not allow the name: it is too long there, or has bytes that it cannot have.
    BadName,
    /// The file system's permissions forbid it.
    Denied,
    /// The folder is shared read-only.
    ReadOnly,
    /// The file system is mounted read-only: the folder's, or one that is mounted in it.
    ReadOnlyDisk,
    /// A mount point would be moved, removed or replaced.
    Mounted,
    /// The principal has none of these rights there.
    NoRight(Rights),
    /// Only users have the right, and the client has not logged in as one.
    Unauthenticated,
    /// A file cannot replace a directory.
    IsDirectory,
    /// A parent in the path is a file.
    NotDirectory,
    /// The directory for a new directory does not exist.
    NoParent,
    /// The directory of the destination was moved, replaced or removed while something was saved, copied or moved there.
    ParentGone,
    /// The directory that is being copied was moved, or directories in it have other entries than when they were read.
    TreeChanged,
    /// Something would be moved or copied to where it already is.
    OntoItself,
    /// Something would be moved or copied into itself, or over the directory that it is in.
    IntoItself,
    /// It is neither a file nor a directory nor a link, and cannot be copied to another file system.
    CannotCopy,
    /// The name is taken, and the principal may not replace the file, or the folder's rule is
    /// [`OnConflict::Refuse`](super::OnConflict::Refuse).
    Exists,
    /// The [`Guard`](super::Guard) failed: the file has changed.
    Changed,
    /// The folder's path no longer names the directory that the upload began in. Nothing was saved.
    Replaced,
    /// An upload over [`Rules::max_upload`](super::Rules::max_upload).
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A copy of a directory over [`Rules::max_upload`](super::Rules::max_upload).
    TreeTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A path in a directory that is copied, or moved to another file system, is longer than any path may be.
    TooDeep,
    /// The file system or the quota is full, or the file is larger than they allow.
    NoSpace,
    /// The trash is on, but the file system cannot keep a file that is replaced.
    CannotKeep,
    /// Nothing can be moved from the trash to where it was: that is on another file system now.
    CannotRestore,
    /// The trash is too small for what would be removed or replaced.
    TooLargeForTrash {
        /// How much of one client's the trash may hold, in bytes.
        limit: u64,
    },
    /// There is no space left, or the trash may not become larger, and everything in it is too young to be discarded.
    TrashFull {
        /// How much the trash holds, in bytes; of this client, if the limit is for each client.
        bytes: u64,
        /// The limit that is reached.
        bound: TrashBound,
        /// When the oldest entry is old enough to be discarded.
        makes_room: SystemTime,
    },
    /// Any other system error.
    Io(io::Error),
}

/// A limit of the trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrashBound {
    /// The space on the disk.
    Disk,
    /// This many bytes: [`Rules::trash_size`](super::Rules::trash_size).
    Size(u64),
    /// The number of its entries.
    Entries,
    /// The number of entries that one client may have.
    Share,
    /// This many bytes of one client: a part of [`Rules::trash_size`](super::Rules::trash_size).
    ShareSize(u64),
}

impl TrashBound {
    /// Whether the limit is for each client.
    pub(super) fn is_of_one(self) -> bool {
        matches!(self, Self::Share | Self::ShareSize(_))
    }
}

impl Error {
    /// The same error, for the source of a move or copy: a source whose path goes through a file does not exist, nor does a
    /// source whose name cannot exist.
    pub(super) fn of_source(self) -> Self {
        match self {
            Self::NotDirectory | Self::BadName => Self::NotFound,
            error => error,
        }
    }
}

impl From<io::Error> for Error {
    /// The only place where system errors are converted.
    fn from(error: io::Error) -> Self {
        let Some(errno) = Errno::from_io_error(&error) else {
            return without_number(error);
        };
        match errno {
            // NXIO and NODEV stand for sockets and devices.
            Errno::NOENT | Errno::LOOP | Errno::NXIO | Errno::NODEV => Self::NotFound,
            Errno::NAMETOOLONG | Errno::ILSEQ => Self::BadName,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            Errno::ROFS => Self::ReadOnlyDisk,
            Errno::ISDIR => Self::IsDirectory,
            Errno::NOTDIR => Self::NotDirectory,
            Errno::EXIST => Self::Exists,
            // A mount point can be neither renamed nor replaced.
            Errno::BUSY => Self::Mounted,
            Errno::NOSPC | Errno::DQUOT | Errno::FBIG => Self::NoSpace,
            _ => Self::Io(error),
        }
    }
}

/// The error of cap-std for a path that leads out of the folder, which has no errno.
fn without_number(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound => Error::NotFound,
        _ => Error::Io(error),
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::ReadOnly => Self::ReadOnly,
            Denied::NoRight(rights) => Self::NoRight(rights),
            Denied::Hidden => Self::NotFound,
            Denied::Unauthenticated => Self::Unauthenticated,
        }
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        io::Error::from(errno).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is nothing of that name"),
            Self::Litter => f.write_str("files of that name, which operating systems leave behind, are not saved here"),
            Self::BadName => f.write_str("the file system does not allow that name (choose a shorter one)"),
            Self::Denied => f.write_str("the file's permissions forbid it"),
            Self::ReadOnly => f.write_str("the folder is shared read-only"),
            Self::ReadOnlyDisk => f.write_str("the file system there is mounted read-only"),
            Self::Mounted => f.write_str("a file system is mounted there (the server's administrator may unmount it)"),
            Self::NoRight(rights) => {
                write!(f, "permission denied: this needs the right {rights} (ask the server's administrator)")
            }
            Self::Unauthenticated => f.write_str("log in first: this needs an account"),
            Self::IsDirectory => f.write_str("a directory has that name (choose another name)"),
            Self::NotDirectory => f.write_str("a part of the path is a file, not a directory"),
            Self::NoParent => f.write_str("its parent directory does not exist (create that one first)"),
            Self::ParentGone => {
                f.write_str("the directory of the destination was moved or removed in the meantime (try again)")
            }
            Self::TreeChanged => f.write_str("the directory changed while it was being copied (try again)"),
            Self::OntoItself => f.write_str("the source and the destination are the same (choose another name)"),
            Self::IntoItself => {
                f.write_str("the source is inside the destination, or the destination inside the source (choose another directory)")
            }
            Self::CannotCopy => {
                f.write_str("it has something other than files, directories and links, which cannot be copied to another file system")
            }
            Self::Exists => {
                f.write_str("a file of that name exists, and may not be replaced (choose another name)")
            }
            Self::Changed => f.write_str("the file has changed in the meantime (check it again)"),
            Self::Replaced => {
                f.write_str("the shared folder has been moved or replaced (try again in a moment)")
            }
            Self::TooLarge { limit } => write!(f, "the file is larger than the {limit} bytes allowed"),
            Self::TreeTooLarge { limit } => write!(
                f,
                "the directory holds more than the {limit} bytes that a copy may have (the server's administrator may raise --max-upload)"
            ),
            Self::TooDeep => f.write_str("a path in the directory is too long to be copied (copy directories below it one by one)"),
            Self::NoSpace => f.write_str("there is no space left for the file"),
            Self::CannotKeep => f.write_str(
                "the file system cannot keep it in the trash (the server's administrator may turn the trash off: --trash off)",
            ),
            Self::CannotRestore => f.write_str(
                "its directory is on another file system than the trash (the server's administrator may copy it from .wharf/trash)",
            ),
            Self::TooLargeForTrash { limit } => write!(
                f,
                "it does not fit into your share of the trash, which may hold {limit} bytes (ask the server's administrator)"
            ),
            Self::TrashFull { bytes, bound, makes_room } => {
                match bound {
                    TrashBound::Disk => write!(f, "there is no space left: the trash holds {bytes} bytes"),
                    TrashBound::Size(limit) => {
                        write!(f, "the trash is full: it holds {bytes} bytes, and may hold {limit}")
                    }
                    TrashBound::Entries => {
                        write!(f, "the trash is full: it holds {bytes} bytes in too many entries")
                    }
                    TrashBound::Share => {
                        write!(f, "your share of the trash is full: it holds {bytes} bytes in too many entries")
                    }
                    TrashBound::ShareSize(limit) => {
                        write!(f, "your share of the trash is full: it holds {bytes} bytes, and may hold {limit}")
                    }
                }?;
                let makes_room = humantime::format_rfc3339_seconds(*makes_room);
                write!(f, "; its oldest entry makes room at {makes_room} (or empty the trash)")
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a folder cannot be shared at all.
#[derive(Debug)]
pub enum CannotShare {
    /// The path does not exist.
    Missing(PathBuf),
    /// The path is not a directory.
    NotDirectory(PathBuf),
    /// No permission to read or enter it.
    Denied(PathBuf),
    /// Any other system error.
    Io(PathBuf, io::Error),
}

impl CannotShare {
    pub(super) fn because(path: PathBuf, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing(path),
            io::ErrorKind::NotADirectory => Self::NotDirectory(path),
            io::ErrorKind::PermissionDenied => Self::Denied(path),
            _ => Self::Io(path, error),
        }
    }
}

impl fmt::Display for CannotShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot share ")?;
        match self {
            Self::Missing(path) => {
                write!(f, "{}: there is no such folder (create it, or name another)", path.display())
            }
            Self::NotDirectory(path) => {
                write!(f, "{}: it is not a folder (name the folder that it is in)", path.display())
            }
            Self::Denied(path) => {
                write!(
                    f,
                    "{}: no permission (it must be readable and enterable for this user)",
                    path.display()
                )
            }
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for CannotShare {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Expected = fn(&Error) -> bool;

    #[test]
    fn system_errors_are_converted() {
        let table: [(&str, io::Error, Expected); 12] = [
            ("missing", Errno::NOENT.into(), |e| matches!(e, Error::NotFound)),
            ("links in a ring", Errno::LOOP.into(), |e| matches!(e, Error::NotFound)),
            ("a socket", Errno::NXIO.into(), |e| matches!(e, Error::NotFound)),
            ("too long", Errno::NAMETOOLONG.into(), |e| matches!(e, Error::BadName)),
            ("permission", Errno::ACCESS.into(), |e| matches!(e, Error::Denied)),
            ("mounted read-only", Errno::ROFS.into(), |e| matches!(e, Error::ReadOnlyDisk)),
            ("a file as a parent", Errno::NOTDIR.into(), |e| matches!(e, Error::NotDirectory)),
            ("full", Errno::NOSPC.into(), |e| matches!(e, Error::NoSpace)),
            ("over quota", Errno::DQUOT.into(), |e| matches!(e, Error::NoSpace)),
            ("over the largest file", Errno::FBIG.into(), |e| matches!(e, Error::NoSpace)),
            ("a mount point", Errno::BUSY.into(), |e| matches!(e, Error::Mounted)),
            ("anything else", Errno::IO.into(), |e| matches!(e, Error::Io(_))),
        ];
        for (name, error, expected) in table {
            let error = Error::from(error);
            assert!(expected(&error), "{name}: {error:?}");
        }
    }

    #[test]
    fn a_path_that_leads_out_is_not_found() {
        let escape = io::Error::new(io::ErrorKind::PermissionDenied, "a path led outside");
        assert!(matches!(Error::from(escape), Error::NotFound));
    }
}
