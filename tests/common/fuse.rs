//! A FUSE mount that a test can observe, break and stop.
//!
//! [`Mount`] shows a directory through a file system of its own. It records each `fsync` and each new name, in the
//! order in which they happened ([`Mount::events`]); it can lack features that some file systems lack ([`Mount::set`]),
//! and hang ([`Mount::stop`]). Its daemon is a separate process of this test binary, because only a process can be
//! stopped.

mod daemon;

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use super::outside::{outside, skip};
use super::{Running, eventually};

/// The environment variable that tells the test binary which directory to serve.
const PLACE: &str = "WHARF_TESTS_FUSE";

/// Features that the file system can lack, or operations that can fail.
pub mod faults {
    /// `link` fails with EOPNOTSUPP.
    pub const NO_LINKS: &str = "no-links";
    /// Everything that changes something fails with EROFS.
    pub const READ_ONLY: &str = "read-only";
    /// Writing, and creating files, links and directories, fails with ENOSPC.
    pub const NO_SPACE: &str = "no-space";
    /// Renaming fails with ENOSPC.
    pub const NO_SPACE_TO_RENAME: &str = "no-space-to-rename";
    /// A name of more than 64 bytes fails with ENAMETOOLONG.
    pub const SHORT_NAMES: &str = "short-names";
    /// Renaming and linking fails with EXDEV, unless both names are below the same directory of the root.
    pub const APART: &str = "apart";
    /// `renameat2` with flags fails with EINVAL.
    pub const NO_NOREPLACE: &str = "no-noreplace";
    /// Extended attributes fail with ENOTSUP.
    pub const NO_XATTRS: &str = "no-xattrs";
    /// Times have no fraction of a second.
    pub const WHOLE_SECONDS: &str = "whole-seconds";
    /// Names are found whatever the case of their letters, and with dots at their end, as on FAT.
    pub const LIKE_FAT: &str = "like-fat";
    /// `fsync` of a file fails with EIO.
    pub const FSYNC_EIO: &str = "fsync-eio";
    /// `fsync` of a directory fails with EIO.
    pub const FSYNCDIR_EIO: &str = "fsyncdir-eio";
    /// `fsync` of a directory fails with EINVAL.
    pub const FSYNCDIR_EINVAL: &str = "fsyncdir-einval";
    /// The kernel caches names and attributes for a while, as with a file system of a cluster.
    pub const CACHES: &str = "caches";
    /// Opening a file fails with ESTALE.
    pub const STALE_OPENS: &str = "stale-opens";
    /// Of six attempts to open a file, five fail with ESTALE.
    pub const STALE_OPENS_MOSTLY: &str = "stale-opens-mostly";
    /// The same for reading.
    pub const STALE_READS: &str = "stale-reads";
    pub const STALE_READS_MOSTLY: &str = "stale-reads-mostly";
    /// `fsync` of a file does not return while this is set.
    pub const HOLD_FSYNC: &str = "hold-fsync";
}

/// An operation that the file system has performed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub what: What,
    /// The inode.
    pub inode: u64,
    /// The path below the mount; for [`What::Fsync`], the file's name at that time.
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// `fsync` of a file has begun.
    FsyncBegins,
    /// `fsync` of a file has succeeded.
    Fsync,
    /// `fsync` of a directory has succeeded.
    FsyncDir,
    /// A file has a name: it was created, linked or renamed.
    Name,
    /// A directory was made.
    MakeDir,
}

const WHATS: [(&str, What); 5] = [
    ("fsync-begins", What::FsyncBegins),
    ("fsync", What::Fsync),
    ("fsyncdir", What::FsyncDir),
    ("name", What::Name),
    ("mkdir", What::MakeDir),
];

/// A mounted file system without `O_TMPFILE`. Declare it before the server that uses it, so that it is unmounted last.
pub struct Mount {
    daemon: Running,
    root: PathBuf,
    place: Cell<Option<TempDir>>,
}

/// While this exists, every access to the mount hangs. Declare it after the server, so that it is dropped
/// first.
pub struct Stopped<'m>(&'m Mount);

impl Mount {
    /// Mounts a new directory. `None`, with a printed skip, if this user cannot mount one.
    pub fn new() -> Option<Self> {
        outside("umount")?;
        let may = geteuid().is_root() && fs::File::options().read(true).write(true).open("/dev/fuse").is_ok();
        if !may {
            skip("a FUSE mount needs root and /dev/fuse");
            return None;
        }
        let place = tempfile::tempdir().expect("a folder");
        let root = place.path().to_owned();
        for name in ["share", "behind"] {
            fs::create_dir(root.join(name)).expect("a folder");
        }
        let program = std::env::current_exe().expect("this program");
        let mut daemon = Command::new(program);
        daemon.args(["--ignored", "--exact", daemon::TEST]).env(PLACE, &root).stdin(Stdio::null());
        let daemon = Running::start(daemon.stdout(Stdio::null()).stderr(Stdio::null()));
        let mut mount = Self { daemon, root, place: Cell::new(Some(place)) };
        eventually("the file system is mounted", || {
            assert!(mount.daemon.try_wait().expect("a child").is_none(), "its daemon has ended");
            mount.lines().first().is_some_and(|line| line == daemon::READY)
        });
        Some(mount)
    }

    /// The directory, seen through the file system.
    pub fn path(&self) -> PathBuf {
        self.root.join("share")
    }

    /// The same directory without FUSE: access to it never hangs and is never counted.
    pub fn behind(&self) -> PathBuf {
        self.root.join("behind")
    }

    /// The place for `Wharf::serve_in`, which serves its `share`: the mount.
    pub fn place(&self) -> TempDir {
        self.place.take().expect("taken once")
    }

    /// Sets these [`faults`], and clears all others.
    pub fn set(&self, words: &[&str]) {
        let new = self.root.join("words.new");
        fs::write(&new, words.join("\n")).expect("written");
        fs::rename(new, self.root.join(daemon::WORDS)).expect("renamed");
    }

    /// The events so far, in order.
    pub fn events(&self) -> Vec<Event> {
        self.lines().iter().filter_map(|line| event(line)).collect()
    }

    /// How many of these events concern paths with this prefix.
    pub fn count(&self, what: What, path: &str) -> usize {
        self.events().iter().filter(|event| event.what == what && event.path.starts_with(path)).count()
    }

    /// Every operation on the mount hangs until the returned value is dropped.
    pub fn stop(&self) -> Stopped<'_> {
        kill_process(self.pid(), Signal::STOP).expect("it runs");
        eventually("each thread of the daemon is stopped", || self.is_stopped());
        Stopped(self)
    }

    /// No `fsync` of a file returns until the returned value is dropped.
    pub fn hold_fsync(&self) -> Held<'_> {
        self.set(&[faults::HOLD_FSYNC]);
        Held(self)
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.root.join(daemon::EVENTS)).unwrap_or_default();
        // The last line may be incomplete.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(str::to_owned).collect()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.daemon)
    }

    fn is_stopped(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.daemon.id())).expect("it runs");
        let stats =
            threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
        stats.into_iter().all(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
    }
}

/// Asserts that each file was synced before it got its name, that its directory was synced after that, and that the
/// parent of each new directory was synced. Returns how often these files were synced before they got their names.
pub fn are_durable(events: &[Event], paths: &[String]) -> usize {
    let position = |is_it: &dyn Fn(&Event) -> bool| events.iter().rposition(is_it);
    let parent = |path: &str| path.rsplit_once('/').map_or(String::new(), |(parent, _)| parent.to_owned());
    let synced = |directory: &str| {
        let directory = directory.to_owned();
        position(&move |event| event.what == What::FsyncDir && event.path == directory)
    };
    let made = events.iter().enumerate().filter(|(_, event)| event.what == What::MakeDir);
    for (number, event) in made {
        assert!(synced(&parent(&event.path)) > Some(number), "{}: {events:?}", event.path);
    }
    let syncs = |path: &String| {
        let at = position(&|event| event.what == What::Name && event.path == *path);
        let at = at.unwrap_or_else(|| panic!("{path} has no name: {events:?}"));
        let inode = events[at].inode;
        let before = |event: &&Event| event.what == What::Fsync && event.inode == inode;
        let count = events[..at].iter().filter(before).count();
        assert!(count > 0, "{path} was not synced before it was named: {events:?}");
        assert!(synced(&parent(path)) > Some(at), "{path}: its directory was not synced: {events:?}");
        count
    };
    paths.iter().map(syncs).sum()
}

/// While this exists, no `fsync` of a file returns. Declare it after the server, so that it is dropped first.
pub struct Held<'m>(&'m Mount);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.set(&[]);
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        let _ = kill_process(self.0.pid(), Signal::CONT);
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // When the daemon ends, stopped or not, every operation that still waits for the mount fails.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
        let _ = Command::new("umount").arg("-l").arg(self.path()).stderr(Stdio::null()).status();
        // Removed here, because it could not be removed while it was mounted.
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn event(line: &str) -> Option<Event> {
    let mut words = line.splitn(3, ' ');
    let word = words.next()?;
    let (_, what) = WHATS.iter().find(|(name, _)| *name == word)?;
    Some(Event { what: *what, inode: words.next()?.parse().ok()?, path: words.next()?.to_owned() })
}
