//! Where a part is kept, and how it is recognised.
//!
//! A part of `name` is `name.part`, with notes beside it in `name.part.from`. The notes contain the part's
//! inode and its creation time. A file without matching notes is not wharf's; then the part is `name.1.part`,
//! and so on. On a file system without creation times, notes match a file that is not longer than they say.
//!
//! ```text
//! notes ── the part, empty and locked ── its inode in the notes ── content ── the part gets its name ── no notes
//! ```
//!
//! This order is safe at any crash: leftovers can be distinguished from the files of others, so the next download of
//! the name resumes or removes them.

use std::ffi::OsString;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Statx, StatxFlags, flock, openat, statx};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::access::{self, NEW_FILE};
use super::naming;
use super::record;
use super::spot::{Spot, remove};
use crate::client::error::ClientError;
use crate::durable::name::create;

/// The longest notes that are read, in bytes: an address, an entity tag, two numbers, and a line for each piece.
const LONGEST_NOTES: u64 = 64 * 1024;

/// How often creating a part is tried while another program is creating one too, and the longest pause in
/// between, in milliseconds. Creating one takes a few system calls.
const TURNS: usize = 5;
const LONGEST_PAUSE: u64 = 32;

/// The placeholder for the inode until the part is created.
const NO_INODE: &str = "00000000000000000000 000000000000000000000";

/// The names of a part, and of the notes about it.
#[derive(Debug, Clone)]
pub(super) struct PartName {
    pub(super) dir: Arc<Dir>,
    pub(super) part: OsString,
    notes: OsString,
    /// The complete file's path, for messages.
    path: PathBuf,
}

/// The notes about a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notes {
    /// The address of the file.
    pub(super) from: String,
    /// The strong validator of the file's version. Without it, no other run can resume the part.
    #[serde(default)]
    pub(super) validator: Option<String>,
    /// Its length in bytes, if it is known.
    #[serde(default)]
    pub(super) length: Option<u64>,
    /// The part's inode and creation time. The first version did not write them.
    #[serde(default)]
    inode: Option<String>,
}

/// What exists under the names of a part and its notes.
enum State {
    Free,
    /// A part, or only notes.
    Ours(Noted),
    /// Something that wharf did not create.
    Foreign,
}

/// Parsed notes: their first line, the text after it, and the offset of that text.
type Noted = (Notes, Vec<u8>, u64);

/// A part of an earlier run.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) name: PartName,
    /// It is locked.
    pub(super) file: File,
    pub(super) notes: Notes,
    /// The text after the first line of its notes, and where it begins.
    pub(super) pieces: Vec<u8>,
    pub(super) pieces_at: u64,
}

/// A new part.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) name: PartName,
    /// It is locked, and empty.
    pub(super) file: File,
    /// The open notes, and where additional lines begin.
    pub(super) notes: (File, u64),
}

impl Notes {
    pub(super) fn new(from: &str, validator: Option<String>, length: Option<u64>) -> Self {
        Self { from: from.to_owned(), validator, length, inode: Some(NO_INODE.to_owned()) }
    }

    fn parse(text: &[u8]) -> Option<Noted> {
        let end = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1);
        let (line, rest) = text.split_at_checked(end)?;
        Some((serde_json::from_slice(line).ok()?, rest.to_owned(), end as u64))
    }

    /// The first line. It has the same length with and without an inode.
    pub(super) fn line(&self) -> Vec<u8> {
        // Writing strings and a number cannot fail.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Writes the part's inode to the notes in the file `written`.
    fn write_inode(&self, written: &File, file: &File) -> io::Result<()> {
        let facts = statx(file, "", AtFlags::EMPTY_PATH, FACTS)?;
        match inode(&facts) {
            Some(inode) => written.write_all_at(&Self { inode: Some(inode), ..self.clone() }.line(), 0),
            None => Ok(()),
        }
    }

    /// Whether the notes belong to this file.
    fn fit(&self, file: &Statx) -> bool {
        let known = inode(file);
        match (&self.inode, &known) {
            // wharf was killed before it could write the inode.
            (Some(noted), Some(_)) if noted == NO_INODE => file.stx_size == 0,
            (Some(noted), Some(known)) => noted == known,
            // Notes of the first version, or a file system without creation times.
            _ => self.length.is_none_or(|length| file.stx_size <= length),
        }
    }
}

impl PartName {
    /// The possible names of a file's part, the usual one first, except for names that other orders use.
    pub(super) fn all(spot: &Spot) -> Vec<Self> {
        let is_free = |name: &OsString| spot.claims.is_free(&spot.local, name);
        let free = naming::candidates(&spot.name).filter(|(part, notes)| is_free(part) && is_free(notes));
        let named = |(part, notes)| Self { dir: Arc::clone(&spot.dir), part, notes, path: spot.path.clone() };
        free.map(named).collect()
    }

    /// The path of the part, for messages.
    pub(super) fn shown(&self) -> PathBuf {
        self.path.with_file_name(&self.part)
    }

    pub(super) fn failed(&self, error: io::Error) -> ClientError {
        ClientError::Local("write", self.shown(), error)
    }

    /// The part of an earlier run, locked, if there is one.
    pub(super) fn left(self) -> Result<Option<Left>, ClientError> {
        let State::Ours((notes, pieces, pieces_at)) = self.state()? else { return Ok(None) };
        let file = self.lock(&notes)?;
        Ok(file.map(|file| Left { name: self, file, notes, pieces, pieces_at }))
    }

    fn state(&self) -> Result<State, ClientError> {
        let part = match statx(&self.dir, &self.part, AtFlags::SYMLINK_NOFOLLOW, FACTS) {
            Ok(part) => Some(part),
            Err(Errno::NOENT) => None,
            Err(error) => return Err(self.failed(error.into())),
        };
        let notes = match self.read_notes() {
            Ok(text) => Notes::parse(&text),
            Err(error) if error.kind() == ErrorKind::NotFound && part.is_none() => return Ok(State::Free),
            Err(_) => None,
        };
        Ok(match (notes, part) {
            (Some(about), None) => State::Ours(about),
            (Some(about), Some(part)) if is_regular(&part) && about.0.fit(&part) => State::Ours(about),
            _ => State::Foreign,
        })
    }

    fn read_notes(&self) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(&self.dir, &self.notes, flags, Mode::empty())?);
        // A downloaded file does not count as notes. Otherwise, a server could offer such a file to make another file
        // look like a part.
        if !file.metadata()?.is_file() || record::has_one(&file) {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut text = Vec::new();
        file.take(LONGEST_NOTES).read_to_end(&mut text)?;
        Ok(text)
    }

    /// Opens the notes, to overwrite lines.
    pub(super) fn open_notes(&self) -> Result<File, ClientError> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(&self.dir, &self.notes, flags, Mode::empty());
        opened.map(File::from).map_err(|error| self.failed(error.into()))
    }

    /// Opens and locks the part; `None` if there is none. Symlinks are not followed, and a FIFO does not block.
    fn lock(&self, notes: &Notes) -> Result<Option<File>, ClientError> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.dir, &self.part, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(self.failed(error.into())),
        };
        let facts = statx(&file, "", AtFlags::EMPTY_PATH, FACTS);
        let is_ours = facts.is_ok_and(|facts| is_regular(&facts) && notes.fit(&facts));
        if lock(&file) && is_ours && self.is_named(&file) { Ok(Some(file)) } else { Err(self.busy()) }
    }

    fn busy(&self) -> ClientError {
        ClientError::Busy(self.path.clone())
    }

    /// Whether the part is still this file: another program may just have renamed it.
    pub(super) fn is_named(&self, file: &File) -> bool {
        self.has(&self.part, file)
    }

    fn has(&self, name: &OsString, file: &File) -> bool {
        let named = statx(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW, FACTS);
        let ours = statx(file, "", AtFlags::EMPTY_PATH, FACTS);
        let number = |file: Statx| (file.stx_dev_major, file.stx_dev_minor, file.stx_ino);
        ours.is_ok_and(|ours| named.is_ok_and(|named| number(named) == number(ours)))
    }

    /// Removes the part and its notes, if the part is this file.
    pub(super) fn clear(&self, file: &File) {
        if self.is_named(file) {
            remove(&self.dir, &self.part);
            self.remove_notes();
        }
    }

    pub(super) fn remove_notes(&self) {
        remove(&self.dir, &self.notes);
    }

    /// Removes the part and its notes.
    fn vacate(&self, notes: &Notes) -> Result<(), ClientError> {
        match self.lock(notes)? {
            Some(file) => self.clear(&file),
            None => self.remove_notes(),
        }
        Ok(())
    }

    /// Creates a part with these notes.
    fn begin(self, notes: &Notes) -> Result<Begun, ClientError> {
        let written = self.write(notes)?;
        match self.make(&written, notes) {
            Ok(file) => Ok(Begun { name: self, file, notes: (written, notes.line().len() as u64) }),
            Err(error) => {
                if self.has(&self.notes, &written) {
                    self.remove_notes();
                }
                Err(error)
            }
        }
    }

    /// Creates the notes. An existing file of their name is not changed.
    fn write(&self, notes: &Notes) -> Result<File, ClientError> {
        let written = create(&self.dir, &self.notes, NEW_FILE, &notes.line());
        written.map_err(|error| self.not_made(error))
    }

    fn make(&self, written: &File, notes: &Notes) -> Result<File, ClientError> {
        let file = create(&self.dir, &self.part, NEW_FILE, b"").map_err(|error| self.not_made(error))?;
        // Another program may have taken these names meanwhile.
        if !lock(&file) || !self.is_named(&file) || !self.has(&self.notes, written) {
            if self.is_named(&file) {
                remove(&self.dir, &self.part);
            }
            return Err(self.busy());
        }
        notes.write_inode(written, &file).map_err(|error| self.failed(error))?;
        Ok(file)
    }

    /// Creates notes for this anonymous file, before it gets the part's name.
    pub(super) fn announce(&self, file: &File, notes: &Notes) -> Result<(), ClientError> {
        let written = self.write(notes)?;
        notes.write_inode(&written, file).map_err(|error| self.failed(error))
    }

    /// The error of creating a file. A name that was just free is now taken by another program that downloads the same file.
    fn not_made(&self, error: io::Error) -> ClientError {
        if error.kind() == ErrorKind::AlreadyExists { self.busy() } else { self.failed(error) }
    }
}

/// Creates a part of this file with these notes, and removes older parts. It gets the permissions of the file that it will
/// replace.
pub(super) fn begin(spot: &Spot, notes: &Notes) -> Result<Begun, ClientError> {
    let begun = in_turn(|| free(spot)?.begin(notes), pause)?;
    access::keep(&begun.file, spot, Mode::RUSR | Mode::WUSR);
    Ok(begun)
}

/// A free name for a part. Older parts are removed. Fails with [`ClientError::Busy`] if another program is writing a
/// part.
pub(super) fn free(spot: &Spot) -> Result<PartName, ClientError> {
    let mut free = None;
    for name in PartName::all(spot) {
        match name.state()? {
            State::Free => {}
            State::Ours((notes, ..)) => name.vacate(&notes)?,
            State::Foreign => continue,
        }
        free.get_or_insert(name);
    }
    free.ok_or_else(|| ClientError::NoPart(spot.path.clone()))
}

/// Removes the parts of earlier runs.
pub(super) fn vacate(spot: &Spot) -> Result<(), ClientError> {
    for name in PartName::all(spot) {
        if let State::Ours((notes, ..)) = name.state()? {
            name.vacate(&notes)?;
        }
    }
    Ok(())
}

/// Repeats `act` while it returns [`ClientError::Busy`]. Two programs that begin at the same moment may each find the
/// other's notes and give up. If another program is really downloading the file, the last attempt finds it too.
pub(super) fn in_turn<T>(
    mut act: impl FnMut() -> Result<T, ClientError>,
    mut pause: impl FnMut(),
) -> Result<T, ClientError> {
    for _ in 0..TURNS {
        match act() {
            Err(ClientError::Busy(_)) => pause(),
            other => return other,
        }
    }
    act()
}

/// Waits for a random time, so that two programs do not collide again.
pub(super) fn pause() {
    thread::sleep(Duration::from_millis(RandomState::new().hash_one(()) % LONGEST_PAUSE));
}

/// What identifies a file.
const FACTS: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::BTIME);

/// The inode and its creation time, if the file system has one: inode numbers are reused. As long as [`NO_INODE`].
fn inode(file: &Statx) -> Option<String> {
    let made = file.stx_btime;
    let has_time = StatxFlags::from_bits_retain(file.stx_mask).contains(StatxFlags::BTIME);
    has_time.then(|| format!("{:020} {:011}{:010}", file.stx_ino, made.tv_sec, made.tv_nsec))
}

fn is_regular(file: &Statx) -> bool {
    FileType::from_raw_mode(file.stx_mode.into()) == FileType::RegularFile
}

/// Locks a file; true if no other program has locked it, or if the file system has no locks.
pub(super) fn lock(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockExclusive) != Err(Errno::WOULDBLOCK)
}
