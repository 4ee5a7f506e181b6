//! Fetches a large file in several ranges at once.
//!
//! ```text
//! HEAD ── its version ──┬── Range, If-Range ──> written at its offset
//!                       ├── (each over its own connection)
//!                       └── …
//! ```
//!
//! The part has its full length from the start. The notes have a line of fixed length for each piece: its start, how
//! far it was received, and its end. The line is overwritten after each received MiB, after the content itself. So even
//! after a kill, a piece loses at most one MiB. A version of wharf without split downloads does not recognise such
//! notes.
//!
//! If the server responds with the whole file or another version, the pieces are removed, and the file is fetched like any
//! other.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{panic, str, thread};

use super::incoming::IncomingDownload;
use super::order::FetchOrder;
use super::part::{ExistingPart, Part, Version};
use super::part_name::{self, Begun, Left, PartName};
use super::response_check::{ResponseCheck, check_range, version_told};
use super::sessions::{SessionPool, refused};
use super::spot::Spot;
use super::worker::{FetchState, ReceivedFile, Worker};
use crate::client::address::Resource;
use crate::client::error::ClientError;
use crate::client::response::{HttpResponse, PourError};
use crate::client::transfer::WorkerProgress;
use crate::client::transfer::retry::FailedAttempt;
use crate::http::request::Method;
use crate::http::response::Received;
use crate::http::status::Status;

/// How many ranges are fetched at once. This is enough to use a fast connection with a long delay, and few enough not
/// to burden a server.
const RANGES: u64 = 4;

/// The shortest file that is worth the additional requests, in bytes.
const LEAST: u64 = 1 << 20;

/// How much of a piece is received between two notes, in bytes: at most this much is lost by a crash.
const STEP: u64 = 1 << 20;

/// The length of a piece's line in the notes, in bytes: three numbers of twenty digits, each with a space or a line break.
const LINE: usize = 63;

/// A piece of the file, written by one thread.
#[derive(Debug)]
struct Piece {
    start: u64,
    /// It was received up to here.
    at: AtomicU64,
    end: u64,
}

/// A file in pieces. It is locked.
#[derive(Debug)]
struct Pieces {
    file: File,
    name: PartName,
    spot: Spot,
    version: Version,
    notes: File,
    /// The offset of the pieces' lines in the notes.
    lines_at: u64,
    /// All pieces, in order.
    all: Vec<Piece>,
}

/// The response that confirmed a piece's version, and the address that sent it.
type Answer = (Received, Resource);

impl Worker<'_> {
    /// Fetches a file in ranges. `None` if ranges are not wanted or not possible: the file is then fetched like any
    /// other.
    pub(super) fn in_ranges(
        &mut self,
        order: &FetchOrder,
        state: &mut FetchState,
    ) -> Result<Option<ReceivedFile>, FailedAttempt> {
        if state.restarted {
            return Ok(None);
        }
        let spot = self.context.downloads.find(&order.local, &order.from)?;
        let found = spot.map(Pieces::look).transpose()?.flatten();
        let begun = match found {
            Some(pieces) => Some(pieces),
            None => self.begin_pieces(order)?,
        };
        let Some(pieces) = begun else { return Ok(None) };
        state.is_ranged = true;
        let resumed = pieces.here();
        self.progress.begin(&order.shown(), resumed, Some(pieces.version.length));
        let fetched = self.fetch_pieces(order, &pieces);
        self.progress.end();
        match fetched {
            Ok(Some((head, at))) => {
                let incoming = IncomingDownload::Part(pieces.finish());
                Ok(Some(ReceivedFile { incoming, head, at, resumed, is_joined: true }))
            }
            Ok(None) => {
                pieces.discard();
                Ok(None)
            }
            Err(failure) => {
                state.reached = pieces.here();
                Err(failure)
            }
        }
    }

    /// Begins a file in pieces, if it is long enough and has a strong validator.
    fn begin_pieces(&mut self, order: &FetchOrder) -> Result<Option<Pieces>, FailedAttempt> {
        let Some(least) = self.context.options.split else { return Ok(None) };
        let downloads = self.context.downloads;
        if let Some(spot) = downloads.find(&order.local, &order.from)?
            && ExistingPart::look(&spot)?.is_some()
        {
            // A part without pieces is resumed as a whole, without ranges in parallel.
            return Ok(None);
        }
        let version = self.sessions.ask(Method::Head, &order.resource, &[], |at, response| {
            let is_file = response.head.status == Status::OK && !at.target.ends_with('/');
            let version = version_told(&response.head, &order.from).filter(|_| is_file);
            Ok(response.body.discard().map(|_| version)?)
        })?;
        let Some(version) = version.filter(|version| version.length >= least.max(LEAST)) else {
            return Ok(None);
        };
        let spot = downloads.make(&order.local, &order.from)?;
        spot.may_be_taken()?;
        Ok(Some(Pieces::begin(spot, version)?))
    }

    /// Fetches what is missing: with `--split` all pieces at once, otherwise one after another. `None` if the server
    /// does not send ranges of this version.
    fn fetch_pieces(&mut self, order: &FetchOrder, pieces: &Pieces) -> Result<Option<Answer>, FailedAttempt> {
        let missing = pieces.all.iter().filter(|piece| piece.at() < piece.end);
        let (progress, timeouts, resource) = (self.progress, self.context.options.timeouts, &order.resource);
        let answers: Vec<_> = if self.context.options.split.is_none() {
            missing.map(|piece| fetch(&mut self.sessions, resource, pieces, piece, progress)).collect()
        } else {
            thread::scope(|scope| {
                let begin = |piece| {
                    let work =
                        move || fetch(&mut SessionPool::new(timeouts), resource, pieces, piece, progress);
                    thread::Builder::new().name("range".to_owned()).spawn_scoped(scope, work)
                };
                let threads: Vec<_> = missing.map(begin).collect();
                let end = |thread: io::Result<thread::ScopedJoinHandle<'_, _>>| match thread {
                    Ok(thread) => thread.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)),
                    Err(error) => Err(ClientError::Broken(error).into()),
                };
                threads.into_iter().map(end).collect()
            })
        };
        let answers: Option<Vec<_>> = answers.into_iter().collect::<Result<_, _>>()?;
        Ok(answers.and_then(|answers| answers.into_iter().next()))
    }
}

/// Fetches the rest of a piece. `None` if the response is not a range of this version.
fn fetch(
    sessions: &mut SessionPool,
    resource: &Resource,
    pieces: &Pieces,
    piece: &Piece,
    progress: &WorkerProgress,
) -> Result<Option<Answer>, FailedAttempt> {
    let bytes = piece.at()..piece.end;
    let range = format!("bytes={}-{}", bytes.start, bytes.end - 1);
    let fields = [("Range", range.as_str()), ("If-Range", pieces.version.validator.as_str())];
    sessions.ask(Method::Get, resource, &fields, |at, response| {
        match check_range(&response.head, Some((&pieces.version, bytes)))? {
            ResponseCheck::Rest => {}
            ResponseCheck::Refused => return Err(refused(response)),
            ResponseCheck::Whole | ResponseCheck::Stale => return Ok(None),
        }
        let HttpResponse { head, body, .. } = response;
        let poured = body.pour(&mut Writer { pieces, piece, progress });
        let noted = pieces.note(piece).map_err(|error| pieces.name.failed(error));
        match poured {
            Err(PourError::Source(error)) => return Err(error.into()),
            // The server sent more than was requested.
            Err(PourError::Sink(_)) if piece.at() == piece.end => return Err(ClientError::WrongRange.into()),
            Err(PourError::Sink(error)) => return Err(pieces.name.failed(error).into()),
            Ok(_) => noted?,
        }
        if piece.at() < piece.end {
            return Err(ClientError::CutShort(piece.at(), Some(piece.end)).into());
        }
        Ok(Some((head, at.clone())))
    })
}

impl Pieces {
    /// The pieces of an earlier run, if they belong to the same address.
    fn look(spot: Spot) -> Result<Option<Self>, ClientError> {
        for name in PartName::all(&spot) {
            let Some(Left { name, file, notes, pieces, pieces_at }) = name.left()? else { continue };
            let Some(version) = Version::noted(&notes, &spot.from) else { continue };
            let Some(all) = read(&pieces, version.length) else { continue };
            if !file.metadata().is_ok_and(|metadata| metadata.len() == version.length) {
                continue;
            }
            // If all pieces are complete, the last byte is requested again: the response confirms the version.
            if let Some(last) = all.last().filter(|_| all.iter().all(|piece| piece.at() == piece.end)) {
                last.at.store(last.end - 1, Ordering::Relaxed);
            }
            let notes = name.open_notes()?;
            return Ok(Some(Self { file, name, spot, version, notes, lines_at: pieces_at, all }));
        }
        Ok(None)
    }

    /// Creates the part and its notes.
    fn begin(spot: Spot, version: Version) -> Result<Self, ClientError> {
        let Begun { name, file, notes: (notes, lines_at) } = part_name::begin(&spot, &version.notes())?;
        let all = divide(version.length);
        let begun = Self { file, name, spot, version, notes, lines_at, all };
        let lines = begun.all.iter().try_for_each(|piece| begun.note(piece));
        let made = lines.and_then(|()| begun.file.set_len(begun.version.length));
        match made {
            Ok(()) => Ok(begun),
            Err(error) => {
                let error = begun.name.failed(error);
                begun.discard();
                Err(error)
            }
        }
    }

    /// How much of the file was received, in bytes.
    fn here(&self) -> u64 {
        self.all.iter().map(|piece| piece.at() - piece.start).sum()
    }

    /// Updates the line of a piece in the notes: up to where it was received.
    fn note(&self, piece: &Piece) -> io::Result<()> {
        let number = self.all.iter().take_while(|other| other.start < piece.start).count();
        self.notes.write_all_at(piece.line().as_bytes(), self.lines_at + (number * LINE) as u64)
    }

    /// The complete part.
    fn finish(self) -> Part {
        Part::whole(self.file, self.name, self.spot, self.version.length)
    }

    /// Removes it.
    fn discard(self) {
        self.finish().discard();
    }
}

impl Piece {
    fn at(&self) -> u64 {
        self.at.load(Ordering::Relaxed)
    }

    /// Its line in the notes.
    fn line(&self) -> String {
        format!("{:020} {:020} {:020}\n", self.start, self.at(), self.end)
    }

    /// Parses its line.
    fn read(line: &[u8]) -> Option<Self> {
        let mut numbers =
            str::from_utf8(line).ok()?.split_ascii_whitespace().map(|number| number.parse().ok());
        let (start, at, end) = (numbers.next()??, numbers.next()??, numbers.next()??);
        (start <= at && at <= end && start < end).then(|| Self { start, at: AtomicU64::new(at), end })
    }
}

/// The pieces of a file of this length, which must be more than a few bytes.
fn divide(length: u64) -> Vec<Piece> {
    let size = length.div_ceil(RANGES);
    let piece = |start| Piece { start, at: AtomicU64::new(start), end: length.min(start + size) };
    (0..RANGES).map(|number| number * size).take_while(|start| *start < length).map(piece).collect()
}

/// The pieces in the notes, if together they cover a file of this length.
fn read(lines: &[u8], length: u64) -> Option<Vec<Piece>> {
    let pieces = lines.chunks(LINE).map(Piece::read).collect::<Option<Vec<_>>>()?;
    let ends = pieces.iter().try_fold(0, |at, piece| (piece.start == at).then_some(piece.end));
    (!pieces.is_empty() && ends == Some(length)).then_some(pieces)
}

/// Writes the content of a piece.
struct Writer<'a> {
    pieces: &'a Pieces,
    piece: &'a Piece,
    progress: &'a WorkerProgress,
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let at = self.piece.at();
        let left = usize::try_from(self.piece.end - at).unwrap_or(usize::MAX);
        let bytes = bytes.get(..left).unwrap_or(bytes);
        let written = self.pieces.file.write_at(bytes, at)?;
        let now = at + written as u64;
        self.piece.at.store(now, Ordering::Relaxed);
        self.progress.came(written);
        if now / STEP > at / STEP {
            self.pieces.note(self.piece)?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_the_file() {
        for length in [LEAST, LEAST + 1, LEAST + 3, 10 * LEAST - 1] {
            let pieces = divide(length);
            assert_eq!(pieces.len() as u64, RANGES);
            let lines: String = pieces.iter().map(Piece::line).collect();
            assert_eq!(lines.len(), pieces.len() * LINE);
            assert_eq!(read(lines.as_bytes(), length).expect("whole").len(), pieces.len());
        }
    }

    #[test]
    fn invalid_notes() {
        let line = |start: u64, at: u64, end: u64| format!("{start:020} {at:020} {end:020}\n");
        let table = [
            ("no pieces", String::new()),
            ("a hole", line(0, 0, 4) + &line(5, 5, 10)),
            ("an overlap", line(0, 0, 6) + &line(5, 5, 10)),
            ("too short", line(0, 0, 9)),
            ("too long", line(0, 0, 11)),
            ("before its start", line(0, 0, 5) + &line(5, 4, 10)),
            ("past its end", line(0, 6, 5) + &line(5, 5, 10)),
            ("cut", line(0, 0, 10)[..40].to_owned()),
            ("no numbers", "x".repeat(LINE)),
        ];
        for (name, lines) in table {
            assert!(read(lines.as_bytes(), 10).is_none(), "{name}");
        }
        assert!(read((line(0, 5, 5) + &line(5, 7, 10)).as_bytes(), 10).is_some());
    }
}
