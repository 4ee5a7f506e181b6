//! A whole directory as one archive: `GET /dir/?tar` and `GET /dir/?zip`.
//!
//! The archive is produced while it is sent, from a walk through the folder, so its length is unknown, and there are
//! no ranges and no validators. It contains what listings show, below one directory with the name of the requested
//! one. A file has the length that it had when its turn came: bytes appended later are left out, and a file that is
//! truncated aborts the archive, since its header has already been sent.
//!
//! A file that vanishes or cannot be read is left out and logged.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::access::{Grant, ToList};
use crate::archive::{Archive, ArchiveError, Format};
use crate::blocking::Blocking;
use crate::folder::{OpenFile, Walk, WalkStep};
use crate::http::disposition::attachment;
use crate::http::range::Span;
use crate::http::request::Method;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::path::SharePath;
use crate::printable::Printable;
use crate::server::connections::capacity::ARCHIVE_FILES;
use crate::server::content::{Chunk, Content, ContentSource, FileSpan, Produced};
use crate::server::error_response::of_read_error;
use crate::server::jobs::Chores;
use crate::server::jobs::deferred::{Deferred, OpenedFile};
use crate::server::jobs::fair_permits::FairPermit;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// How many bytes are produced at once: enough for a full socket buffer, and little for each of many slow readers.
const CHUNK: usize = 64 * 1024;

/// A file of at least this many bytes is sent with `sendfile`, if the format allows it. A shorter one is copied after
/// its header, which saves two system calls.
const BY_ITSELF: u64 = CHUNK as u64;

/// The longest span that is sent as one chunk, in bytes. Any client can parse this size.
const LONGEST_SPAN: u64 = 1 << 30;

/// How many entries are examined before other connections get their turn: a directory of many names that are not
/// shared produces nothing for a long time.
const LOOKS: usize = 256;

/// When to retry if too many archives are being created, in seconds.
const RETRY_AFTER: u32 = 30;

/// The archive format that the query names.
pub(crate) fn format(request: &Request<'_, '_, '_>) -> Option<Format> {
    let is_asked = |name| request.target.parameter(name).is_some();
    let formats = [("tar", Format::Tar), ("zip", Format::Zip)];
    formats.into_iter().find(|(name, _)| is_asked(name)).map(|(_, format)| format)
}

/// The response with an archive of the requested directory.
pub(crate) fn answer(
    request: &Request<'_, '_, '_>,
    directory: &Grant<'_, ToList>,
    format: Format,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Response, Response> {
    let name = name(&request.path, state);
    let file_name = [&name, b".".as_slice(), format.extension().as_bytes()].concat();
    let head = head(Status::OK)
        .field("Content-Type", format.media_type())
        .field("Content-Disposition", attachment(&file_name))
        .field("X-Content-Type-Options", "nosniff");
    let judge = state.access.judge(&request.principal);
    let walk = state.folder.walk(directory, judge, disk).map_err(|error| of_read_error(&error))?;
    let permit = match request.method {
        // Without content.
        Method::Head => None,
        _ => Some(state.archives.take(request.client.key()).ok_or_else(too_many)?),
    };
    let body = ArchiveBody {
        name,
        skip: request.path.as_bytes().len(),
        walk,
        archive: Some(Archive::new(format)),
        reading: None,
        chores: state.chores.clone(),
        _permit: permit,
    };
    Ok(Response::new(head, Chunk::source(body, &state.chores)))
}

/// The head of every response about an archive, with or without content.
pub(crate) fn head(status: Status) -> Head {
    Head::new(status).field("Cache-Control", "no-cache")
}

/// An archive keeps files open, and a zip keeps names in memory, so their number is limited.
fn too_many() -> Response {
    let text = "too many archives are being created; try again later\n";
    Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", RETRY_AFTER)
}

/// The name of a directory; the folder itself has the name that its owner gave it.
fn name(path: &SharePath, state: &State) -> Vec<u8> {
    let own = || state.root.canonicalize().ok()?.file_name().map(|name| name.as_bytes().to_vec());
    let given = path.name().map(|name| name.as_bytes().to_vec());
    given.or_else(own).unwrap_or_else(|| b"files".to_vec())
}

/// The body of a response with an archive, produced while it is sent.
#[derive(Debug)]
struct ArchiveBody {
    /// The name of the archive's top directory.
    name: Vec<u8>,
    /// The length of the path at which the walk began, which the archive leaves out.
    skip: usize,
    walk: Walk,
    /// `None` once everything has been produced.
    archive: Option<Archive>,
    /// The file that is being added.
    reading: Option<Reading>,
    /// Closes files whose last part is still being sent.
    chores: Chores,
    /// Returned when the last byte has been sent.
    _permit: Option<FairPermit>,
}

/// A file of which some is still to be added.
#[derive(Debug)]
struct Reading {
    file: OpenedFile,
    len: u64,
    rest: Span,
}

impl ContentSource for ArchiveBody {
    fn next(&mut self, disk: Blocking<'_>) -> io::Result<Produced> {
        self.make(disk).map_err(|error| {
            let name = Printable(&self.name).to_string();
            io::Error::new(error.kind(), format!("the archive of {name} was aborted: {error}"))
        })
    }

    /// A directory, twice, and a file.
    fn descriptors(&self) -> u32 {
        ARCHIVE_FILES
    }
}

impl ArchiveBody {
    fn make(&mut self, disk: Blocking<'_>) -> io::Result<Produced> {
        for _ in 0..LOOKS {
            let Some(archive) = &mut self.archive else { return Ok(Produced::End) };
            if archive.made() >= CHUNK {
                break;
            }
            if let Some(reading) = self.reading.take() {
                let (rest, past) = reading.go_on(archive)?;
                self.reading = rest;
                if let Some(chunk) = past {
                    return Ok(chunk);
                }
            } else if let Some(last) = self.look(disk)? {
                return Ok(Produced::bytes(last));
            }
        }
        Ok(Produced::bytes(self.archive.as_mut().map(Archive::take).unwrap_or_default()))
    }

    /// Examines the next entry; returns the last bytes of the archive if there is none.
    fn look(&mut self, disk: Blocking<'_>) -> io::Result<Option<Vec<u8>>> {
        let found = self.walk.step(disk).map_err(|error| match error {
            crate::folder::Error::Io(error) => error,
            other => io::Error::other(other),
        })?;
        match found {
            WalkStep::Directory { path, modified } => {
                let name = self.name_of(&path);
                self.put(&path, |archive| archive.directory(&name, modified))?;
            }
            WalkStep::File { path, open: OpenFile { file, facts } } => {
                let name = self.name_of(&path);
                if self.put(&path, |archive| archive.file(&name, facts.len, facts.modified))? {
                    // `None` for an empty file, which has no content to read.
                    let rest = Span::new(0, facts.len, facts.len);
                    let file = Arc::new(Deferred::new(file, &self.chores));
                    self.reading = rest.map(|rest| Reading { file, len: facts.len, rest });
                }
            }
            WalkStep::Lost(path, error) => leave_out(&path, &error),
            WalkStep::Nothing => {}
            WalkStep::End => {
                return self.archive.take().map(Archive::finish).transpose().map_err(io::Error::from);
            }
        }
        Ok(None)
    }

    /// Adds an entry; returns whether the archive accepts it.
    fn put(
        &mut self,
        path: &SharePath,
        put: impl FnOnce(&mut Archive) -> Result<(), ArchiveError>,
    ) -> io::Result<bool> {
        match self.archive.as_mut().map_or(Ok(()), put) {
            Ok(()) => Ok(true),
            Err(error @ ArchiveError::Refused(_)) => {
                leave_out(path, &error);
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The name of an entry.
    fn name_of(&self, path: &SharePath) -> Vec<u8> {
        let below = path.as_bytes().get(self.skip..).unwrap_or_default();
        let below = below.strip_prefix(b"/").unwrap_or(below);
        if below.is_empty() { self.name.clone() } else { [&self.name, b"/".as_slice(), below].concat() }
    }
}

impl Reading {
    /// Adds more of a file, through the archive or as a span. Returns the rest of the file, and the span.
    fn go_on(self, archive: &mut Archive) -> io::Result<(Option<Self>, Option<Produced>)> {
        let Self { file, len, rest } = self;
        let goes_past = archive.lets_content_pass() && rest.length() >= BY_ITSELF;
        let (moved, past) = if goes_past {
            let span = rest.first(LONGEST_SPAN);
            let mut content = Content::from(archive.take());
            content.push(Chunk::File(FileSpan::new(Arc::clone(&file), span)));
            (span.length(), Some(Produced::Content(content)))
        } else {
            let mut buffer = vec![0; rest.length().min(CHUNK as u64) as usize];
            let count = file.read_at(&mut buffer, rest.start())?;
            if count == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "a file was truncated while it was read",
                ));
            }
            archive.content(&buffer[..count])?;
            (count as u64, None)
        };
        let rest = rest.after(moved);
        if rest.is_none() {
            archive.end_file(len);
        }
        Ok((rest.map(|rest| Self { file, len, rest }), past))
    }
}

fn leave_out(path: &SharePath, why: &dyn std::fmt::Display) {
    log::warn!("skipped in an archive: {}: {why}", Printable(path.as_bytes()));
}
