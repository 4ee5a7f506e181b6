//! The bytes of a zip, or of a part of it, produced while they are sent.
//!
//! A file is opened when its turn comes, and must still be the version that the walk saw, until its last byte has been
//! sent: a file that has changed aborts the zip.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::SystemTime;

use super::common::{BY_ITSELF, CHUNK};
use super::frozen::{Frozen, FrozenFile};
use crate::access::{Judge, ToRead};
use crate::archive::zip::{Coding, PlacedPart, ZipPart, blocks};
use crate::blocking::Blocking;
use crate::folder::{Error, Facts, Folder, Node, OpenFile};
use crate::http::range::Span;
use crate::printable::Printable;
use crate::server::connections::capacity::ARCHIVE_FILES;
use crate::server::content::{Chunk, Content, ContentSource, FileSpan, Produced};
use crate::server::crcs::Crcs;
use crate::server::jobs::Chores;
use crate::server::jobs::deferred::{Deferred, OpenedFile};
use crate::server::jobs::fair_permits::FairPermit;
use crate::server::state::State;

/// How many bytes are read before other connections get their turn: a few hundredths of a second.
const SLICE: u64 = 16 << 20;

/// How many bytes of the budget the opening of a file costs.
const OPENING: u64 = SLICE / 256;

/// How many blocks of a long file are produced at once.
const BLOCKS: u64 = 16;

/// Produces a zip.
#[derive(Debug)]
pub(super) struct ZipSource {
    frozen: Frozen,
    /// The checksums known so far, by the number of the entry.
    crcs: Vec<Option<u32>>,
    remembered: Arc<Crcs>,
    folder: Folder,
    judge: Judge,
    chores: Chores,
    /// The offset of the next byte to be produced, and the offset after the last byte.
    at: u64,
    end: u64,
    /// The file that was used last.
    current: Option<Current>,
    /// The permit is returned when the last byte has been sent.
    _permit: FairPermit,
}

/// An open file.
#[derive(Debug)]
struct Current {
    number: usize,
    file: OpenedFile,
    facts: Facts,
    /// The whole content, if it is short.
    content: Option<Vec<u8>>,
    /// The checksum of its first bytes.
    hasher: crc32fast::Hasher,
    /// The number of those bytes.
    hashed: u64,
    /// Whether its checksum can be remembered.
    is_settled: bool,
}

/// How much more may be read in this turn.
struct Budget(u64);

impl ZipSource {
    /// This span of the zip.
    pub(super) fn new(frozen: Frozen, span: Span, judge: Judge, state: &State, permit: FairPermit) -> Self {
        Self {
            crcs: vec![None; frozen.entries.len()],
            frozen,
            remembered: Arc::clone(&state.crcs),
            folder: state.folder.clone(),
            judge,
            chores: state.chores.clone(),
            at: span.start(),
            end: span.end(),
            current: None,
            _permit: permit,
        }
    }

    fn make(&mut self, disk: Blocking<'_>) -> io::Result<Produced> {
        // The bytes that were produced before have been sent.
        self.confirm_current()?;
        let (mut bytes, mut budget) = (Vec::new(), Budget(SLICE));
        while bytes.len() < CHUNK && !budget.is_used_up() {
            let Some(place) = self.frozen.layout.part_at(self.at).filter(|_| self.at < self.end) else {
                return Ok(if bytes.is_empty() { Produced::End } else { Produced::bytes(bytes) });
            };
            if let ZipPart::Content(number) = place.part {
                if let Some(span) = self.content(number, place, &mut bytes, &mut budget, disk)? {
                    let mut content = if bytes.is_empty() { Content::default() } else { bytes.into() };
                    content.push(Chunk::File(span));
                    return Ok(Produced::Content(content));
                }
            } else {
                let crc = match self.frozen.layout.needs_checksum(place.part) {
                    None => Some(0),
                    Some(number) => self.crc(number, &mut budget, disk)?,
                };
                let Some(crc) = crc else { break };
                let whole = self.frozen.layout.bytes(place.part, crc);
                let (from, to) = (self.at - place.start, self.end.min(place.end) - place.start);
                bytes.extend_from_slice(&whole[from as usize..to as usize]);
                self.at += to - from;
            }
        }
        Ok(Produced::bytes(bytes))
    }

    /// Produces content of an entry: bytes, or a span of its file.
    fn content(
        &mut self,
        number: usize,
        place: PlacedPart,
        bytes: &mut Vec<u8>,
        budget: &mut Budget,
        disk: Blocking<'_>,
    ) -> io::Result<Option<FileSpan>> {
        let coding = self.frozen.layout.coding(number);
        let (from, to) = (self.at - place.start, self.end.min(place.end) - place.start);
        let current = self.open(number, budget, disk)?;
        match (coding, &current.content) {
            (Coding::Stored, Some(content)) => {
                bytes.extend_from_slice(&content[from as usize..to as usize]);
                self.at += to - from;
            }
            (Coding::Stored, None) => {
                let span = Span::new(from, to - from, current.facts.len);
                let span = span.map(|span| FileSpan::new(Arc::clone(&current.file), span));
                self.at += to - from;
                return Ok(span);
            }
            (Coding::Blocks, _) => {
                let (start, header) = blocks::content_at(from);
                let len = current.facts.len;
                let mut content = vec![0; (BLOCKS * blocks::BLOCK).min(len - start) as usize];
                current.read(&mut content, start)?;
                budget.use_up(content.len() as u64);
                if current.hashed == start {
                    current.hash(&content);
                }
                let before = bytes.len();
                blocks::append(bytes, &content, start, len, header);
                bytes.truncate(before + ((bytes.len() - before) as u64).min(to - from) as usize);
                self.at += (bytes.len() - before) as u64;
            }
        }
        Ok(None)
    }

    /// The checksum of an entry; `None` if the budget does not suffice to compute it.
    fn crc(&mut self, number: usize, budget: &mut Budget, disk: Blocking<'_>) -> io::Result<Option<u32>> {
        if let Some(crc) = self.crcs[number] {
            return Ok(Some(crc));
        }
        let remembered = self.file(number).and_then(|file| self.remembered.get(&file.version));
        let crc = match remembered {
            Some(crc) => Some(crc),
            None => self.compute_crc(number, budget, disk)?,
        };
        self.crcs[number] = crc;
        Ok(crc)
    }

    fn compute_crc(
        &mut self,
        number: usize,
        budget: &mut Budget,
        disk: Blocking<'_>,
    ) -> io::Result<Option<u32>> {
        let current = self.open(number, budget, disk)?;
        if !current.hash_rest(budget)? {
            return Ok(None);
        }
        let (crc, version, is_settled) =
            (current.hasher.clone().finalize(), current.facts.version, current.is_settled);
        self.confirm_current()?;
        if is_settled {
            self.remembered.insert(version, crc);
        }
        Ok(Some(crc))
    }

    fn file(&self, number: usize) -> Option<FrozenFile> {
        self.frozen.entries.get(number)?.file
    }

    /// Opens the file of an entry, unless it is open, and closes the one before.
    fn open(&mut self, number: usize, budget: &mut Budget, disk: Blocking<'_>) -> io::Result<&mut Current> {
        if self.current.as_ref().is_none_or(|current| current.number != number) {
            self.confirm_current()?;
            budget.use_up(OPENING);
            let entry = self.frozen.entries.get(number).ok_or_else(|| io::Error::other("no such entry"))?;
            let name = || Printable(entry.path.as_bytes()).to_string();
            let granted = self.judge.check::<ToRead>(&entry.path).map_err(Error::from);
            let open = match granted.and_then(|grant| self.folder.open(&grant, disk)) {
                Ok(Node::File(open)) if Some(open.facts.version) == entry.file.map(|file| file.version) => {
                    open
                }
                Ok(_) => return Err(changed(&name())),
                Err(error) => return Err(io::Error::other(format!("{}: {error}", name()))),
            };
            self.current = Some(Current::new(number, open, &self.chores)?);
        }
        self.current.as_mut().ok_or_else(|| io::Error::other("no file is open"))
    }

    /// Fails if the file that was used last has changed.
    fn confirm_current(&self) -> io::Result<()> {
        let Some(current) = &self.current else { return Ok(()) };
        if current.facts.renewed(&current.file)?.version == current.facts.version {
            return Ok(());
        }
        let path = self.frozen.entries.get(current.number).map(|entry| &entry.path);
        Err(changed(&path.map(|path| Printable(path.as_bytes()).to_string()).unwrap_or_default()))
    }
}

fn changed(name: &str) -> io::Error {
    io::Error::other(format!("{name} has changed since the zip was begun"))
}

impl ContentSource for ZipSource {
    fn length(&self) -> Option<u64> {
        Some(self.end - self.at)
    }

    fn next(&mut self, disk: Blocking<'_>) -> io::Result<Produced> {
        self.make(disk).map_err(|error| io::Error::new(error.kind(), format!("a zip was aborted: {error}")))
    }

    fn descriptors(&self) -> u32 {
        ARCHIVE_FILES
    }
}

impl Current {
    fn new(number: usize, open: OpenFile, chores: &Chores) -> io::Result<Self> {
        let OpenFile { file, facts, .. } = open;
        let mut current = Self {
            number,
            file: Arc::new(Deferred::new(file, chores)),
            facts,
            content: None,
            hasher: crc32fast::Hasher::new(),
            hashed: 0,
            is_settled: facts.version.is_settled(SystemTime::now()),
        };
        if facts.len < BY_ITSELF {
            let mut content = vec![0; facts.len as usize];
            current.read(&mut content, 0)?;
            current.hash(&content);
            current.content = Some(content);
        }
        Ok(current)
    }

    /// Reads content at this offset.
    fn read(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(into, at)
    }

    /// Continues the checksum with these bytes.
    fn hash(&mut self, content: &[u8]) {
        self.hasher.update(content);
        self.hashed += content.len() as u64;
    }

    /// Continues the checksum to the end. Returns whether the budget sufficed.
    fn hash_rest(&mut self, budget: &mut Budget) -> io::Result<bool> {
        let mut block = vec![0; CHUNK];
        while self.hashed < self.facts.len {
            if budget.is_used_up() {
                return Ok(false);
            }
            let count = (self.facts.len - self.hashed).min(CHUNK as u64) as usize;
            self.read(&mut block[..count], self.hashed)?;
            self.hash(&block[..count]);
            budget.use_up(count as u64);
        }
        Ok(true)
    }
}

impl Budget {
    fn is_used_up(&self) -> bool {
        self.0 == 0
    }

    fn use_up(&mut self, count: u64) {
        self.0 = self.0.saturating_sub(count);
    }
}
