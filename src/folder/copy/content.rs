//! The content of a file, copied in pieces by the best method that the file systems have.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use rustix::fs;
use rustix::io::Errno;

use crate::folder::error::Error;
#[cfg(feature = "dav")]
use crate::folder::properties;
use crate::folder::save_method::is_unsupported;

/// How many bytes are copied in one piece: a few hundredths of a second.
pub(super) const PIECE: u64 = 8 << 20;

/// How many bytes are read at once where the kernel does not copy.
const BLOCK: usize = 128 * 1024;

/// A file whose content is being copied.
#[derive(Debug)]
pub(super) struct FileContent {
    source: File,
    offset: u64,
    method: Method,
}

/// How bytes are copied, from the best method to the one that works everywhere.
#[derive(Debug, Clone, Copy)]
enum Method {
    /// Both files share their blocks from then on (`FICLONE`).
    Reflink,
    /// The kernel copies (`copy_file_range`).
    InKernel,
    /// Reading and writing.
    ReadWrite,
}

impl FileContent {
    pub(super) fn of(source: File) -> Self {
        Self { source, offset: 0, method: Method::Reflink }
    }

    /// The file that is copied.
    pub(super) fn source(&self) -> &File {
        &self.source
    }

    /// How many bytes have been copied.
    pub(super) fn copied(&self) -> u64 {
        self.offset
    }

    /// How many bytes are left, as far as is known.
    pub(super) fn left(&self) -> io::Result<u64> {
        Ok(self.source.metadata()?.len().saturating_sub(self.offset))
    }

    /// Copies the next piece. Returns whether that was the last.
    pub(super) fn copy_to(&mut self, target: &File) -> Result<bool, Error> {
        let is_last = self.copy_piece(target)?;
        #[cfg(feature = "dav")]
        if is_last {
            properties::copy(&self.source, target);
        }
        Ok(is_last)
    }

    fn copy_piece(&mut self, target: &File) -> Result<bool, Error> {
        if let Method::Reflink = self.method {
            if fs::ioctl_ficlone(target, &self.source).is_ok() {
                self.offset = target.metadata()?.len();
                return Ok(true);
            }
            self.method = Method::InKernel;
        }
        if let Method::InKernel = self.method {
            match self.copy_in_kernel(target) {
                // Some file systems report nothing to copy for files whose content is made when it is read.
                Ok(Some(false)) if self.offset == 0 => {}
                Ok(Some(has_more)) => return Ok(!has_more),
                Ok(None) => return Ok(false),
                Err(error) if is_unsupported(error) || error == Errno::BADF => {}
                Err(error) => return Err(error.into()),
            }
            self.method = Method::ReadWrite;
        }
        self.read_and_write(target)
    }

    /// Copies up to a piece. Returns whether there may be more; `None` if it was interrupted.
    fn copy_in_kernel(&mut self, target: &File) -> Result<Option<bool>, Errno> {
        let (mut from, mut to, end) = (self.offset, self.offset, self.offset + PIECE);
        while self.offset < end {
            let length = usize::try_from(end - self.offset).unwrap_or(BLOCK);
            match fs::copy_file_range(&self.source, Some(&mut from), target, Some(&mut to), length) {
                Ok(0) => return Ok(Some(false)),
                Ok(_) => self.offset = from,
                Err(Errno::INTR) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(true))
    }

    fn read_and_write(&mut self, target: &File) -> Result<bool, Error> {
        let mut block = vec![0; BLOCK];
        let end = self.offset + PIECE;
        while self.offset < end {
            match self.source.read_at(&mut block, self.offset) {
                Ok(0) => return Ok(true),
                Ok(count) => {
                    target.write_all_at(block.get(..count).unwrap_or_default(), self.offset)?;
                    self.offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_copies_all() {
        let place = tempfile::tempdir().expect("a folder");
        let path = |name: &str| place.path().join(name);
        let bytes: Vec<u8> = (0..PIECE + 12_345).map(|at| (at % 251) as u8).collect();
        for (length, pieces) in [(0, 1), (1, 1), (bytes.len(), 2)] {
            std::fs::write(path("source"), &bytes[..length]).expect("written");
            for method in [Method::Reflink, Method::InKernel, Method::ReadWrite] {
                let source = File::open(path("source")).expect("open");
                let target = File::create(path("target")).expect("created");
                let mut content = FileContent { source, offset: 0, method };
                let mut copied = 1;
                while !content.copy_to(&target).expect("copied") {
                    copied += 1;
                }
                assert!(copied <= pieces, "{method:?}: {copied} pieces");
                assert_eq!(content.copied(), length as u64, "{method:?}");
                assert!(std::fs::read(path("target")).expect("read") == bytes[..length], "{method:?}");
            }
        }
    }
}
