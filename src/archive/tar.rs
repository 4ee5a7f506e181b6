//! Tar: a header of 512 bytes before each entry, content in blocks of 512, two empty blocks at the end.
//!
//! A pax header (POSIX.1-2017, `pax`) precedes that header and holds what it cannot: names of more than 100
//! bytes or beyond ASCII, and sizes of 8 GiB and more. As in other tar programs, the bytes of a name that is
//! not UTF-8 are written unchanged, so that it is extracted unchanged.

use std::io;
use std::time::SystemTime;

use tar::{Builder, EntryType, Header};

use super::mode;

/// Content is padded to a multiple of this, in bytes.
const BLOCK: u64 = 512;

/// The largest size that fits in the eleven octal digits of a header, in bytes.
const LARGEST_IN_HEADER: u64 = 0o777_7777_7777;

/// A tar that is being written.
pub struct Tar(Builder<Vec<u8>>);

impl Tar {
    /// Adds a directory. Its name has no trailing slash.
    pub fn directory(&mut self, name: &[u8], modified: SystemTime) -> io::Result<()> {
        let name = [name, b"/"].concat();
        self.entry(&name, EntryType::Directory, mode::DIRECTORY, 0, modified)
    }

    /// Begins a file. Exactly `len` bytes of content must follow, then [`Tar::pad`].
    pub fn file(&mut self, name: &[u8], len: u64, modified: SystemTime) -> io::Result<()> {
        self.entry(name, EntryType::Regular, mode::FILE, len, modified)
    }

    /// Adds content to the current file.
    pub fn content(&mut self, bytes: &[u8]) {
        self.0.get_mut().extend_from_slice(bytes);
    }

    /// Ends the current file, which has this length: pads its last block.
    pub fn pad(&mut self, len: u64) {
        let padding = (BLOCK - len % BLOCK) % BLOCK;
        let bytes = self.0.get_mut();
        bytes.resize(bytes.len() + padding as usize, 0);
    }

    /// How many bytes are ready to be taken.
    pub fn made(&self) -> usize {
        self.0.get_ref().len()
    }

    /// Takes the bytes that are ready. The caller may send content itself after them, without passing it here.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.0.get_mut())
    }

    /// Ends the archive and returns its last bytes.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        self.0.into_inner()
    }

    fn entry(
        &mut self,
        name: &[u8],
        kind: EntryType,
        mode: u32,
        len: u64,
        modified: SystemTime,
    ) -> io::Result<()> {
        let mut header = Header::new_ustar();
        let fits = set_name(&mut header, name);
        let is_text = std::str::from_utf8(name).is_ok();
        let size = len.to_string();
        let records = [
            ("path", name, !fits || (is_text && !name.is_ascii())),
            ("size", size.as_bytes(), len > LARGEST_IN_HEADER),
        ];
        let needed = records.iter().filter(|record| record.2).map(|&(key, value, _)| (key, value));
        self.0.append_pax_extensions(needed)?;
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(len);
        header.set_mtime(seconds(modified));
        // Extracted files belong to the user who extracts them. Only root applies the owners in the archive, which are
        // root.
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        self.0.append(&header, io::empty())
    }
}

/// Writes as much of the name as fits; returns whether all of it did.
fn set_name(header: &mut Header, name: &[u8]) -> bool {
    let field = &mut header.as_old_mut().name;
    let length = name.len().min(field.len());
    field[..length].copy_from_slice(&name[..length]);
    length == name.len()
}

/// Seconds since 1970; 0 for earlier times, as the header has no sign.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Default for Tar {
    fn default() -> Self {
        Self(Builder::new(Vec::new()))
    }
}

impl std::fmt::Debug for Tar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tar").field("made", &self.made()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::Duration;

    use super::*;

    /// A tar with these files; each is taken as soon as it is added.
    fn tar(files: &[(&[u8], &[u8])]) -> Vec<u8> {
        let (mut tar, mut bytes) = (Tar::default(), Vec::new());
        for (name, content) in files {
            let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_900);
            tar.file(name, content.len() as u64, time).expect("written");
            bytes.extend(tar.take());
            bytes.extend_from_slice(content);
            tar.pad(content.len() as u64);
        }
        bytes.extend(tar.finish().expect("ended"));
        bytes
    }

    #[test]
    fn names_are_read_back_unchanged() {
        let hundred = [b'h'; 100];
        let long = [[b'd'; 255].as_slice(), b"/", &[b'f'; 255]].concat();
        let long_not_text = [long.as_slice(), b"/\xff"].concat();
        let names: [&[u8]; 7] =
            [b"a", "gr\u{f6}\u{df}e".as_bytes(), b"line\nbreak", b"\xff", &hundred, &long, &long_not_text];
        let files: Vec<_> = names.iter().map(|&name| (name, b"content".as_slice())).collect();
        let bytes = tar(&files);
        assert_eq!(bytes.len() % 512, 0);
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut found = Vec::new();
        for entry in archive.entries().expect("a tar") {
            let mut entry = entry.expect("an entry");
            let mut content = String::new();
            entry.read_to_string(&mut content).expect("text");
            assert_eq!(
                (content.as_str(), entry.header().mtime().expect("a time")),
                ("content", 1_700_000_000)
            );
            assert_eq!(entry.header().mode().expect("a mode"), mode::FILE);
            found.push(entry.path_bytes().into_owned());
        }
        assert_eq!(found, names);
    }

    #[test]
    fn pax_is_used_where_needed() {
        let table: [(&str, &[u8], u64, &str); 5] = [
            ("a plain name", b"a", 1, ""),
            ("the largest size of the header", b"a", LARGEST_IN_HEADER, ""),
            ("larger", b"a", LARGEST_IN_HEADER + 1, "19 size=8589934592\n"),
            ("beyond ASCII", "\u{f6}".as_bytes(), 1, "11 path=\u{f6}\n"),
            ("not text", b"\xff", 1, ""),
        ];
        for (name, path, len, expected) in table {
            let mut tar = Tar::default();
            tar.file(path, len, SystemTime::UNIX_EPOCH).expect("written");
            let bytes = tar.take();
            let records = if bytes.len() > 512 { &bytes[512..512 + expected.len()] } else { b"" };
            assert_eq!(records, expected.as_bytes(), "{name}");
        }
    }

    #[test]
    fn times_before_1970() {
        assert_eq!(seconds(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), 0);
    }
}
