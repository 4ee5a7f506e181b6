//! A way around taken names, for principals that must not learn which names are taken.
//!
//! A file cannot be saved below the name of a file, or of a link that leads nowhere or to where the principal
//! has no rights. A refusal would reveal that the name is taken, since saving below a new name succeeds. So
//! the directory gets a suffix, as a file does.

use std::ffi::OsStr;

use rustix::io::Errno;

use super::numbering::numbered;
use super::root::{self, Root};
use crate::access::{Grant, Operation};
use crate::path::SharePath;

/// How many names are tried for one directory.
const MOST_NAMES: u32 = 9_999;

/// The same path, with another name for the first directory whose name is taken. `None` if no name is taken, or if the
/// principal may know that the name is taken.
pub(super) fn renamed<O: Operation>(
    root: &Root,
    grant: &Grant<'_, O>,
    path: &SharePath,
) -> Option<SharePath> {
    let names: Vec<_> = path.segments().collect();
    let mut above = SharePath::root();
    for (at, name) in names.iter().enumerate().take(names.len().saturating_sub(1)) {
        let rest = names.get(at + 1..)?;
        // The grant's rights at the directory; `None` if nothing can be saved below it.
        let judge = |directory: &SharePath, missing| {
            let directory = root.directory(directory).ok()?;
            directory.judge(root, grant, missing).ok()
        };
        let next = above.join(name).ok()?;
        if judge(&next, rest).is_some() {
            above = next;
            continue;
        }
        let (directory, judged) = judge(&above, names.get(at..)?)?;
        let is_free = |name: &OsStr| matches!(root::look_in(&directory, name), Err(Errno::NOENT));
        if !judged.grant.hides_names() || is_free(name) {
            return None;
        }
        for number in 1..=MOST_NAMES {
            let other = numbered(name, number);
            let renamed = above.join(&other).ok()?;
            let fits = || is_free(&other) || judge(&renamed, rest).is_some();
            if grant.may_add_at(&renamed).is_ok() && fits() {
                return rest.iter().try_fold(renamed, |path, name| path.join(name).ok());
            }
        }
        return None;
    }
    None
}
