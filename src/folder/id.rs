//! The id of a shared folder: it identifies what the server keeps for the folder elsewhere.
//!
//! It is random, and stored in `.wharf/id`, so it moves with the folder. Where that cannot be written, a hash
//! of the folder's path is the id.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::root::{OWN, Root};
use super::shared::Shared;
use crate::durable::whole;

const NAME: &str = "id";

const BYTES: usize = 16;

/// How often the creation is tried. Another server may remove the directory each time, as long as it is empty.
const TRIES: usize = 16;

/// The id of a folder: 32 hexadecimal digits, so that it can be a file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderId([u8; BYTES]);

impl FolderId {
    /// The id of this directory. If the directory has no id, and may be written, these bytes become its id.
    pub(super) fn of(shared: &Shared, random: [u8; BYTES]) -> io::Result<Self> {
        match read(&shared.root) {
            Ok(Some(id)) => return Ok(id),
            Ok(None) => log::warn!("{OWN}/{NAME} is not an id (remove it, and the folder gets a new one)"),
            Err(Errno::NOENT) if !shared.rules.read_only => {
                if let Some(id) = create(&shared.root, Self(random)) {
                    return Ok(id);
                }
            }
            Err(_) => {}
        }
        Ok(Self::of_path(&shared.path().canonicalize()?))
    }

    fn of_path(path: &Path) -> Self {
        let mut bytes = [0; BYTES];
        let sum = Sha256::digest(path.as_os_str().as_bytes());
        bytes.iter_mut().zip(sum).for_each(|(to, from)| *to = from);
        Self(bytes)
    }

    /// Parses an id in exactly the form that `Display` writes.
    fn parse(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok().filter(|text| text.len() == 2 * BYTES)?;
        let id = Self(u128::from_str_radix(text, 16).ok()?.to_be_bytes());
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for FolderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The id in the file; `None` if the file contains anything else.
fn read(root: &Root) -> Result<Option<FolderId>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match root.own(OWN).and_then(|dir| openat(dir, NAME, flags, Mode::empty())) {
        Err(Errno::LOOP) => return Ok(None),
        other => File::from(other?),
    };
    let mut text = Vec::new();
    // One byte more than an id and a line end.
    match file.take(2 * BYTES as u64 + 2).read_to_end(&mut text) {
        Ok(_) => Ok(FolderId::parse(text.strip_suffix(b"\n").unwrap_or(&text))),
        Err(_) => Ok(None),
    }
}

/// Writes the id, unless another server was faster: then returns the id that the other has written. `None` if
/// it cannot be written.
fn create(root: &Root, id: FolderId) -> Option<FolderId> {
    let text = format!("{id}\n");
    for _ in 0..TRIES {
        let dir = root.make_own(OWN).and_then(|()| root.own(OWN)).map_err(io::Error::from);
        match dir.and_then(|dir| whole::create(dir, OsStr::new(NAME), text.as_bytes())) {
            Ok(()) => return Some(id),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return read(root).ok()?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(_) => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_written_form() {
        let id = FolderId([0, 1, 0xab, 0xff, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        let text = id.to_string();
        assert_eq!(text, "0001abff0405060708090a0b0c0d0e0f");
        assert_eq!(FolderId::parse(text.as_bytes()), Some(id));
        let wrong = ["", "0001ABFF0405060708090a0b0c0d0e0f", &text[1..], "../../../../../../../../../x/y/z"];
        for text in wrong.into_iter().chain(["+001abff0405060708090a0b0c0d0e0f"]) {
            assert_eq!(FolderId::parse(text.as_bytes()), None, "{text}");
        }
    }
}
