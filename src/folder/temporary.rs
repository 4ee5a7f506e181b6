//! The bytes of a file that is not visible yet.
//!
//! If the file system supports it, the file is anonymous (`O_TMPFILE`), so a crash leaves nothing behind. Otherwise it is
//! named `.wharf-HEX.tmp`, which is never served and is removed on drop. A new name is given in one step that fails when
//! the name is taken, or else through a [claim](super::claims); an old file is replaced by a rename. A named file is
//! readable only by this user until it gets its [`Attributes`].
//!
//! A file with a temporary name stays locked (`flock`) while its server runs, so that another server's
//! [sweep](super::sweep) can distinguish leftovers from files that are being written.
//!
//! [`durable::name`](crate::durable::name) creates and names anonymous files. It does not give named files their final
//! names: where a file system needs a claim, this server has to hide the claim from its readers.
//!
//! Knows nothing of the rules, or of what the final name means.

use super::attributes::{self, Attributes};
use super::claims::Claims;
#[cfg(feature = "dav")]
use super::properties;
use super::root::look_in;
use super::save_method::{SaveMethod, is_unsupported};
use crate::durable::name::{anonymous_file, link};
use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Seek as _, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::SystemTime;

/// How often a random 64-bit name may be taken, or swept away. After that many times, there must be another cause.
pub(super) const TRIES: usize = 16;

/// An incomplete file. Removed on drop.
pub(super) struct Temporary {
    file: File,
    method: SaveMethod,
    /// The directory where an anonymous file was created: there it already has the attributes of any new file.
    home: Option<Arc<Dir>>,
    name: Option<Name>,
    /// Whether all of it is synced.
    is_synced: bool,
}

impl Temporary {
    /// Creates an empty file in `dir`, or at least on the same file system.
    pub(super) fn create(dir: &Arc<Dir>, method: SaveMethod) -> Result<Self, Errno> {
        // Another user could open a named file, and keep reading it after its permissions change.
        Self::create_as(dir, method, Mode::RUSR | Mode::WUSR)
    }

    /// The attributes that any program's new file has in `dir`: creates an empty file and removes it again.
    fn sample(dir: &Arc<Dir>, method: SaveMethod) -> Result<Attributes, Errno> {
        Attributes::of(&Self::create_as(dir, method, attributes::NEW_FILE)?.file)
    }

    fn create_as(dir: &Arc<Dir>, method: SaveMethod, mode_with_name: Mode) -> Result<Self, Errno> {
        // After any error, a named file is tried next. If the file system really cannot create files, that fails too.
        if method == SaveMethod::Anonymous
            && let Some(file) = anonymous_file(&**dir, attributes::NEW_FILE)
        {
            return Ok(Self { file, method, home: Some(Arc::clone(dir)), name: None, is_synced: false });
        }
        Self::create_named(dir, method, mode_with_name)
    }

    fn create_named(dir: &Arc<Dir>, method: SaveMethod, mode: Mode) -> Result<Self, Errno> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        for _ in 0..TRIES {
            let name = Name::random(dir);
            let file = match fs::openat(dir, name.text.as_str(), flags, mode) {
                Ok(file) => File::from(file),
                Err(Errno::EXIST) => continue,
                Err(error) => return Err(error),
            };
            let name = name.taken();
            if is_ours(&file) {
                return Ok(Self { file, method, home: None, name: Some(name), is_synced: false });
            }
        }
        Err(Errno::EXIST)
    }

    /// Takes over the file with this name in `dir`, which is open for reading and writing.
    pub(super) fn adopt(file: File, dir: &Arc<Dir>, name: String, method: SaveMethod) -> Self {
        let name = Name { dir: Arc::clone(dir), text: name, taken: true };
        Self { file, method, home: None, name: Some(name), is_synced: false }
    }

    /// Releases the file under its current name, and makes it writable again: its final mode may have been read-only.
    pub(super) fn leave(mut self) {
        let _ = fs::fchmod(&self.file, Mode::RUSR | Mode::WUSR);
        if let Some(name) = &mut self.name {
            name.taken = false;
        }
    }

    /// Copies the bytes to a temporary file in `dir`, for a file that cannot be moved there or cannot be named.
    pub(super) fn copy_to(&self, dir: &Arc<Dir>) -> io::Result<Self> {
        let mut copy = Self::create(dir, self.method.max(SaveMethod::Named))?;
        (&self.file).seek(SeekFrom::Start(0))?;
        io::copy(&mut &self.file, &mut copy.file)?;
        Ok(copy)
    }

    /// Whether an error means that only a [copy](Self::copy_to) can get a name there.
    pub(super) fn needs_copy(&self, error: Errno) -> bool {
        error == Errno::XDEV || (self.name.is_none() && is_unsupported(error))
    }

    /// Whether an error means that no anonymous file of `dir` can get a name there.
    pub(super) fn cannot_be_named(&self, error: Errno, dir: &Arc<Dir>) -> bool {
        let is_from_here = self.home.as_ref().is_some_and(|home| Arc::ptr_eq(home, dir));
        self.name.is_none() && (is_from_here || error != Errno::XDEV)
    }

    /// Copies the attributes of the file that it will replace.
    pub(super) fn copy_attributes(&mut self, old: impl AsFd) -> Result<(), Errno> {
        self.home = None;
        self.set_attributes(Attributes::of(old)?)
    }

    /// Copies the properties that clients keep with the file that it is a copy of (RFC 4918 §9.8.2).
    #[cfg(feature = "dav")]
    pub(super) fn copy_properties(&self, source: &File) {
        properties::copy(source, &self.file);
    }

    /// Sets the attributes that any program's new file has in `dir`.
    pub(super) fn set_default_attributes(&mut self, dir: &Arc<Dir>, umask: Mode) -> Result<(), Errno> {
        let is_new_there = self.home.as_ref().is_some_and(|home| Arc::ptr_eq(home, dir));
        if is_new_there {
            return Ok(());
        }
        let new = if attributes::has_default_list(dir) {
            Self::sample(dir, self.method)?
        } else {
            let was_made_there = self.name.as_ref().is_some_and(|name| Arc::ptr_eq(&name.dir, dir));
            Attributes::of_new(&self.file, dir, was_made_there, umask)?
        };
        self.set_attributes(new)
    }

    fn set_attributes(&mut self, attributes: Attributes) -> Result<(), Errno> {
        self.is_synced &= !attributes.give_to(&self.file)?;
        Ok(())
    }

    /// Sets when the content was last modified.
    pub(super) fn set_modified(&mut self, modified: SystemTime) -> io::Result<()> {
        self.is_synced = false;
        self.file.set_modified(modified)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.is_synced = false;
        self.file.write_all(bytes)
    }

    /// Its directory and its temporary name, if it has one.
    pub(super) fn place(&self) -> Option<(&Arc<Dir>, &OsStr)> {
        self.name.as_ref().map(|name| (&name.dir, OsStr::new(&name.text)))
    }

    /// Whether its temporary name was removed, together with the directory that it was in.
    pub(super) fn is_gone(&self) -> bool {
        self.place().is_some_and(|(dir, name)| look_in(dir, name).is_err_and(|error| error == Errno::NOENT))
    }

    /// Records that it was renamed elsewhere, so that it is not removed on drop.
    pub(super) fn was_renamed(&mut self) {
        if let Some(name) = &mut self.name {
            name.taken = false;
        }
    }

    /// Lets `change` modify the content.
    pub(super) fn fill<T>(&mut self, change: impl FnOnce(&File) -> T) -> T {
        self.is_synced = false;
        change(&self.file)
    }

    /// Syncs the file, unless it is synced already.
    pub(super) fn sync(&mut self) -> Result<(), Errno> {
        if !self.is_synced {
            fs::fsync(&self.file)?;
            self.is_synced = true;
        }
        Ok(())
    }

    /// Gives the file a name that must be free: `EEXIST` if it is not.
    pub(super) fn appear(&mut self, dir: &Dir, name: &OsStr, claims: &Claims) -> Result<(), Errno> {
        let Some(old) = &mut self.name else { return link(&self.file, dir, name) };
        if self.method == SaveMethod::Claimed {
            return old.claim(dir, name, claims);
        }
        // NFS can link, but cannot rename without replacing. FAT can rename so, but cannot link. Many FUSE file systems
        // can do neither.
        match old.rename_to_free(dir, name) {
            Err(error) if error != Errno::XDEV && is_unsupported(error) => match old.link(dir, name) {
                Err(error) if error != Errno::XDEV && is_unsupported(error) => old.claim(dir, name, claims),
                other => other,
            },
            other => other,
        }
    }

    /// Replaces the file with this name, atomically.
    pub(super) fn replace(&mut self, dir: &Arc<Dir>, name: &OsStr) -> Result<(), Errno> {
        let old = match self.name.take() {
            Some(old) => old,
            None => self.give_name(dir)?,
        };
        self.name.insert(old).rename(dir, name)
    }

    /// Gives the file another temporary name, in this directory. Returns its previous name.
    pub(super) fn move_to(&mut self, dir: &Arc<Dir>, text: &str) -> Result<Option<TemporaryName>, Errno> {
        let mut new = Name { dir: Arc::clone(dir), text: text.to_owned(), taken: false };
        let Some(old) = &mut self.name else {
            link(&self.file, &**dir, OsStr::new(text))?;
            self.name = Some(new.taken());
            return Ok(None);
        };
        old.rename_to_free(dir, OsStr::new(text)).or_else(|error| match error {
            Errno::XDEV => Err(error),
            error if is_unsupported(error) => old.rename(dir, OsStr::new(text)),
            error => Err(error),
        })?;
        new.taken = true;
        Ok(self.name.replace(new).map(TemporaryName))
    }

    /// Exchanges the names of this file and the file called `name`, which gets the temporary name. If the exchange
    /// fails, this file gets its previous name back.
    pub(super) fn exchange(
        &mut self,
        before: Option<TemporaryName>,
        dir: &Dir,
        name: &OsStr,
    ) -> Result<(), Errno> {
        let Some(own) = &mut self.name else { return Err(Errno::NOENT) };
        let (text, flags) = (own.text.as_str(), RenameFlags::EXCHANGE);
        match fs::renameat_with(&*own.dir, text, dir, name.as_bytes(), flags) {
            Ok(()) => {
                own.taken = false;
                Ok(())
            }
            Err(error) => {
                if let Some(TemporaryName(mut before)) = before
                    && own.rename(&before.dir, OsStr::new(&before.text)).is_ok()
                {
                    before.taken = true;
                    self.name = Some(before);
                }
                Err(error)
            }
        }
    }

    /// The `stat` of the file.
    pub(super) fn stat(&self) -> Result<Stat, Errno> {
        fs::fstat(&self.file)
    }

    /// An anonymous file cannot be renamed, so it is given a temporary name first.
    fn give_name(&self, dir: &Arc<Dir>) -> Result<Name, Errno> {
        // Without lock support no sweep can get a lock either, so it leaves the file alone.
        let _ = fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive);
        for _ in 0..TRIES {
            let name = Name::random(dir);
            match link(&self.file, &**dir, OsStr::new(&name.text)) {
                Ok(()) => return Ok(name.taken()),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Errno::EXIST)
    }
}

/// Locks a file that has just been named. If a sweep was faster, it holds the lock or has removed the file.
fn is_ours(file: &File) -> bool {
    let swept = fs::flock(file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK);
    !swept && fs::fstat(file).is_ok_and(|stat| stat.st_nlink > 0)
}

/// A new temporary name. `RandomState` is seeded by the system once per thread, and differs for each instance.
pub(super) fn random_name() -> String {
    format!(".wharf-{:016x}.tmp", random_number())
}

/// Another one each time.
pub(super) fn random_number() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Renames an entry of this directory to a temporary name there, so that nobody sees it any more.
pub(super) fn set_aside(dir: &Dir, name: &OsStr) -> Result<String, Errno> {
    for _ in 0..TRIES {
        let aside = random_name();
        match rename_to_free(dir, name, OsStr::new(&aside)) {
            Err(Errno::EXIST) => {}
            renamed => return renamed.map(|()| aside),
        }
    }
    Err(Errno::EXIST)
}

/// Renames an entry of this directory to a name that must be free: `EEXIST` if it is not. If the file system cannot do
/// that in one step, the commit lock excludes other saves of this server meanwhile.
pub(super) fn rename_to_free(dir: &Dir, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
    move_to_free(dir, from, dir, to)
}

/// Like [`rename_to_free`], from one directory to another.
pub(super) fn move_to_free(
    from_dir: impl AsFd,
    from: &OsStr,
    to_dir: impl AsFd,
    to: &OsStr,
) -> Result<(), Errno> {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    match fs::renameat_with(&from_dir, from, &to_dir, to, RenameFlags::NOREPLACE) {
        Err(error) if is_unsupported(error) => match fs::statat(&to_dir, to, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => fs::renameat(&from_dir, from, &to_dir, to),
            other => other.and(Err(Errno::EXIST)),
        },
        other => other,
    }
}

/// A temporary name that a file had.
pub(super) struct TemporaryName(Name);

/// A temporary name.
struct Name {
    dir: Arc<Dir>,
    text: String,
    /// Whether the file has this name now, so that it is removed on drop.
    taken: bool,
}

impl Name {
    fn random(dir: &Arc<Dir>) -> Self {
        Self { dir: Arc::clone(dir), text: random_name(), taken: false }
    }

    fn taken(mut self) -> Self {
        self.taken = true;
        self
    }

    /// Renames to this name and replaces any file that has it.
    fn rename(&mut self, dir: &Dir, name: &OsStr) -> Result<(), Errno> {
        fs::renameat(&*self.dir, self.text.as_str(), dir, name.as_bytes())?;
        self.taken = false;
        Ok(())
    }

    /// Renames to this name if it is free.
    fn rename_to_free(&mut self, dir: &Dir, name: &OsStr) -> Result<(), Errno> {
        let old = self.text.as_str();
        fs::renameat_with(&*self.dir, old, dir, name.as_bytes(), RenameFlags::NOREPLACE)?;
        self.taken = false;
        Ok(())
    }

    /// Links the file to this name too, if it is free.
    fn link(&self, dir: &Dir, name: &OsStr) -> Result<(), Errno> {
        fs::linkat(&*self.dir, self.text.as_str(), dir, name.as_bytes(), AtFlags::empty())
    }

    /// Claims this name if it is free, and renames over the claim.
    fn claim(&mut self, dir: &Dir, name: &OsStr, claims: &Claims) -> Result<(), Errno> {
        let claim = claims.take(dir, name)?;
        self.rename(dir, name)?;
        claim.fulfil();
        Ok(())
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if self.taken {
            let _ = fs::unlinkat(&*self.dir, self.text.as_str(), AtFlags::empty());
        }
    }
}
