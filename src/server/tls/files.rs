//! The files of TLS: certificates and keys, as PEM.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::{fmt, fs, io};

use rustls::Error;

use crate::printable::Printable;

/// The largest file, in bytes: more than any chain has.
const FILE_LIMIT: u64 = 1024 * 1024;

/// Whether a file may be used: one in the shared folder may not.
pub(super) type Check = Box<dyn Fn(&Path) -> io::Result<()> + Send + Sync>;

/// A file as it was last seen. `None`: it cannot be found.
pub(super) type Stamp = Option<(u64, u64, i64, i64, u64)>;

/// Why TLS cannot be set up: one line.
#[derive(Debug)]
pub struct TlsSetupError(String);

impl TlsSetupError {
    /// About this file, which is of this kind.
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

/// What a file is now.
pub(super) fn stamp(path: &Path) -> Stamp {
    let facts = fs::metadata(path).ok()?;
    Some((facts.dev(), facts.ino(), facts.mtime(), facts.mtime_nsec(), facts.size()))
}

/// An error if a file may not be used.
pub(super) fn ensure_usable(path: &Path, check: &Check) -> io::Result<()> {
    let name = Printable::path(path);
    check(path).map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))
}

/// Reads a file that is not in the shared folder.
pub(super) fn read(path: &Path, check: &Check) -> Result<Vec<u8>, String> {
    let file = check(path).and_then(|()| fs::metadata(path));
    let size = file.map_err(|error| reason(&error))?.len();
    if size > FILE_LIMIT {
        return Err(format!("it has {size} bytes, more than a certificate or key"));
    }
    let bytes = fs::read(path).map_err(|error| reason(&error))?;
    let is_pem = bytes.windows(11).any(|window| window == b"-----BEGIN ");
    if is_pem {
        Ok(bytes)
    } else {
        Err("it is not PEM (convert it with openssl, from DER or PKCS #12)".to_owned())
    }
}

/// What a system error means here.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied (this user must be able to read it)".to_owned(),
        _ => error.to_string(),
    }
}
