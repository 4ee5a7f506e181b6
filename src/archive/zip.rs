//! Zip (PKWARE's APPNOTE 6.3): a header before each file, and a central directory at the end.
//!
//! Files are stored uncompressed. Their checksum and size follow them (a data descriptor), so the writer never seeks back.
//! Files of 4 GiB and more, and archives of more entries than 16 bits count, use zip64.
//!
//! Names are UTF-8 and flagged as such. A byte that is not UTF-8 becomes `%XX`, as in the file's URL; so does a backslash,
//! which other systems would take for a slash.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use zip::result::ZipError;
use zip::write::{FullFileOptions, StreamWriter, ZipWriter};
use zip::{CompressionMethod, DateTime};

use super::error::ArchiveError;
use super::mode;

/// The maximum number of entries: each is remembered until the end, with some 300 bytes, so this is 75 MB at most.
pub const ENTRIES_LIMIT: usize = 250_000;

/// Files of at least this many bytes are written as zip64.
const ZIP64: u64 = u32::MAX as u64;

/// The extra field for Unix times (APPNOTE 4.5.2, "UT").
const UNIX_TIME: u16 = 0x5455;

/// A zip that is being written.
pub struct Zip {
    // Dropped first: see `Outlet`.
    outlet: Outlet,
    writer: ZipWriter<StreamWriter<Sink>>,
    entries: usize,
}

/// The buffer that the writer fills; `None` after the [`Outlet`] is dropped, then bytes are discarded.
#[derive(Debug, Clone)]
struct Sink(Arc<Mutex<Option<Vec<u8>>>>);

/// The reading end of the sink. Its drop closes the sink: a writer that is dropped before its end still writes its whole
/// central directory, which is not needed then.
#[derive(Debug)]
struct Outlet(Sink);

impl Zip {
    /// Adds a directory.
    pub(super) fn directory(&mut self, name: &[u8], modified: SystemTime) -> Result<(), ArchiveError> {
        self.count()?;
        Ok(self.writer.add_directory(name_of(name), options(mode::DIRECTORY, modified)?)?)
    }

    /// Begins a file of this length.
    pub(super) fn file(&mut self, name: &[u8], len: u64, modified: SystemTime) -> Result<(), ArchiveError> {
        self.count()?;
        let options = options(mode::FILE, modified)?.large_file(len >= ZIP64);
        Ok(self.writer.start_file(name_of(name), options)?)
    }

    pub(super) fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)
    }

    pub(super) fn made(&self) -> usize {
        self.outlet.0.lock().as_ref().map_or(0, Vec::len)
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        self.outlet.take()
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, ArchiveError> {
        let Self { outlet, writer, .. } = self;
        writer.finish()?;
        Ok(outlet.take())
    }

    /// Counts one more entry.
    fn count(&mut self) -> Result<(), ArchiveError> {
        self.entries += 1;
        if self.entries > ENTRIES_LIMIT { Err(ArchiveError::Full { limit: ENTRIES_LIMIT }) } else { Ok(()) }
    }
}

impl Default for Zip {
    fn default() -> Self {
        let sink = Sink(Arc::new(Mutex::new(Some(Vec::new()))));
        Self { outlet: Outlet(sink.clone()), writer: ZipWriter::new_stream(sink), entries: 0 }
    }
}

impl Sink {
    fn lock(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(kept) = &mut *self.lock() {
            kept.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Outlet {
    fn take(&self) -> Vec<u8> {
        self.0.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

/// A name as it is written in a zip.
fn name_of(bytes: &[u8]) -> String {
    let mut name = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        name.push_str(&chunk.valid().replace('\\', "%5C"));
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

/// The mode and times of an entry.
fn options(mode: u32, modified: SystemTime) -> Result<FullFileOptions<'static, 'static>, ArchiveError> {
    let mut options = FullFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .unix_permissions(mode)
        .last_modified_time(dos_time(modified).unwrap_or_default());
    let seconds = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    if let Ok(seconds) = i32::try_from(seconds) {
        // The flag for the modification time, and that time.
        let field = [&[1], seconds.to_le_bytes().as_slice()].concat();
        options.add_extra_field(UNIX_TIME, field, false)?;
    }
    Ok(options)
}

/// An MS-DOS time, in UTC, as the reader's time zone is unknown; `None` before 1980 and after 2107.
fn dos_time(time: SystemTime) -> Option<DateTime> {
    /// The last second of 2107.
    const LAST: Duration = Duration::from_secs(4_354_819_199);
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok().filter(|since| *since <= LAST)?;
    let text = humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string();
    let mut numbers =
        text.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u16>().ok());
    let year = numbers.next()?;
    let mut next = || u8::try_from(numbers.next()?).ok();
    DateTime::from_date_and_time(year, next()?, next()?, next()?, next()?, next()?).ok()
}

impl From<ZipError> for ArchiveError {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => Self::Io(error),
            // The name is taken: two names can become equal when bytes or backslashes are written as `%XX`.
            other => Self::Refused(other.to_string()),
        }
    }
}

impl std::fmt::Debug for Zip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Zip").field("entries", &self.entries).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn files_are_read_back_unchanged() {
        let (mut zip, mut bytes) = (Zip::default(), Vec::new());
        zip.directory(b"d", at(1_700_000_001)).expect("written");
        for (name, content) in [("d/a", "first"), ("d/gr\u{f6}\u{df}e", ""), ("b", "last")] {
            zip.file(name.as_bytes(), content.len() as u64, at(1_700_000_001)).expect("written");
            for byte in content.bytes() {
                zip.content(&[byte]).expect("written");
                bytes.extend(zip.take());
                assert_eq!(zip.made(), 0);
            }
        }
        bytes.extend(zip.finish().expect("ended"));
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("a zip");
        let mut found = Vec::new();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).expect("an entry");
            let mut content = String::new();
            file.read_to_string(&mut content).expect("its checksum holds");
            let name = file.name().expect("text").into_owned();
            found.push((name, file.unix_mode().map(|mode| mode & 0o777), content));
        }
        let expected = [
            ("d/", Some(0o755), ""),
            ("d/a", Some(0o644), "first"),
            ("d/gr\u{f6}\u{df}e", Some(0o644), ""),
            ("b", Some(0o644), "last"),
        ];
        assert_eq!(found, expected.map(|(name, mode, content)| (name.to_owned(), mode, content.to_owned())));
    }

    #[test]
    fn names_that_other_systems_would_misread() {
        let table: [(&[u8], &str); 5] = [
            (b"a b", "a b"),
            ("\u{6f22}".as_bytes(), "\u{6f22}"),
            (b"a\xffb\xfe", "a%FFb%FE"),
            (br"..\..\evil.exe", "..%5C..%5Cevil.exe"),
            (b"100%", "100%"),
        ];
        for (bytes, name) in table {
            assert_eq!(name_of(bytes), name);
        }
    }

    #[test]
    fn a_name_that_is_taken_is_rejected() {
        let mut zip = Zip::default();
        zip.file(b"a%FF", 1, at(0)).expect("written");
        zip.content(b"x").expect("written");
        assert!(matches!(zip.file(b"a\xff", 1, at(0)), Err(ArchiveError::Refused(_))));
        zip.file(b"b", 1, at(0)).expect("written after an error");
        zip.content(b"y").expect("written");
        let archive = zip::ZipArchive::new(Cursor::new(zip.finish().expect("ended"))).expect("a zip");
        let names: Vec<_> = archive.file_names().map(|name| name.expect("text")).collect();
        assert_eq!(names, ["a%FF", "b"]);
    }

    #[test]
    fn times() {
        let table = [
            ("before 1980", 0, None),
            ("1980", 315_532_800, Some((1980, 1, 1, 0, 0, 0))),
            ("an odd second", 1_700_000_001, Some((2023, 11, 14, 22, 13, 20))),
            ("2107", 4_354_819_199, Some((2107, 12, 31, 23, 59, 58))),
            ("after it", 4_354_819_200, None),
        ];
        for (name, seconds, expected) in table {
            let found = dos_time(at(seconds)).map(|time| {
                (time.year(), time.month(), time.day(), time.hour(), time.minute(), time.second())
            });
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_dropped_zip_keeps_nothing() {
        let mut zip = Zip::default();
        zip.file(b"a", 1, at(0)).expect("written");
        let sink = zip.outlet.0.clone();
        drop(zip);
        assert!(sink.lock().is_none());
    }
}
