//! Unix-domain sockets: binding and removing their names.
//!
//! A name in the file system outlives the program that bound it. A server replaces the socket that a killed server has
//! left behind. It does not replace a socket on which a server listens, nor a file that is not a socket. A socket is
//! created under a temporary name, gets its mode, listens, and is then renamed, so no client connects before it is
//! ready.
//!
//! Checking and renaming are two steps. Between servers, a lock makes them atomic, at the start and at the end of a
//! server. It is a lock on the directory, because a lock file would be left behind.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

/// The longest name of a socket, in bytes: `sun_path` holds 108 bytes, one of them a NUL, which follows a path and
/// precedes an abstract name (unix(7)).
const LONGEST_NAME: usize = 107;

/// How long another program may hold the directory's lock. A server holds it for a few system calls.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// The name of a Unix-domain socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketName {
    /// In the file system.
    Path(PathBuf),
    /// A Linux abstract name, without a file. It is written with a leading `@`, and disappears with its last socket. It
    /// has no mode: every program on this machine may connect.
    Abstract(OsString),
}

/// A name in the file system that this program has bound. When this is dropped, the name is removed if it still belongs
/// to this socket. Drop it before the socket: until the socket is closed, no other file can get its inode number.
#[derive(Debug)]
pub struct BoundPath {
    directory: OwnedFd,
    name: OsString,
    identity: Identity,
}

/// Identifies a file while it exists: device and inode.
type Identity = (u64, u64);

/// Why a name could not be bound.
#[derive(Debug)]
pub enum CannotBind {
    /// A server listens there.
    Live,
    /// The name belongs to a file that is not a socket.
    NotSocket,
    /// The name is too long; this is its length in bytes.
    TooLong(usize),
    /// The name is empty, or the path does not end with a name.
    NoName,
    /// Another program keeps the directory locked.
    Locked,
    /// Any other system error.
    Io(io::Error),
}

impl SocketName {
    /// Parses a name: a path, or `@name`.
    pub fn parse(text: &OsStr) -> Self {
        match text.as_bytes().strip_prefix(b"@") {
            Some(rest) => Self::Abstract(OsString::from_vec(rest.to_vec())),
            None => Self::Path(PathBuf::from(text)),
        }
    }

    /// The name of a socket that another process bound; an unnamed socket gets an empty path.
    pub(super) fn of(address: &std::os::unix::net::SocketAddr) -> Self {
        match (address.as_pathname(), address.as_abstract_name()) {
            (None, Some(name)) => Self::Abstract(OsString::from_vec(name.to_vec())),
            (path, _) => Self::Path(path.unwrap_or(Path::new("")).to_owned()),
        }
    }

    /// Connects to the server that listens under this name.
    pub fn connect(&self) -> io::Result<UnixStream> {
        match self {
            Self::Path(path) => UnixStream::connect(path),
            Self::Abstract(name) => {
                let address = std::os::unix::net::SocketAddr::from_abstract_name(name.as_bytes())?;
                UnixStream::connect_addr(&address)
            }
        }
    }

    /// A listening socket with this name and backlog. The mode applies only to a path.
    pub(super) fn bind(&self, mode: Mode, backlog: i32) -> Result<(Socket, Option<BoundPath>), CannotBind> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        match self {
            Self::Abstract(name) => {
                fits(name)?;
                socket.bind(&address(&[b"\0", name.as_bytes()].concat())?)?;
                socket.listen(backlog)?;
                Ok((socket, None))
            }
            Self::Path(path) => {
                let bound = BoundPath::bind(&socket, path, mode, backlog)?;
                Ok((socket, Some(bound)))
            }
        }
    }
}

impl BoundPath {
    fn bind(socket: &Socket, path: &Path, mode: Mode, backlog: i32) -> Result<Self, CannotBind> {
        fits(path.as_os_str())?;
        let name = path.file_name().ok_or(CannotBind::NoName)?.to_owned();
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(parent, flags, Mode::empty())?;
        let locked = Locked::wait(&directory)?;
        let occupied = is_stale(&directory, &name)?;
        let identity = make(socket, &directory, &temporary(&name), mode, backlog)?;
        let flags = if occupied { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        if let Err(error) = rustix::fs::renameat_with(&directory, temporary(&name), &directory, &name, flags)
        {
            let _ = rustix::fs::unlinkat(&directory, temporary(&name), AtFlags::empty());
            return Err(error.into());
        }
        drop(locked);
        Ok(Self { directory, name, identity })
    }
}

impl Drop for BoundPath {
    fn drop(&mut self) {
        let Ok(_locked) = Locked::wait(&self.directory) else { return };
        if identity(&self.directory, &self.name).is_ok_and(|found| found == self.identity) {
            let _ = rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty());
        }
    }
}

/// The temporary name of a socket. Only the server with the directory's lock uses it, so an existing one was left by a
/// server that was killed.
fn temporary(name: &OsStr) -> OsString {
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(".wharf");
    temporary
}

/// Creates the socket's file, with its mode, and listens. No client can connect before the mode is right. The mode is
/// set before binding, and again afterwards, because the umask may have removed bits.
fn make(
    socket: &Socket,
    directory: &OwnedFd,
    name: &OsStr,
    mode: Mode,
    backlog: i32,
) -> Result<Identity, CannotBind> {
    if is_socket(directory, name)? == Some(true) {
        rustix::fs::unlinkat(directory, name, AtFlags::empty())?;
    }
    rustix::fs::fchmod(socket, mode)?;
    socket.bind(&address(through(directory, name).as_os_str().as_bytes())?)?;
    rustix::fs::chmodat(directory, name, mode, AtFlags::empty())?;
    socket.listen(backlog)?;
    Ok(identity(directory, name)?)
}

/// Whether the name belongs to a socket without a server; false if the name is free.
fn is_stale(directory: &OwnedFd, name: &OsStr) -> Result<bool, CannotBind> {
    match is_socket(directory, name)? {
        None => Ok(false),
        Some(false) => Err(CannotBind::NotSocket),
        Some(true) if is_live(directory, name)? => Err(CannotBind::Live),
        Some(true) => Ok(true),
    }
}

/// Whether a file is a socket; `None` if there is no file.
fn is_socket(directory: &OwnedFd, name: &OsStr) -> io::Result<Option<bool>> {
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode) == FileType::Socket)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a server listens on a socket. Only a refused connection means that no server does. If the backlog is full,
/// or the socket has a different type, the socket is in use.
fn is_live(directory: &OwnedFd, name: &OsStr) -> io::Result<bool> {
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    let answer = probe.connect(&address(through(directory, name).as_os_str().as_bytes())?);
    match answer.as_ref().map_err(Errno::from_io_error) {
        Ok(()) | Err(Some(Errno::AGAIN | Errno::PROTOTYPE)) => Ok(true),
        Err(Some(Errno::CONNREFUSED)) => Ok(false),
        Err(_) => answer.map(|()| true),
    }
}

fn identity(directory: &OwnedFd, name: &OsStr) -> io::Result<Identity> {
    let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// A path to a name in an open directory. It is short even if the directory's own path is long, and valid even if the
/// directory moves.
fn through(directory: &OwnedFd, name: &OsStr) -> PathBuf {
    let mut path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    path.push(name);
    path
}

/// The address of these bytes: a path or (after a NUL) an abstract name.
fn address(bytes: &[u8]) -> io::Result<SockAddr> {
    SockAddr::unix(OsStr::from_bytes(bytes))
}

/// Checks the length of a name.
fn fits(name: &OsStr) -> Result<(), CannotBind> {
    match name.len() {
        0 => Err(CannotBind::NoName),
        length if length > LONGEST_NAME => Err(CannotBind::TooLong(length)),
        _ => Ok(()),
    }
}

/// The lock of a directory, held until this is dropped.
struct Locked<'a>(&'a OwnedFd);

impl<'a> Locked<'a> {
    fn wait(directory: &'a OwnedFd) -> Result<Self, CannotBind> {
        const PAUSE: Duration = Duration::from_millis(5);
        let start = Instant::now();
        loop {
            match rustix::fs::flock(directory.as_fd(), FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self(directory)),
                Err(Errno::WOULDBLOCK) if start.elapsed() < LOCK_PATIENCE => thread::sleep(PAUSE),
                Err(Errno::WOULDBLOCK) => return Err(CannotBind::Locked),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let _ = rustix::fs::flock(self.0, FlockOperation::Unlock);
    }
}

/// A path, or `@name`.
impl fmt::Display for SocketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Abstract(name) => write!(f, "@{}", name.display()),
        }
    }
}

impl From<io::Error> for CannotBind {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // An abstract name is bound in one step, which fails with this error if the name is taken.
            io::ErrorKind::AddrInUse => Self::Live,
            _ => Self::Io(error),
        }
    }
}

impl From<Errno> for CannotBind {
    fn from(errno: Errno) -> Self {
        io::Error::from(errno).into()
    }
}

impl fmt::Display for CannotBind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => f.write_str("a server already listens there (choose another name)"),
            Self::NotSocket => f.write_str("it is a file, not a socket (choose another path)"),
            Self::TooLong(length) => {
                write!(
                    f,
                    "the name has {length} bytes, more than the {LONGEST_NAME} allowed (choose a shorter one)"
                )
            }
            Self::NoName => {
                f.write_str("the path does not end with a name (name the socket, not its directory)")
            }
            Self::Locked => {
                f.write_str("another program keeps its directory locked (choose another directory)")
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CannotBind {}

#[cfg(test)]
#[path = "unix_tests.rs"]
mod tests;
