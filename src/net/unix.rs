//! Unix-domain sockets by name: taken, given up, and never somebody else's.
//!
//! A name in the file system outlives the program that bound it. So a server that starts may find the socket of one
//! that was killed, and takes its place; it may find one that serves, and keeps away; and it may find a file that is
//! no socket at all, which it must not touch. A socket is made under a name beside the one that is wanted, with its
//! mode and already listening, and is then renamed: so nobody ever sees it otherwise.
//!
//! Looking and renaming are two steps. A lock on the directory (not on a file in it, which would be left behind)
//! makes them one among servers, at the start and at the end.

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

/// The longest name of a socket, in bytes: `sun_path` holds 108 with a NUL, behind a path or before an abstract name
/// (unix(7)).
const LONGEST_NAME: usize = 107;

/// How long another program may hold the directory's lock. A server holds it for some system calls.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// The name of a Unix-domain socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketName {
    /// In the file system.
    Path(PathBuf),
    /// Linux's own kind, without a file: written with an `@` before it, and gone with its last user. It has no mode:
    /// every program of this machine may connect.
    Abstract(OsString),
}

/// A name in the file system that this program has bound. Dropped, it is removed, if it is still ours. It must be
/// dropped before its socket: until then the system cannot give the file's number to another.
#[derive(Debug)]
pub struct BoundPath {
    directory: OwnedFd,
    name: OsString,
    identity: Identity,
}

/// What tells a file from all others while it exists: device and inode.
type Identity = (u64, u64);

/// Why a name could not be bound.
#[derive(Debug)]
pub enum CannotBind {
    /// Somebody serves there.
    Live,
    /// It is a file, and not a socket.
    NotSocket,
    /// It is this long, in bytes.
    TooLong(usize),
    /// There is no name at all, or the path ends in none.
    NoName,
    /// Another program has locked the directory and does not let go.
    Locked,
    /// Anything else that the system said.
    Io(io::Error),
}

impl SocketName {
    /// Reads a name: a path, or `@name`.
    pub fn parse(text: &OsStr) -> Self {
        match text.as_bytes().strip_prefix(b"@") {
            Some(rest) => Self::Abstract(OsString::from_vec(rest.to_vec())),
            None => Self::Path(PathBuf::from(text)),
        }
    }

    /// The name of a socket that somebody else bound; one without a name counts as an empty path.
    pub(super) fn of(address: &std::os::unix::net::SocketAddr) -> Self {
        match (address.as_pathname(), address.as_abstract_name()) {
            (None, Some(name)) => Self::Abstract(OsString::from_vec(name.to_vec())),
            (path, _) => Self::Path(path.unwrap_or(Path::new("")).to_owned()),
        }
    }

    /// Connects to whoever listens under this name.
    pub fn connect(&self) -> io::Result<UnixStream> {
        match self {
            Self::Path(path) => UnixStream::connect(path),
            Self::Abstract(name) => {
                let address = std::os::unix::net::SocketAddr::from_abstract_name(name.as_bytes())?;
                UnixStream::connect_addr(&address)
            }
        }
    }

    /// A socket of this name that listens, with room for so many who wait. The mode is for a path only.
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

/// The name under which a socket is made. Whoever holds the directory's lock may use it, so what is found there was
/// left by a server that was killed.
fn temporary(name: &OsStr) -> OsString {
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(".wharf");
    temporary
}

/// Makes the socket's file, with its mode, and listens. Nobody can connect before the mode is right: its bits are
/// set before it is bound (the umask can then only take some away) and once more after that.
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

/// Whether the name is that of a socket at which nobody serves any more; not if there is nothing.
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

/// Whether somebody listens at a socket. Only a refusal says that nobody does; where the backlog is full, or the
/// socket is of another kind, somebody is there.
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

/// A path to a name in an open directory: short, whatever the directory's path, and right even if that changes.
fn through(directory: &OwnedFd, name: &OsStr) -> PathBuf {
    let mut path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    path.push(name);
    path
}

/// The address that these bytes are, a path or (after a NUL) an abstract name.
fn address(bytes: &[u8]) -> io::Result<SockAddr> {
    SockAddr::unix(OsStr::from_bytes(bytes))
}

/// Whether the system has room for a name, and there is one.
fn fits(name: &OsStr) -> Result<(), CannotBind> {
    match name.len() {
        0 => Err(CannotBind::NoName),
        length if length > LONGEST_NAME => Err(CannotBind::TooLong(length)),
        _ => Ok(()),
    }
}

/// A directory that is locked until this is dropped.
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

/// As it is written: a path, or `@name`.
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
            // An abstract name is bound in one step, so this is how it tells.
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
            Self::Live => f.write_str("somebody listens there"),
            Self::NotSocket => f.write_str("it is a file, and not a socket (name another path)"),
            Self::TooLong(length) => {
                write!(f, "the name has {length} bytes, and {LONGEST_NAME} is the most (take a shorter one)")
            }
            Self::NoName => f.write_str("it ends in no name (name the socket, not its directory)"),
            Self::Locked => f.write_str("another program has locked its directory (name one of your own)"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CannotBind {}

#[cfg(test)]
#[path = "unix_tests.rs"]
mod tests;
