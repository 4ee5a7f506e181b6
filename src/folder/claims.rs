//! Empty files that reserve a name for the file that is about to get it.
//!
//! If a file system can neither link nor rename without replacing, an empty file (`O_EXCL`) claims the name, and the
//! complete file is renamed over it. Of two servers only one can claim it. The empty file exists only until the rename,
//! and this server shows it to no reader. If the server is killed in between, the empty file stays. It also stays if
//! the rename fails and the file system refuses to remove it.

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::root::{Identity, look_in};

/// The empty files that currently hold names for this server.
#[derive(Default)]
pub(super) struct Claims {
    held: Mutex<HashSet<Identity>>,
    /// Whether any claim was ever made: most file systems never need one.
    were_made: AtomicBool,
}

/// A claimed name. Frees the name on drop, unless another file has it by then.
pub(super) struct Claim<'c> {
    claims: &'c Claims,
    dir: &'c Dir,
    name: &'c OsStr,
    identity: Identity,
    is_fulfilled: bool,
}

impl Claims {
    /// Claims a name; `EEXIST` if it is taken.
    pub(super) fn take<'c>(&'c self, dir: &'c Dir, name: &'c OsStr) -> Result<Claim<'c>, Errno> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        // The claims are locked meanwhile: a thread that has opened the empty file calls `holds` afterwards, and must
        // see the claim.
        let mut held = self.held();
        self.were_made.store(true, Ordering::SeqCst);
        let file = fs::openat(dir, name.as_bytes(), flags, Mode::RUSR | Mode::WUSR)?;
        let identity = fs::fstat(file).map(|stat| Identity::of(&stat))?;
        held.insert(identity);
        Ok(Claim { claims: self, dir, name, identity, is_fulfilled: false })
    }

    /// Whether this file only holds a name for a file that is about to get it.
    pub(super) fn holds(&self, stat: &Stat) -> bool {
        self.may_be(stat) && self.held().contains(&Identity::of(stat))
    }

    /// Whether this file may hold a name, or have held it until now.
    pub(super) fn may_be(&self, stat: &Stat) -> bool {
        stat.st_size == 0 && self.were_made.load(Ordering::SeqCst)
    }

    fn held(&self) -> MutexGuard<'_, HashSet<Identity>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim<'_> {
    /// The file has the name now. Some file systems derive the inode number from the name, so the new file could look
    /// like the claim.
    pub(super) fn fulfil(mut self) {
        self.is_fulfilled = true;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let is_ours = |stat: Stat| Identity::of(&stat) == self.identity && stat.st_size == 0;
        if !self.is_fulfilled && look_in(self.dir, self.name).is_ok_and(is_ours) {
            let _ = fs::unlinkat(self.dir, self.name.as_bytes(), AtFlags::empty());
        }
        self.claims.held().remove(&self.identity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;

    #[test]
    fn a_claim_that_is_dropped_removes_only_its_own_file() {
        let home = tempfile::tempdir().expect("a folder");
        let dir = Dir::open_ambient_dir(home.path(), ambient_authority()).expect("a folder");
        let (claims, name, path) = (Claims::default(), OsStr::new("a"), home.path().join("a"));
        let meanwhile: [(&str, fn(&std::path::Path), Option<&str>); 4] = [
            ("nothing happens", |_| {}, None),
            ("another file takes its place", replace, Some("theirs")),
            (
                "another program writes into it",
                |path| std::fs::write(path, "theirs").expect("written"),
                Some("theirs"),
            ),
            ("another program removes it", |path| std::fs::remove_file(path).expect("removed"), None),
        ];
        for (case, happens, left) in meanwhile {
            let claim = claims.take(&dir, name).expect("it is free");
            let stat = look_in(&dir, name).expect("it is there");
            assert!(claims.holds(&stat), "{case}");
            assert!(matches!(claims.take(&dir, name), Err(Errno::EXIST)), "{case}: only once");
            happens(&path);
            drop(claim);
            assert_eq!(std::fs::read_to_string(&path).ok().as_deref(), left, "{case}");
            assert!(!claims.holds(&stat), "{case}");
            let _ = std::fs::remove_file(&path);
        }
    }

    fn replace(path: &std::path::Path) {
        let other = path.with_extension("other");
        std::fs::write(&other, "theirs").and_then(|()| std::fs::rename(&other, path)).expect("replaced");
    }
}
