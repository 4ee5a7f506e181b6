//! Names that a file system takes for one: it may ignore case, know short names (`PRIVAT~1`), or compare letters in another
//! form. The kernel reports a path as it was asked for, so a rule for one spelling must hold for the others too.

use std::os::unix::ffi::OsStrExt;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags};

use crate::path::SharePath;

/// This path in the spelling of the rules with these paths, the deepest first: where it begins with another spelling of one,
/// that is replaced. Only names that look alike are compared on the disk.
pub(super) fn of_rules<'r>(
    root: &Dir,
    path: &SharePath,
    rules: impl Iterator<Item = &'r SharePath>,
) -> Option<SharePath> {
    let mut spelled = None;
    for rule in rules {
        let path = spelled.as_ref().unwrap_or(path);
        let names: Vec<_> = path.segments().collect();
        let Some((start, rest)) = names.split_at_checked(rule.segments().count()) else { continue };
        let Ok(start) = SharePath::from_segments(start.iter().map(|name| name.as_bytes())) else { continue };
        if start != *rule && look_alike(&start, rule) && are_same(root, &start, rule) {
            spelled = rest.iter().try_fold(rule.clone(), |path, name| path.join(name).ok());
        }
    }
    spelled
}

fn look_alike(one: &SharePath, other: &SharePath) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let has_short_name = one.contains(&b'~');
    has_short_name || !one.is_ascii() || !other.is_ascii() || one.eq_ignore_ascii_case(other)
}

fn are_same(root: &Dir, one: &SharePath, other: &SharePath) -> bool {
    let stat = |path: &SharePath| fs::statat(root, path.as_path(), AtFlags::SYMLINK_NOFOLLOW).ok();
    let identity = |path: &SharePath| stat(path).map(|stat| (stat.st_dev, stat.st_ino));
    identity(one).is_some_and(|one| Some(one) == identity(other))
}
