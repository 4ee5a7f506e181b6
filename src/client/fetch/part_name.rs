//! Where a part is kept, and how it proves to be one.
//!
//! A part of `name` is `name.part`, with `name.part.from` beside it: notes about the part, among them its inode and when
//! that was made. A file without notes that fit is somebody else's, whatever it is called; then the part is `name.1.part`,
//! and so on. Where the file system does not tell when an inode was made, the notes fit a file that is no longer than they
//! say.
//!
//! ```text
//! notes ── the part, empty and locked ── its inode in the notes ── content ── the part gets its name ── no notes
//! ```
//!
//! In this order the program may end at any moment: what it leaves can be told from what it did not make, so the next
//! download of the name goes on with it or removes it.

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

/// The longest notes that are read, in bytes: an address, an entity tag, two numbers, and the lines of the pieces.
const LONGEST_NOTES: u64 = 64 * 1024;

/// How often a part is tried to be begun while another program is in the way, and how long the pause in between may be, in
/// milliseconds. To begin one takes some system calls.
const TURNS: usize = 5;
const LONGEST_PAUSE: u64 = 32;

/// An inode of which nothing is known yet.
const NO_INODE: &str = "00000000000000000000 000000000000000000000";

/// The names of a part, and of the notes about it.
#[derive(Debug, Clone)]
pub(super) struct PartName {
    pub(super) dir: Arc<Dir>,
    pub(super) part: OsString,
    notes: OsString,
    /// The file that it is a part of, for people.
    path: PathBuf,
}

/// What a part is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notes {
    /// The address of the file.
    pub(super) from: String,
    /// The strong validator of its version; without one, no other run can go on with it.
    #[serde(default)]
    pub(super) validator: Option<String>,
    /// Its length in bytes, where that is known.
    #[serde(default)]
    pub(super) length: Option<u64>,
    /// The inode of the part, and when that was made. The first version did not write it.
    #[serde(default)]
    inode: Option<String>,
}

/// What has such names.
enum State {
    Free,
    /// A part, or notes alone.
    Ours(Noted),
    /// Something that wharf did not make.
    Foreign,
}

/// What notes say: their first line, what is behind it, and where that begins.
type Noted = (Notes, Vec<u8>, u64);

/// A part that was left.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) name: PartName,
    /// It is locked.
    pub(super) file: File,
    pub(super) notes: Notes,
    /// What is behind the first line of its notes, and where that begins.
    pub(super) pieces: Vec<u8>,
    pub(super) pieces_at: u64,
}

/// A part that begins.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) name: PartName,
    /// It is locked, and empty.
    pub(super) file: File,
    /// Opened for what is to be noted besides, which begins at this byte.
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

    /// Their line. It is as long with an inode as without.
    pub(super) fn line(&self) -> Vec<u8> {
        // Strings and a number: there is nothing in it that could not be written.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Writes the inode of the part to the notes in this file.
    fn write_inode(&self, written: &File, file: &File) -> io::Result<()> {
        let facts = statx(file, "", AtFlags::EMPTY_PATH, FACTS)?;
        match inode(&facts) {
            Some(inode) => written.write_all_at(&Self { inode: Some(inode), ..self.clone() }.line(), 0),
            None => Ok(()),
        }
    }

    /// Whether they are about this file.
    fn fit(&self, file: &Statx) -> bool {
        let known = inode(file);
        match (&self.inode, &known) {
            // It ended between the second step and the third.
            (Some(noted), Some(_)) if noted == NO_INODE => file.stx_size == 0,
            (Some(noted), Some(known)) => noted == known,
            // The first version's notes, or a file system that does not tell when it made an inode.
            _ => self.length.is_none_or(|length| file.stx_size <= length),
        }
    }
}

impl PartName {
    /// Where the part of this file may be kept, the usual place first. A name that another order has is left to that.
    pub(super) fn all(spot: &Spot) -> Vec<Self> {
        let is_free = |name: &OsString| spot.claims.is_free(&spot.local, name);
        let free = naming::candidates(&spot.name).filter(|(part, notes)| is_free(part) && is_free(notes));
        let named = |(part, notes)| Self { dir: Arc::clone(&spot.dir), part, notes, path: spot.path.clone() };
        free.map(named).collect()
    }

    /// The path of the part, for people.
    pub(super) fn shown(&self) -> PathBuf {
        self.path.with_file_name(&self.part)
    }

    pub(super) fn failed(&self, error: io::Error) -> ClientError {
        ClientError::Local("write", self.shown(), error)
    }

    /// The part that was left here, locked, if one was.
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
        // A server may offer a file of such a name, to have somebody's file taken for a part.
        if !file.metadata()?.is_file() || record::has_one(&file) {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut text = Vec::new();
        file.take(LONGEST_NOTES).read_to_end(&mut text)?;
        Ok(text)
    }

    /// Opens the notes, for their lines to be written anew.
    pub(super) fn open_notes(&self) -> Result<File, ClientError> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(&self.dir, &self.notes, flags, Mode::empty());
        opened.map(File::from).map_err(|error| self.failed(error.into()))
    }

    /// Opens and locks the part; `None` if there is none. A link is not followed, and a FIFO not waited for.
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

    /// Whether the part is this file: whoever had locked it may just have put it in its place.
    pub(super) fn is_named(&self, file: &File) -> bool {
        self.has(&self.part, file)
    }

    fn has(&self, name: &OsString, file: &File) -> bool {
        let named = statx(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW, FACTS);
        let ours = statx(file, "", AtFlags::EMPTY_PATH, FACTS);
        let number = |file: Statx| (file.stx_dev_major, file.stx_dev_minor, file.stx_ino);
        ours.is_ok_and(|ours| named.is_ok_and(|named| number(named) == number(ours)))
    }

    /// Removes the part and its notes, if it is this file.
    pub(super) fn clear(&self, file: &File) {
        if self.is_named(file) {
            remove(&self.dir, &self.part);
            self.remove_notes();
        }
    }

    pub(super) fn remove_notes(&self) {
        remove(&self.dir, &self.notes);
    }

    /// Removes the part that was left here, and its notes. Afterwards nothing of wharf's is here.
    fn vacate(&self, notes: &Notes) -> Result<(), ClientError> {
        match self.lock(notes)? {
            Some(file) => self.clear(&file),
            None => self.remove_notes(),
        }
        Ok(())
    }

    /// Begins a part with these notes.
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

    /// Writes notes that are not there yet. Whatever has come to their name meanwhile stays what it is.
    fn write(&self, notes: &Notes) -> Result<File, ClientError> {
        let written = create(&self.dir, &self.notes, NEW_FILE, &notes.line());
        written.map_err(|error| self.not_made(error))
    }

    fn make(&self, written: &File, notes: &Notes) -> Result<File, ClientError> {
        let file = create(&self.dir, &self.part, NEW_FILE, b"").map_err(|error| self.not_made(error))?;
        // Another program may have taken these names in between.
        if !lock(&file) || !self.is_named(&file) || !self.has(&self.notes, written) {
            if self.is_named(&file) {
                remove(&self.dir, &self.part);
            }
            return Err(self.busy());
        }
        notes.write_inode(written, &file).map_err(|error| self.failed(error))?;
        Ok(file)
    }

    /// Notes that this file, which has no name, is about to get the part's.
    pub(super) fn announce(&self, file: &File, notes: &Notes) -> Result<(), ClientError> {
        let written = self.write(notes)?;
        notes.write_inode(&written, file).map_err(|error| self.failed(error))
    }

    /// A name that was free a moment ago and is not any more: another program begins to download the same.
    fn not_made(&self, error: io::Error) -> ClientError {
        if error.kind() == ErrorKind::AlreadyExists { self.busy() } else { self.failed(error) }
    }
}

/// Begins a part of this file, with these notes. Parts that were left of it are removed. Nobody may read it who may not read
/// the file that it will replace.
pub(super) fn begin(spot: &Spot, notes: &Notes) -> Result<Begun, ClientError> {
    let begun = in_turn(|| free(spot)?.begin(notes), pause)?;
    access::keep(&begun.file, spot, Mode::RUSR | Mode::WUSR);
    Ok(begun)
}

/// A free name for a part. Parts that were left are removed; `Busy` if another program still writes one.
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

/// Removes parts that were left.
pub(super) fn vacate(spot: &Spot) -> Result<(), ClientError> {
    for name in PartName::all(spot) {
        if let State::Ours((notes, ..)) = name.state()? {
            name.vacate(&notes)?;
        }
    }
    Ok(())
}

/// Does this again as long as another program is in the way: two that begin at the same moment may each find the other's
/// notes and give up, and then no one would have the file. One that really downloads it is still in the way at the end.
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

/// Waits for a random time, so that two that wait do not meet again.
pub(super) fn pause() {
    thread::sleep(Duration::from_millis(RandomState::new().hash_one(()) % LONGEST_PAUSE));
}

/// What tells one file from another.
const FACTS: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::BTIME);

/// The inode, and when it was made, where the file system tells that: numbers of inodes are used again. It is as long as
/// [`NO_INODE`].
fn inode(file: &Statx) -> Option<String> {
    let made = file.stx_btime;
    let told = StatxFlags::from_bits_retain(file.stx_mask).contains(StatxFlags::BTIME);
    told.then(|| format!("{:020} {:011}{:010}", file.stx_ino, made.tv_sec, made.tv_nsec))
}

fn is_regular(file: &Statx) -> bool {
    FileType::from_raw_mode(file.stx_mode.into()) == FileType::RegularFile
}

/// Locks a file; a file system without locks has no way to tell.
pub(super) fn lock(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockExclusive) != Err(Errno::WOULDBLOCK)
}
