//! The content of a request: a local file, bytes, or what arrives on stdin.

use std::cell::Cell;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::ClientError;
use super::transfer::progress::WorkerProgress;

/// The name of stdin in errors.
const STDIN: &str = "stdin";

/// Content to send: a local file, with the length that it had when it was opened, bytes, or stdin.
#[derive(Debug)]
pub struct RequestContent {
    source: Source,
    /// The length of the source.
    total: u64,
    /// The part that is sent: its offset in the source, and its length.
    start: u64,
    length: u64,
    /// The version of the file that was opened.
    opened: Option<OpenedVersion>,
    /// Counts the bytes sent.
    shown_at: Option<Arc<WorkerProgress>>,
}

#[derive(Debug)]
enum Source {
    File(File, PathBuf),
    Bytes(Vec<u8>),
    Input(ContentInput),
}

/// A source that is read once, and whose length is known at its end.
#[derive(Debug)]
pub(super) struct ContentInput {
    file: File,
    /// How many bytes were read; `None` before the first attempt.
    read: Cell<Option<u64>>,
}

/// What changes with the content of a file: its length, and the times of the last change, in seconds and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OpenedVersion {
    length: u64,
    modified: (i64, i64),
}

impl OpenedVersion {
    fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), modified: (metadata.mtime(), metadata.mtime_nsec()) }
    }
}

impl RequestContent {
    /// Opens a file. Only a regular file is opened: a FIFO would block.
    pub fn open(path: &Path) -> Result<Self, ClientError> {
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => ClientError::Missing(path.to_owned()),
            _ => ClientError::Local("read", path.to_owned(), error),
        };
        let kind = std::fs::metadata(path).map_err(failed)?.file_type();
        if kind.is_dir() {
            return Err(ClientError::Directory(path.to_owned()));
        }
        if !kind.is_file() {
            return Err(ClientError::NotAFile(path.to_owned()));
        }
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let (source, opened) = (Source::File(file, path.to_owned()), Some(OpenedVersion::of(&metadata)));
        let total = metadata.len();
        Ok(Self { source, total, start: 0, length: total, opened, shown_at: None })
    }

    /// These bytes.
    pub fn bytes(bytes: Vec<u8>) -> Self {
        let total = bytes.len() as u64;
        Self { source: Source::Bytes(bytes), total, start: 0, length: total, opened: None, shown_at: None }
    }

    /// What arrives on stdin, until it ends. It is read once.
    pub fn stdin() -> Result<Self, ClientError> {
        let input = ContentInput::open(io::stdin().as_fd())?;
        Ok(Self { source: Source::Input(input), total: 0, start: 0, length: 0, opened: None, shown_at: None })
    }

    /// What arrives on this descriptor.
    #[cfg(test)]
    pub(super) fn input_from(fd: BorrowedFd<'_>) -> Result<Self, ClientError> {
        let source = Source::Input(ContentInput::open(fd)?);
        Ok(Self { source, total: 0, start: 0, length: 0, opened: None, shown_at: None })
    }

    /// Whether the content cannot be sent again: some of it was read from a pipe, and is not stored.
    pub(super) fn is_used(&self) -> bool {
        self.input().is_some_and(|input| input.read.get().is_some())
    }

    /// The source of content whose length is not known.
    pub(super) fn input(&self) -> Option<&ContentInput> {
        match &self.source {
            Source::Input(input) => Some(input),
            _ => None,
        }
    }

    /// Where the bytes that are sent are counted.
    pub(super) fn show_at(&mut self, progress: &Arc<WorkerProgress>) {
        self.shown_at = Some(Arc::clone(progress));
    }

    /// Selects the part that is sent: at most `length` bytes from this offset.
    pub fn select(&mut self, offset: u64, length: u64) {
        self.start = offset.min(self.total);
        self.length = length.min(self.total - self.start);
    }

    /// Selects all of it again.
    pub fn select_all(&mut self) {
        self.select(0, self.total);
    }

    /// When the file was last modified, in seconds since 1970. `None` for stdin and for times before 1970.
    pub(super) fn modified(&self) -> Option<u64> {
        u64::try_from(self.opened?.modified.0).ok()
    }

    /// Fails if the file has changed since it was opened: then the parts that were sent may belong to different versions.
    pub(super) fn confirm(&self) -> Result<(), ClientError> {
        let Source::File(file, path) = &self.source else { return Ok(()) };
        let now = file.metadata().map_err(|error| ClientError::Local("read", path.clone(), error))?;
        if self.opened == Some(OpenedVersion::of(&now)) { Ok(()) } else { Err(ClientError::FileChanged) }
    }

    /// The length of the selected part, in bytes: at first, the whole file is selected. For stdin, the number of bytes
    /// read so far.
    pub fn length(&self) -> u64 {
        self.input().map_or(self.length, |input| input.read.get().unwrap_or(0))
    }

    /// Reads at most this many bytes of an input into `into`, as soon as some have arrived. At the end of the input, it
    /// reads none.
    pub(super) fn read_input(&self, input: &ContentInput, into: &mut [u8]) -> Result<usize, ClientError> {
        let count = input.read(into).map_err(|error| ClientError::Local("read", STDIN.into(), error))?;
        if let Some(progress) = &self.shown_at {
            progress.came(count);
        }
        Ok(count)
    }

    /// Appends at most `most` bytes from this offset to `into`, and returns how many; 0 only at the end. Bytes that
    /// were added to the file since it was opened are not sent, because the announced length does not include them.
    pub(super) fn read_block(
        &self,
        into: &mut Vec<u8>,
        offset: u64,
        most: usize,
    ) -> Result<u64, ClientError> {
        let wanted = usize::try_from(self.length - offset).unwrap_or(most).min(most);
        let (file, path) = match &self.source {
            Source::File(file, path) => (file, path),
            Source::Bytes(bytes) => {
                into.extend(bytes.iter().skip((self.start + offset) as usize).take(wanted));
                return Ok(wanted as u64);
            }
            // Its length is not known: it is sent in chunks.
            Source::Input(_) => return Ok(0),
        };
        let start = into.len();
        into.resize(start + wanted, 0);
        let block = into.get_mut(start..).unwrap_or_default();
        file.read_exact_at(block, self.start + offset).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => ClientError::Shrunk,
            _ => ClientError::Local("read", path.clone(), error),
        })?;
        if let Some(progress) = &self.shown_at {
            progress.came(wanted);
        }
        Ok(wanted as u64)
    }
}

impl ContentInput {
    fn open(fd: BorrowedFd<'_>) -> Result<Self, ClientError> {
        let file =
            fd.try_clone_to_owned().map_err(|error| ClientError::Local("read", STDIN.into(), error))?;
        Ok(Self { file: file.into(), read: Cell::new(None) })
    }

    /// The descriptor to wait for.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let before = self.read.get().unwrap_or(0);
        self.read.set(Some(before));
        let count = loop {
            match (&self.file).read(into) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        self.read.set(Some(before + count as u64));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_and_missing_files_cannot_be_sent() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(RequestContent::open(folder.path()), Err(ClientError::Directory(_))));
        let missing = RequestContent::open(&folder.path().join("x")).expect_err("it is not there");
        assert_eq!(missing.to_string(), format!("File {} not found.", folder.path().join("x").display()));
    }

    #[test]
    fn a_file_that_changes_is_not_confirmed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let then = |seconds| std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        std::fs::write(&path, "abc").expect("written");
        let file = File::options().append(true).open(&path).expect("opened");
        file.set_modified(then(1_000)).expect("set");
        let content = RequestContent::open(&path).expect("it is there");
        assert_eq!(content.modified(), Some(1_000));
        assert!(content.confirm().is_ok());
        file.set_modified(then(1_001)).expect("set");
        assert!(matches!(content.confirm(), Err(ClientError::FileChanged)), "another time");
        file.set_len(4).and_then(|()| file.set_modified(then(1_000))).expect("set");
        assert!(matches!(content.confirm(), Err(ClientError::FileChanged)), "another length");
        let bytes = RequestContent::bytes(b"abc".to_vec());
        assert!(bytes.confirm().is_ok() && bytes.modified().is_none());
    }

    #[test]
    fn a_part_is_selected() {
        let mut content = RequestContent::bytes(b"abcdef".to_vec());
        for (offset, length, expected) in
            [(0, 6, "abcdef"), (2, 3, "cde"), (2, 9, "cdef"), (6, 1, ""), (9, 9, ""), (0, 0, "")]
        {
            content.select(offset, length);
            let mut into = Vec::new();
            content.read_block(&mut into, 0, 100).expect("read");
            assert_eq!((into.as_slice(), content.length()), (expected.as_bytes(), expected.len() as u64));
        }
        content.select_all();
        assert_eq!(content.length(), 6);
    }

    #[test]
    fn an_input_is_read_once() {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let source = Source::Input(ContentInput::open(reader.as_fd()).expect("open"));
        let content = RequestContent { source, total: 0, start: 0, length: 0, opened: None, shown_at: None };
        assert!(!content.is_used());
        let mut block = [0; 4];
        for (given, expected) in [("ab", &b"ab"[..]), ("cdef", b"cdef")] {
            std::io::Write::write_all(&mut writer, given.as_bytes()).expect("written");
            let count = content.read_input(content.input().expect("an input"), &mut block).expect("read");
            assert_eq!(&block[..count], expected);
        }
        drop(writer);
        assert_eq!(content.read_input(content.input().expect("an input"), &mut block).expect("read"), 0);
        assert!(content.is_used() && content.length() == 6 && content.confirm().is_ok());
    }

    #[test]
    fn blocks_stop_at_the_announced_length() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        std::fs::write(&path, "abcdef").expect("written");
        let content = RequestContent::open(&path).expect("it is there");
        std::fs::write(&path, "abcdefgh").expect("written");
        let mut into = b"head".to_vec();
        assert_eq!(content.read_block(&mut into, 0, 4).expect("read"), 4);
        assert_eq!(content.read_block(&mut into, 4, 4).expect("read"), 2);
        assert_eq!(into, b"headabcdef");
        std::fs::write(&path, "ab").expect("written");
        assert!(matches!(content.read_block(&mut into, 0, 4), Err(ClientError::Shrunk)));
    }
}
