//! The files of TLS: certificates and keys, as PEM.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::{fmt, fs, io};

use rustix::fs::{Mode, OFlags};
use rustls::Error;

use crate::printable::Printable;
use crate::server::watched_file::Check;

/// The maximum size of a file, in bytes: larger than any chain.
const FILE_LIMIT: u64 = 1024 * 1024;

/// Why TLS cannot be set up: one line.
#[derive(Debug)]
pub struct TlsSetupError(String);

impl TlsSetupError {
    /// An error whose text needs no context.
    pub(super) fn line(error: &dyn fmt::Display) -> Self {
        Self(error.to_string())
    }

    /// An error about this file, with its kind.
    pub(super) fn of(kind: &str, path: &Path, why: impl fmt::Display) -> Self {
        Self(format!("cannot use the {kind} {}: {why}", Printable::path(path)))
    }

    /// An error of the library.
    pub(super) fn library(error: &Error) -> Self {
        Self(format!("cannot set up TLS: {error}"))
    }
}

impl fmt::Display for TlsSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsSetupError {}

/// Fails if a file may not be used.
pub(super) fn ensure_usable(path: &Path, check: &Check) -> io::Result<()> {
    let name = Printable::path(path);
    check(path).map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))
}

/// Reads a file, which must not be in the shared folder.
pub(super) fn read(path: &Path, check: &Check) -> Result<Vec<u8>, String> {
    let (file, facts) = open(path).map_err(|error| reason(&error))?;
    if !facts.is_file() {
        return Err("it is not a regular file (it is read again when it changes)".to_owned());
    }
    check(path).map_err(|error| reason(&error))?;
    if facts.len() > FILE_LIMIT {
        return Err(format!("it has {} bytes, more than a certificate or key", facts.len()));
    }
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
    let is_pem = bytes.windows(11).any(|window| window == b"-----BEGIN ");
    if is_pem {
        Ok(bytes)
    } else {
        Err("it is not PEM (convert it with openssl, from DER or PKCS #12)".to_owned())
    }
}

/// Opens a file. If the file is a pipe, this does not wait for a writer: the thread that reads certificates again has
/// other work.
fn open(path: &Path) -> io::Result<(File, fs::Metadata)> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let facts = file.metadata()?;
    Ok((file, facts))
}

/// What a system error means here.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied (this user must be able to read it)".to_owned(),
        _ => error.to_string(),
    }
}
