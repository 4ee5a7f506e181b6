//! One file of `.wharf/replicas`: its server holds a lock on it, and sets its time.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags, Timespec, Timestamps, UTIME_NOW};
use rustix::io::Errno;

use super::domain::Domain;
use super::process::Process;
use crate::folder::facts::Facts;
use crate::folder::root::{OWN, Root, enter, make};
use crate::folder::stale;
use crate::folder::temporary::random_number;

/// The directory of the beats, below [`OWN`].
pub(super) const NAME: &str = "replicas";

/// How long an id is.
const DIGITS: usize = 32;

/// The longest content that is read, in bytes.
const LONGEST: usize = 256;

/// How often another server may remove the empty directory before the file is made in it.
const TRIES: usize = 16;

/// The beat of this server. Dropped, it is removed, with the directories that are empty then.
pub(super) struct Beat {
    id: String,
    /// Holds the lock. Open until the beat is dropped.
    file: Option<File>,
    dir: Dir,
}

/// What the beat of a server says.
pub(super) struct BeatState {
    pub(super) is_locked: bool,
    pub(super) touched: SystemTime,
    /// Where its server runs, if it says so.
    pub(super) domain: Option<Domain>,
    /// The process of its server, if it says so.
    pub(super) process: Option<Process>,
}

impl Beat {
    /// Makes a beat with a new id. It has its name when it is complete and locked.
    pub(super) fn begin(root: &Root) -> Result<Self, Errno> {
        for _ in 0..TRIES {
            match Self::try_begin(root) {
                Err(Errno::NOENT) => {}
                other => return other,
            }
        }
        Err(Errno::NOENT)
    }

    fn try_begin(root: &Root) -> Result<Self, Errno> {
        let dir = stale::retry(|| {
            root.make_own(OWN)?;
            let own = root.own(OWN)?;
            make(&own, NAME)?;
            enter(&own, NAME)
        })?;
        let id = new_id();
        let draft = format!("{id}.new");
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(fs::openat(&dir, draft.as_str(), flags, Mode::RUSR | Mode::WUSR)?);
        let domain = Domain::of(&dir).map(|domain| domain.text().to_owned()).unwrap_or_default();
        let process = Process::this().map(|process| process.text()).unwrap_or_default();
        // Without lock support, no lock is ever seen, which is what the others have to know.
        let _ = fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
        let named = file
            .write_all(format!("{domain}\n{process}\n").as_bytes())
            .map_err(|error| errno(&error))
            .and_then(|()| fs::renameat(&dir, draft.as_str(), &dir, id.as_str()));
        if let Err(error) = named {
            let _ = fs::unlinkat(&dir, draft.as_str(), AtFlags::empty());
            return Err(error);
        }
        Ok(Self { id, file: Some(file), dir })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The directory of the beats.
    pub(super) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Sets its time to now. Fails if it is no longer there.
    pub(super) fn touch(&self) -> Result<(), Errno> {
        let file = self.file.as_ref().ok_or(Errno::BADF)?;
        if fs::fstat(file)?.st_nlink == 0 {
            return Err(Errno::NOENT);
        }
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        fs::futimens(file, &Timestamps { last_access: now, last_modification: now })
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        // While a file is open, some FUSE file systems rename it instead of removing it.
        self.file = None;
        let _ = fs::unlinkat(&self.dir, self.id.as_str(), AtFlags::empty());
        // The directories are removed only if they are empty.
        let Ok(own) = enter(&self.dir, "..") else { return };
        let _ = fs::unlinkat(&own, NAME, AtFlags::REMOVEDIR);
        let _ = enter(&own, "..").map(|root| fs::unlinkat(root, OWN, AtFlags::REMOVEDIR));
    }
}

/// A new id: 128 random bits.
fn new_id() -> String {
    format!("{:016x}{:016x}", random_number(), random_number())
}

/// Reads the beat with this id.
pub(super) fn find(dir: &Dir, id: &str) -> Result<BeatState, Errno> {
    if !is_id(id) {
        return Err(Errno::NOENT);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(fs::openat(dir, id, flags, Mode::empty())?);
    // Servers that look at the same time do not take each other for the owner.
    let is_locked = fs::flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK);
    let mut text = [0; LONGEST];
    let count = file.read_at(&mut text, 0).map_err(|error| errno(&error))?;
    let text = text.get(..count).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
    let (domain, process) = text.split_once('\n').unwrap_or((text, ""));
    let touched = Facts::new(&fs::fstat(&file)?, 0).modified;
    let (domain, process) = (Domain::parse(domain), Process::parse(process.trim_end()));
    Ok(BeatState { is_locked, touched, domain, process })
}

/// Removes the beat of a server that has ended, if it was set so long ago.
pub(super) fn remove_old(dir: &Dir, id: &str, now: SystemTime, age: Duration) {
    let is_old = |found: BeatState| now.duration_since(found.touched).is_ok_and(|since| since > age);
    if find(dir, id).is_ok_and(is_old) {
        let _ = fs::unlinkat(dir, id, AtFlags::empty());
    }
}

/// Whether a file of this name is a beat.
pub(super) fn is_id(name: &str) -> bool {
    name.len() == DIGITS && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
