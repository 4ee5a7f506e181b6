//! Names that a file system treats as one: it may ignore case or dots at the end, know short names
//! (`PRIVAT~1`), or treat two forms of a letter as equal. The kernel reports a path as it was asked for, so a
//! rule for one spelling must hold for the others too.

use std::os::unix::ffi::OsStrExt;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags};

use crate::path::SharePath;

/// This path in the spelling of the rules: if it begins with another spelling of a rule's path, the rule's
/// path replaces that. The rules' paths come deepest first. Only names that look alike are compared on the
/// disk.
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

/// Whether each name may be another spelling of the corresponding name in the other path. Most spellings begin alike:
/// some file systems ignore case, or dots and blanks at the end. The exceptions are short names and letters beyond
/// ASCII.
fn look_alike(path: &SharePath, rule: &SharePath) -> bool {
    path.segments().zip(rule.segments()).all(|(name, other)| {
        let (name, other) = (name.as_bytes(), other.as_bytes());
        let first = |name: &[u8]| name.first().map(u8::to_ascii_lowercase);
        first(name) == first(other) || name.contains(&b'~') || !name.is_ascii() || !other.is_ascii()
    })
}

fn are_same(root: &Dir, one: &SharePath, other: &SharePath) -> bool {
    let stat = |path: &SharePath| fs::statat(root, path.as_path(), AtFlags::SYMLINK_NOFOLLOW).ok();
    let identity = |path: &SharePath| stat(path).map(|stat| (stat.st_dev, stat.st_ino));
    identity(one).is_some_and(|one| Some(one) == identity(other))
}
