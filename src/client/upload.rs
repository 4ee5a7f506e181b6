//! Sending a local file: what it is, and under which name it goes.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::error::ClientError;
use super::error_response;
use super::session::{HttpMethod, HttpRequest, Session};
use super::transfer::WorkerProgress;
use crate::format::{Bytes, Time};
use crate::http::status::Status;
use crate::http::target::encode_path;

/// What is to be sent: a local file, with the length that it had when it was opened, or bytes.
#[derive(Debug)]
pub struct RequestContent {
    source: Source,
    /// Where in the source it begins, and how much there is from there on.
    start: u64,
    length: u64,
    /// Where it is shown how much has gone.
    shown_at: Option<Arc<WorkerProgress>>,
}

#[derive(Debug)]
enum Source {
    File(File, PathBuf),
    Bytes(Vec<u8>),
}

/// An upload that was taken.
#[derive(Debug)]
pub struct Uploaded {
    /// What the server answered.
    pub status: Status,
    /// Where the file is now: the target that it was sent to.
    pub target: String,
    /// How long it is, in bytes.
    pub length: u64,
    /// How long it took.
    pub took: Time,
}

impl RequestContent {
    /// Opens a file. What is no regular file is refused before it is opened: a FIFO would be waited for.
    pub fn open(path: &Path) -> Result<Self, ClientError> {
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => ClientError::Missing(path.to_owned()),
            _ => ClientError::Local("read", path.to_owned(), error),
        };
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Err(ClientError::NotAFile(path.to_owned()));
        }
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        Ok(Self { source: Source::File(file, path.to_owned()), start: 0, length, shown_at: None })
    }

    /// These bytes.
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self { start: 0, length: bytes.len() as u64, source: Source::Bytes(bytes), shown_at: None }
    }

    /// Shows there how much of it goes.
    pub(super) fn show_at(&mut self, progress: &Arc<WorkerProgress>) {
        self.shown_at = Some(Arc::clone(progress));
    }

    /// Leaves out what is before this offset.
    pub fn begin_at(&mut self, offset: u64) {
        let left_out = offset.min(self.length);
        self.start += left_out;
        self.length -= left_out;
    }

    /// Leaves nothing out any more.
    pub fn begin_anew(&mut self) {
        self.length += std::mem::take(&mut self.start);
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Adds at most `most` bytes from this offset on to `into`, and says how many; none only at the end. What
    /// was added to the file since it was opened is not sent: its length has been told.
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

/// Sends a file and says how that went. An answer other than 2xx is an error.
pub fn send(
    session: &mut Session,
    method: HttpMethod,
    file: &Path,
    target: String,
) -> Result<Uploaded, ClientError> {
    let content = RequestContent::open(file)?;
    let begun = Instant::now();
    let fields = [("Content-Type", "application/octet-stream")];
    let request = HttpRequest { method, target: &target, fields: &fields, content: Some(&content) };
    let response = session.send(&request)?;
    let status = response.head.status;
    if !status.is_success() {
        return Err(error_response::read(response));
    }
    response.body.discard()?;
    Ok(Uploaded { status, target, length: content.length, took: Time(begun.elapsed()) })
}

/// The encoded path under which a file goes when nobody says it: the one that was typed, so that
/// `client/a.txt` lands there; of a path that begins elsewhere (absolute, or with `..`) only the file's name.
pub fn default_path(typed: &str) -> String {
    format!("/{}", encode_path(&default_parts(typed)))
}

/// As [`default_path`], for servers that take names as they are.
pub(super) fn default_parts(typed: &str) -> Vec<u8> {
    let path = Path::new(typed);
    let parts: Option<Vec<&[u8]>> = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| match part {
            Component::Normal(name) => Some(name.as_bytes()),
            _ => None,
        })
        .collect();
    let parts = parts.unwrap_or_else(|| path.file_name().map(OsStrExt::as_bytes).into_iter().collect());
    parts.join(&b'/')
}

/// `200 OK client/a.txt → /client/a.txt, 120 B in 0.4 ms` without the file's own name.
impl std::fmt::Display for Uploaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {}, {} in {}", self.status, self.target, Bytes(self.length), self.took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_file_goes_when_nobody_says_it() {
        let cases = [
            ("client/testClient.txt", "/client/testClient.txt"),
            ("./a.txt", "/a.txt"),
            ("a//b", "/a/b"),
            ("/home/me/a.txt", "/a.txt"),
            ("../a.txt", "/a.txt"),
            ("a/../b.txt", "/b.txt"),
            ("100% a?.txt", "/100%25%20a%3F.txt"),
        ];
        for (typed, target) in cases {
            assert_eq!(default_path(typed), target, "{typed}");
        }
    }

    #[test]
    fn what_cannot_be_sent() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(RequestContent::open(folder.path()), Err(ClientError::NotAFile(_))));
        let missing = RequestContent::open(&folder.path().join("x")).expect_err("it is not there");
        assert_eq!(missing.to_string(), format!("File {} not found.", folder.path().join("x").display()));
    }

    #[test]
    fn blocks_stop_at_the_length_that_was_told() {
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
