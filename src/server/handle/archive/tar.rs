//! A tar is produced from a walk while it is sent. Its length is unknown, and there are no ranges and no validators. A
//! file has the length that it had when its header was sent. Bytes that are appended later are left out. If the file is
//! truncated later, the archive is aborted. A file that disappears before its header is sent is left out.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::common::{self, BY_ITSELF, CHUNK, leave_out, name_of_entry, too_many};
use crate::access::{Grant, ToList};
use crate::archive::tar::Tar;
use crate::blocking::Blocking;
use crate::folder::{OpenFile, Walk, WalkStep};
use crate::http::range::Span;
use crate::http::request::Method;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::printable::Printable;
use crate::server::connections::capacity::ARCHIVE_FILES;
use crate::server::content::{Chunk, Content, ContentSource, FileSpan, Produced};
use crate::server::error_response::of_read_error;
use crate::server::handle::conditions::{MADE_ANEW, judge};
use crate::server::handled::Handled;
use crate::server::jobs::Chores;
use crate::server::jobs::deferred::{Deferred, OpenedFile};
use crate::server::jobs::fair_permits::FairPermit;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The longest span that is sent as one chunk, in bytes. Any client can parse this size.
const LONGEST_SPAN: u64 = 1 << 30;

/// How many entries are examined before other connections get their turn: a directory with many names that
/// are not shared produces nothing for a long time.
const LOOKS: usize = 256;

/// The response with a tar of this name.
pub(super) fn answer(
    request: &Request<'_, '_, '_>,
    directory: &Grant<'_, ToList>,
    head: Head,
    name: Vec<u8>,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Handled, Response> {
    judge(request.head.fields.iter(), &MADE_ANEW, || common::head(Status::NOT_MODIFIED))?;
    let judge_entry = state.access.judge(&request.principal);
    let walk = state.folder.walk(directory, judge_entry, disk).map_err(|error| of_read_error(&error))?;
    let permit = match request.method {
        // Without content.
        Method::Head => None,
        _ => Some(state.archives.take(request.client.key()).ok_or_else(too_many)?),
    };
    let source = TarSource {
        name,
        skip: request.path.as_bytes().len(),
        walk,
        tar: Some(Tar::default()),
        reading: None,
        chores: state.chores.clone(),
        _permit: permit,
    };
    Ok(Handled::Respond(Response::new(head, Chunk::source(source, &state.chores))))
}

/// Produces a tar.
#[derive(Debug)]
struct TarSource {
    /// The name of the archive's top directory.
    name: Vec<u8>,
    /// The length of the path at which the walk began, which the archive leaves out.
    skip: usize,
    walk: Walk,
    /// `None` once everything has been produced.
    tar: Option<Tar>,
    /// The file that is being added.
    reading: Option<Reading>,
    chores: Chores,
    /// The permit is returned when the last byte has been sent.
    _permit: Option<FairPermit>,
}

/// A file that has not been added completely.
#[derive(Debug)]
struct Reading {
    file: OpenedFile,
    len: u64,
    rest: Span,
}

impl ContentSource for TarSource {
    fn next(&mut self, disk: Blocking<'_>) -> io::Result<Produced> {
        self.make(disk).map_err(|error| {
            let name = Printable(&self.name).to_string();
            io::Error::new(error.kind(), format!("the archive of {name} was aborted: {error}"))
        })
    }

    /// Two handles of a directory, and a file.
    fn descriptors(&self) -> u32 {
        ARCHIVE_FILES
    }
}

impl TarSource {
    fn make(&mut self, disk: Blocking<'_>) -> io::Result<Produced> {
        for _ in 0..LOOKS {
            let Some(tar) = &mut self.tar else { return Ok(Produced::End) };
            if tar.made() >= CHUNK {
                break;
            }
            if let Some(reading) = self.reading.take() {
                let (rest, span) = reading.go_on(tar)?;
                self.reading = rest;
                if let Some(span) = span {
                    return Ok(Produced::Content(span));
                }
            } else if let Some(last) = self.look(disk)? {
                return Ok(Produced::bytes(last));
            }
        }
        Ok(Produced::bytes(self.tar.as_mut().map(Tar::take).unwrap_or_default()))
    }

    /// Examines the next entry; returns the last bytes of the archive if there is none.
    fn look(&mut self, disk: Blocking<'_>) -> io::Result<Option<Vec<u8>>> {
        let found = self.walk.step(disk).map_err(|error| match error {
            crate::folder::Error::Io(error) => error,
            other => io::Error::other(other),
        })?;
        let Some(tar) = &mut self.tar else { return Ok(None) };
        match found {
            WalkStep::Directory { path, modified } => {
                tar.directory(&name_of_entry(&self.name, &path, self.skip), modified)?;
            }
            WalkStep::File { path, open: OpenFile { file, facts, .. } } => {
                tar.file(&name_of_entry(&self.name, &path, self.skip), facts.len, facts.modified)?;
                // `None` for an empty file, which has no content to read.
                let rest = Span::new(0, facts.len, facts.len);
                let file = Arc::new(Deferred::new(file, &self.chores));
                self.reading = rest.map(|rest| Reading { file, len: facts.len, rest });
            }
            WalkStep::Lost(path, error) => leave_out(&path, &error),
            // Only zips are limited to chosen entries.
            WalkStep::Missing(_) | WalkStep::Nothing => {}
            WalkStep::End => return self.tar.take().map(Tar::finish).transpose(),
        }
        Ok(None)
    }
}

impl Reading {
    /// Adds more content of a file, or returns a span of the file to send after the bytes that are ready. Returns the
    /// rest of the file, too.
    fn go_on(self, tar: &mut Tar) -> io::Result<(Option<Self>, Option<Content>)> {
        let Self { file, len, rest } = self;
        let (moved, span) = if rest.length() >= BY_ITSELF {
            let span = rest.first(LONGEST_SPAN);
            let mut content = Content::from(tar.take());
            content.push(Chunk::File(FileSpan::new(Arc::clone(&file), span)));
            (span.length(), Some(content))
        } else {
            let mut buffer = vec![0; rest.length() as usize];
            let count = file.read_at(&mut buffer, rest.start())?;
            if count == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "a file was truncated while it was read",
                ));
            }
            tar.content(&buffer[..count]);
            (count as u64, None)
        };
        let rest = rest.after(moved);
        if rest.is_none() {
            tar.pad(len);
        }
        Ok((rest.map(|rest| Self { file, len, rest }), span))
    }
}
