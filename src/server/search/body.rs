//! A search that runs while its response is sent.

use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use super::form::{FoundEntry, SearchForm, WriteEnd};
use super::outcome::{Cut, Outcome};
use crate::blocking::Blocking;
use crate::folder::{Candidate, Search, SearchStep};
use crate::name_pattern::NamePattern;
use crate::path::SharePath;
use crate::server::connections::capacity::SEARCH_FILES;
use crate::server::content::{ContentSource, Produced};
use crate::server::jobs::fair_permits::FairPermit;
use crate::server::moment::Moment;

/// The maximum number of entries that are found: more than a person reads, and few enough for a page.
const MOST: usize = 10_000;

/// How long a search may take, including the time that the client needs to read it. On a usual disk, this is enough for
/// several million names.
const LONGEST: Duration = Duration::from_secs(30);

/// How many names are compared, and for how long, before other connections get their turn.
const LOOKS: usize = 1024;
const TURN: Duration = Duration::from_millis(4);

/// How many names are compared between two looks at the clock.
const LOOKS_PER_CLOCK: usize = 32;

/// How many bytes are produced at once.
const CHUNK: usize = 32 * 1024;

/// A search that is being sent.
pub(crate) struct SearchBody {
    search: Search,
    pattern: NamePattern,
    row: fn(&FoundEntry, usize, &mut Vec<u8>),
    /// What follows the entries; `None` once it has been produced.
    end: Option<WriteEnd>,
    count: usize,
    begun: Moment,
    /// What has been produced but not taken.
    made: Vec<u8>,
    /// The permit is returned when the last byte has been sent, or the client has gone.
    _permit: Option<FairPermit>,
}

impl SearchBody {
    /// A search for this, in this format.
    pub(crate) fn new(
        search: Search,
        pattern: NamePattern,
        form: SearchForm,
        permit: Option<FairPermit>,
    ) -> Self {
        let SearchForm { before, row, end } = form;
        Self {
            search,
            pattern,
            row,
            end: Some(end),
            count: 0,
            begun: Moment::now(),
            made: before,
            _permit: permit,
        }
    }

    /// Compares some names. What was found is sent before another directory is opened, which may wait for the disk.
    fn go_on(&mut self, disk: Blocking<'_>) {
        let turn = Moment::now();
        for look in 1..=LOOKS {
            match self.step(disk) {
                SearchStep::Found { .. } if self.count == MOST => return self.finish(Some(Cut::Results)),
                SearchStep::Found { directory, entry } => {
                    (self.row)(&FoundEntry { directory, entry }, self.count, &mut self.made);
                    self.count += 1;
                    if self.made.len() >= CHUNK {
                        break;
                    }
                }
                SearchStep::DirectoryDone if !self.made.is_empty() => break,
                SearchStep::Nothing | SearchStep::DirectoryDone => {}
                SearchStep::End => {
                    let cut = self.search.has_left_out().then_some(Cut::Directories);
                    return self.finish(cut);
                }
            }
            if look % LOOKS_PER_CLOCK == 0 && turn.elapsed() > TURN {
                break;
            }
        }
        if self.begun.elapsed() > LONGEST {
            self.finish(Some(Cut::Time));
        }
    }

    fn step(&mut self, disk: Blocking<'_>) -> SearchStep {
        let pattern = &mut self.pattern;
        let wants = |directory: &SharePath, candidate: &Candidate| {
            let is_directory = candidate.is_directory() == Some(true);
            pattern.finds(directory.as_bytes(), candidate.name().as_bytes(), is_directory)
        };
        self.search.step(wants, disk)
    }

    fn finish(&mut self, cut: Option<Cut>) {
        if let Some(end) = self.end.take() {
            end(Outcome { count: self.count, cut }, &mut self.made);
        }
    }
}

impl ContentSource for SearchBody {
    fn next(&mut self, disk: Blocking<'_>) -> io::Result<Produced> {
        // What comes before the entries does not wait for the first directory.
        if self.made.is_empty() && self.end.is_some() {
            self.go_on(disk);
        }
        if self.made.is_empty() && self.end.is_none() {
            return Ok(Produced::End);
        }
        Ok(Produced::bytes(std::mem::take(&mut self.made)))
    }

    fn descriptors(&self) -> u32 {
        SEARCH_FILES
    }
}

impl fmt::Debug for SearchBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchBody").field("pattern", &self.pattern).finish_non_exhaustive()
    }
}
