//! The real path of a handle in the folder, and what the principal may do there.
//!
//! Links lead from one path to another, and so do different spellings that some file systems treat as one
//! name. Where rights differ by path, the kernel is asked for the path of each handle (`/proc/self/fd`), and
//! the grant is narrowed to what the principal may do at that path too. Without rules by path, the kernel is
//! not asked.
//!
//! Each hard link and each bind mount inside the folder has its own real path.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd};

use cap_std::fs::Dir;
use rustix::fs;

use super::error::Error;
use super::spelling;
use crate::access::{Grant, Operation};
use crate::path::SharePath;

/// What the kernel appends to the path of a file that has no name any more.
const DELETED: &[u8] = b" (deleted)";

/// What a grant allows at the real path.
pub(super) struct Judged<'g, O> {
    pub(super) grant: Grant<'g, O>,
    /// The real path, if known and different from the grant's path.
    pub(super) real: Option<SharePath>,
}

/// Narrows the grant to what its principal may do at the real path of this handle; fails if that is not enough. The
/// handle belongs to the path. If the last `missing` names of the path do not exist, it belongs to the directory above
/// them. Creating a missing directory needs a separate right.
pub(super) fn judge<'g, O: Operation>(
    root: &Dir,
    grant: &'g Grant<'_, O>,
    handle: impl AsFd,
    missing: &[&OsStr],
) -> Result<Judged<'g, O>, Error> {
    if !grant.depends_on_path() {
        return Ok(Judged { grant: grant.reborrow(), real: None });
    }
    let mut real = below(root, handle)?;
    // The name that it had before it was deleted. A file may really have such a name.
    let deleted = real.as_bytes().strip_suffix(DELETED).map(SharePath::parse);
    let deleted = deleted.transpose().map_err(|_| Error::NotFound)?;
    if let Some((_, directories)) = missing.split_last() {
        let mut named = grant.path().clone();
        for _ in missing {
            named = named.parent().ok_or(Error::NotFound)?;
        }
        for name in directories {
            for path in [&mut named, &mut real] {
                *path = path.join(name).map_err(|_| Error::NotFound)?;
                grant.may_add_at(path)?;
            }
        }
    }
    if let Some(name) = missing.last() {
        real = real.join(name).map_err(|_| Error::NotFound)?;
    }
    let spelled = spelling::of_rules(root, &real, grant.rule_paths());
    let narrowed = grant.also_at([&real].into_iter().chain(&deleted).chain(&spelled))?;
    let real = spelled.unwrap_or(real);
    Ok(Judged { grant: narrowed, real: Some(real).filter(|real| real != grant.path()) })
}

/// The path of the handle below the folder's root. A handle that has left the folder looks absent.
pub(super) fn below(root: &Dir, handle: impl AsFd) -> Result<SharePath, Error> {
    let (root, path) = (path_of(root)?, path_of(handle)?);
    let rest = path
        .strip_prefix(root.as_slice())
        .filter(|rest| root == b"/" || matches!(rest.first(), None | Some(b'/')));
    rest.and_then(|rest| SharePath::parse(rest).ok()).ok_or(Error::NotFound)
}

/// The path of an open file, as the kernel reports it to this process.
pub(super) fn path_of(handle: impl AsFd) -> Result<Vec<u8>, Error> {
    let link = format!("/proc/self/fd/{}", handle.as_fd().as_raw_fd());
    Ok(fs::readlink(link, Vec::new())?.into_bytes())
}
