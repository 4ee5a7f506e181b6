//! Zip (PKWARE's APPNOTE 6.3) as a layout: where each byte of the archive comes from is known before the first is sent.
//!
//! ```text
//! local header │ content │ (data descriptor) ║ … ║ central header ║ … ║ end
//! ```
//!
//! A [`ZipLayout`] is made from names, lengths and times alone. So the length of the archive is known, and any part of
//! it can be produced without the others. Therefore, an interrupted download can be resumed. The caller adds the
//! content and the checksums.
//!
//! A file of up to [`STORED_LIMIT`] is stored. Its checksum is in its local header, so a program that reads the archive
//! as a stream knows where the file ends. The checksum of a longer file follows its content (a data descriptor). Then
//! the program finds the end only if the content marks it, so the content is deflated, in stored [`blocks`].
//!
//! An archive of 4 GiB or more, or with 65,535 entries or more, uses zip64.

pub mod blocks;
mod entry;
mod name;
mod time;

use std::collections::HashSet;
use std::time::SystemTime;

use super::error::ArchiveError;
pub use entry::Coding;
use entry::Entry;
use time::Times;

/// The maximum number of entries: the caller keeps each until the end, and at about 300 bytes each they take
/// 75 MB.
pub const ENTRIES_LIMIT: usize = 250_000;

/// The maximum length, in bytes, of a file that is stored. Its checksum is computed before its first byte is
/// sent.
pub const STORED_LIMIT: u64 = 256 << 20;

/// Where each byte of a zip is.
#[derive(Debug)]
pub struct ZipLayout {
    entries: Vec<Entry>,
    /// Where the central directory begins.
    directory: u64,
    /// Where it ends.
    end: u64,
}

/// Adds entries to a [`ZipLayout`].
#[derive(Debug)]
pub struct ZipBuilder {
    /// The maximum length of a file that is stored: [`STORED_LIMIT`], or less in tests.
    stored_limit: u64,
    entries: Vec<Entry>,
    /// The names so far: two can become equal when bytes or backslashes are written as `%XX`.
    names: HashSet<Box<[u8]>>,
    length: u64,
}

/// A part of a zip, with the number of its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZipPart {
    /// The header before the content.
    LocalHeader(usize),
    /// The content.
    Content(usize),
    /// The checksum and the lengths, after the content.
    Descriptor(usize),
    /// The header in the central directory.
    CentralHeader(usize),
    /// The end of the archive.
    End,
}

/// A part, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedPart {
    /// The part.
    pub part: ZipPart,
    /// The offset of its first byte.
    pub start: u64,
    /// The offset after its last byte.
    pub end: u64,
}

impl Default for ZipBuilder {
    fn default() -> Self {
        Self { stored_limit: STORED_LIMIT, entries: Vec::new(), names: HashSet::new(), length: 0 }
    }
}

impl ZipBuilder {
    /// Adds a directory. Its name has no trailing slash.
    pub fn directory(&mut self, name: &[u8], modified: SystemTime) -> Result<(), ArchiveError> {
        self.add([name::encoded(name).as_slice(), b"/"].concat(), 0, modified)
    }

    /// Adds a file of this length.
    pub fn file(&mut self, name: &[u8], length: u64, modified: SystemTime) -> Result<(), ArchiveError> {
        self.add(name::encoded(name), length, modified)
    }

    fn add(&mut self, name: Vec<u8>, length: u64, modified: SystemTime) -> Result<(), ArchiveError> {
        if self.entries.len() >= ENTRIES_LIMIT {
            return Err(ArchiveError::Full { limit: ENTRIES_LIMIT });
        }
        let name = name.into_boxed_slice();
        if u16::try_from(name.len()).is_err() {
            return Err(ArchiveError::Refused("its name is too long for a zip".to_owned()));
        }
        if !self.names.insert(name.clone()) {
            return Err(ArchiveError::Refused("another entry has the same name in the zip".to_owned()));
        }
        let coding = if length <= self.stored_limit { Coding::Stored } else { Coding::Blocks };
        let entry =
            Entry { name, times: Times::of(modified), length, coding, local: self.length, central: 0 };
        self.length = entry.end();
        self.entries.push(entry);
        Ok(())
    }

    /// The layout of these entries.
    pub fn finish(self) -> ZipLayout {
        let Self { mut entries, length: directory, .. } = self;
        let mut end = directory;
        for entry in &mut entries {
            entry.central = end;
            end += entry.central_header(0).len() as u64;
        }
        ZipLayout { entries, directory, end }
    }
}

impl ZipLayout {
    /// The length of the whole archive, in bytes.
    pub fn length(&self) -> u64 {
        self.end + entry::end(self.entries.len(), self.directory, self.end).len() as u64
    }

    /// The part that has the byte at this offset; `None` after the end.
    pub fn part_at(&self, offset: u64) -> Option<PlacedPart> {
        if offset < self.directory {
            let number = self.entries.partition_point(|entry| entry.local <= offset).checked_sub(1)?;
            return Some(self.entries.get(number)?.part_at(number, offset));
        }
        if offset < self.end {
            let number = self.entries.partition_point(|entry| entry.central <= offset).checked_sub(1)?;
            let start = self.entries.get(number)?.central;
            let end = self.entries.get(number + 1).map_or(self.end, |next| next.central);
            return Some(PlacedPart { part: ZipPart::CentralHeader(number), start, end });
        }
        let place = PlacedPart { part: ZipPart::End, start: self.end, end: self.length() };
        (offset < place.end).then_some(place)
    }

    /// The number of the entry whose checksum this part contains, unless that entry is empty: then the
    /// checksum is 0.
    pub fn needs_checksum(&self, part: ZipPart) -> Option<usize> {
        let number = match part {
            ZipPart::LocalHeader(number) => Some(number).filter(|_| self.coding(number) == Coding::Stored),
            ZipPart::Descriptor(number) | ZipPart::CentralHeader(number) => Some(number),
            ZipPart::Content(_) | ZipPart::End => None,
        };
        number.filter(|&number| self.entries.get(number).is_some_and(|entry| entry.length > 0))
    }

    /// How the content of an entry is encoded.
    pub fn coding(&self, number: usize) -> Coding {
        self.entries.get(number).map_or(Coding::Stored, |entry| entry.coding)
    }

    /// The bytes of a part, with the checksum (CRC-32) of its entry. The content comes from the caller, so the part for
    /// the content is empty here.
    pub fn bytes(&self, part: ZipPart, checksum: u32) -> Vec<u8> {
        let entry = |number: usize| self.entries.get(number);
        match part {
            ZipPart::LocalHeader(number) => entry(number).map(|entry| entry.local_header(checksum)),
            ZipPart::Descriptor(number) => entry(number).map(|entry| entry.descriptor(checksum)),
            ZipPart::CentralHeader(number) => entry(number).map(|entry| entry.central_header(checksum)),
            ZipPart::End => Some(entry::end(self.entries.len(), self.directory, self.end)),
            ZipPart::Content(_) => None,
        }
        .unwrap_or_default()
    }
}

impl Entry {
    /// Where its content begins, where that ends, and where the entry ends.
    fn places(&self) -> [u64; 3] {
        let content = self.local + self.local_header(0).len() as u64;
        let descriptor = content + self.encoded_length();
        [content, descriptor, descriptor + self.descriptor(0).len() as u64]
    }

    fn end(&self) -> u64 {
        self.places()[2]
    }

    /// The part of this entry that contains the byte at this offset. The offset is within the entry.
    fn part_at(&self, number: usize, offset: u64) -> PlacedPart {
        let [content, descriptor, end] = self.places();
        if offset < content {
            PlacedPart { part: ZipPart::LocalHeader(number), start: self.local, end: content }
        } else if offset < descriptor {
            PlacedPart { part: ZipPart::Content(number), start: content, end: descriptor }
        } else {
            PlacedPart { part: ZipPart::Descriptor(number), start: descriptor, end }
        }
    }
}

#[cfg(test)]
mod tests;
