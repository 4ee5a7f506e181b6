//! The records of a program whose records are in a store that other servers share.
//!
//! Requests see a copy in memory, which follows the store. A change is made in a copy, and written if the store still has the
//! same revision; otherwise it is made again. So the last use of a link is taken once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::change_error::ChangeError;
use super::cluster::{ClusterError, ClusterLine, ClusterNews, ClusterRecords, ClusterRevision};
use super::ended::EndedRecords;
use super::limits::{FILE_LIMIT, RECORDS};
use super::refused::{RecordLimit, Refused};
use super::table::Table;
use super::time::WallTime;
use super::view::RecordsView;
use crate::blocking::Blocking;

/// How long records stay valid while the store cannot be reached.
pub const LAST_KNOWN: Duration = Duration::from_secs(60);

/// How often a change is tried: each time, another server was faster.
const TRIES: usize = 64;

/// From this number of records on, their size is measured.
const MEASURED: usize = RECORDS / 16;

/// The store, and what is known of it.
#[derive(Debug)]
pub(super) struct ClusterSource {
    records: Box<dyn ClusterRecords>,
    /// Held while the store is asked.
    known: Mutex<Known>,
    /// When the last successful reading began.
    read: Mutex<Option<Instant>>,
    /// Whether the last attempt to reach the store failed.
    is_away: AtomicBool,
}

#[derive(Debug)]
struct Known {
    state: Option<(ClusterRevision, Arc<Table>)>,
    ended: EndedRecords,
    /// When the store was last read.
    heard: WallTime,
    /// When the last uses were written.
    noted: WallTime,
}

impl ClusterSource {
    pub(super) fn new(records: Box<dyn ClusterRecords>, now: WallTime) -> Self {
        let known = Mutex::new(Known { state: None, ended: EndedRecords::default(), heard: now, noted: now });
        Self { records, known, read: Mutex::default(), is_away: AtomicBool::new(false) }
    }

    /// Fails if the store is known to be away: nobody has to wait for it again.
    fn known(&self) -> Result<MutexGuard<'_, Known>, ClusterError> {
        let check = || {
            let error = || ClusterError::Away("the store is unavailable".to_owned());
            if self.is_away() { Err(error()) } else { Ok(()) }
        };
        check()?;
        let known = self.lock();
        check()?;
        Ok(known)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> MutexGuard<'_, Option<Instant>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whether the store could be read. If it refuses, waiting for it again is as useless as if it were away.
    fn note_read<T>(&self, answer: Result<T, ClusterError>) -> Result<T, ClusterError> {
        self.is_away.store(answer.is_err(), Ordering::Release);
        answer
    }

    /// Notes whether the store has answered. A store that refuses a change may be readable.
    fn note<T>(&self, answer: Result<T, ClusterError>) -> Result<T, ClusterError> {
        if let Err(ClusterError::Away(_)) = answer {
            self.is_away.store(true, Ordering::Release);
        }
        answer
    }

    /// Whether the last attempt to reach the store failed.
    pub(super) fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Acquire)
    }

    pub(super) fn follow(
        &self,
        view: &RecordsView,
        now: WallTime,
        disk: Blocking<'_>,
    ) -> Result<(), ClusterError> {
        let known = &mut *self.lock();
        let table =
            self.hear(view, known, now, disk).inspect_err(|_| self.forget_old(view, Instant::now()))?;
        if !table.must_be_written(known.noted, now) {
            return Ok(());
        }
        match self.change_known(view, known, now, disk, |_| Ok(())) {
            Err(ChangeError::Cluster(error)) => Err(error),
            // Nothing was added.
            Ok(()) | Err(ChangeError::Refused(_) | ChangeError::Store(_)) => Ok(()),
        }
    }

    pub(super) fn catch_up(
        &self,
        view: &RecordsView,
        now: WallTime,
        disk: Blocking<'_>,
    ) -> Result<(), ClusterError> {
        let began = Instant::now();
        let known = &mut *self.known()?;
        // Another thread may have read them while this one waited.
        if self.read().is_some_and(|read| read >= began) {
            return Ok(());
        }
        self.hear(view, known, now, disk).map(drop)
    }

    /// From a minute after the last contact on, no record is valid: others may have ended it.
    pub(super) fn forget_old(&self, view: &RecordsView, now: Instant) {
        let read = self.read();
        let is_old = read.is_none_or(|read| now.saturating_duration_since(read) >= LAST_KNOWN);
        if is_old && view.get().is_some() {
            view.set(None);
        }
    }

    pub(super) fn change<T>(
        &self,
        view: &RecordsView,
        now: WallTime,
        disk: Blocking<'_>,
        change: impl Fn(&mut Table) -> Result<T, Refused>,
    ) -> Result<T, ChangeError> {
        self.change_known(view, &mut *self.known()?, now, disk, change)
    }

    fn change_known<T>(
        &self,
        view: &RecordsView,
        known: &mut Known,
        now: WallTime,
        disk: Blocking<'_>,
        change: impl Fn(&mut Table) -> Result<T, Refused>,
    ) -> Result<T, ChangeError> {
        for _ in 0..TRIES {
            let before = self.hear(view, known, now, disk)?;
            let mut table = Table::clone(&before);
            table.sweep(now);
            let value = change(&mut table)?;
            if table.iter().len() > MEASURED && table.stored_size() > FILE_LIMIT {
                return Err(Refused::Limit(RecordLimit::Size).into());
            }
            let changes = table.changes_since(&before);
            let Some((revision, _)) = known.state.as_ref().filter(|_| !changes.is_empty()) else {
                return Ok(value);
            };
            if let Some(revision) = self.note(self.records.change(revision, &changes, disk))? {
                let table = Arc::new(table);
                known
                    .ended
                    .note(changes.iter().filter(|change| change.line.is_none()).map(|change| change.id), now);
                known.state = Some((revision, Arc::clone(&table)));
                known.noted = now;
                view.set(Some(table));
                return Ok(value);
            }
        }
        Err(ClusterError::busy().into())
    }

    /// Reads what has changed.
    fn hear(
        &self,
        view: &RecordsView,
        known: &mut Known,
        now: WallTime,
        disk: Blocking<'_>,
    ) -> Result<Arc<Table>, ClusterError> {
        let began = Instant::now();
        let revision = known.state.as_ref().map(|(revision, _)| revision);
        let news = self.note_read(self.records.read(revision, disk))?;
        let (revision, table) = match (news, known.state.clone()) {
            (ClusterNews::Same, Some(state)) => state,
            (ClusterNews::Changed(revision, lines), Some((_, before))) => {
                let mut table = Table::clone(&before);
                let ids: Vec<_> = lines.iter().filter_map(ClusterLine::record_id).collect();
                complain_of(table.take_lines(lines));
                known.ended.note(ids.into_iter().filter(|id| table.get(*id).is_none()), now);
                (revision, Arc::new(table))
            }
            (ClusterNews::All { revision, lines, has_lost }, before) => {
                let mut table = Table::default();
                complain_of(table.take_lines(lines));
                if let Some((_, before)) = &before {
                    table.add_notes(before);
                }
                let stored = (revision, Arc::new(table));
                let (revision, table) = match before.as_ref().filter(|_| has_lost) {
                    Some((_, before)) => self.end_again(stored, before, known, disk)?,
                    None => stored,
                };
                let gone = before.iter().flat_map(|(_, before)| before.iter().map(|record| record.id));
                known.ended.note(gone.filter(|id| table.get(*id).is_none()), now);
                (revision, table)
            }
            (ClusterNews::Same | ClusterNews::Changed(..), None) => {
                return Err(ClusterError::Refused("its answer is malformed".to_owned()));
            }
        };
        let is_same = known.state.as_ref().is_some_and(|(_, before)| Arc::ptr_eq(before, &table));
        known.state = Some((revision, Arc::clone(&table)));
        known.heard = now;
        let mut read = self.read();
        *read = Some(began);
        if !is_same || view.get().is_none() {
            view.set(Some(Arc::clone(&table)));
        }
        Ok(table)
    }

    /// Ends in the store what had ended before the store has lost it. Until that is done, the earlier records count.
    fn end_again(
        &self,
        (revision, stored): (ClusterRevision, Arc<Table>),
        before: &Table,
        known: &Known,
        disk: Blocking<'_>,
    ) -> Result<(ClusterRevision, Arc<Table>), ClusterError> {
        log::warn!("the store has lost changes of sessions, tokens and links: what had ended stays ended");
        let mut table = Table::clone(&stored);
        table.end_again(before, known.heard, &known.ended);
        let changes = table.changes_since(&stored);
        if changes.is_empty() {
            return Ok((revision, stored));
        }
        let revision = self.note(self.records.change(&revision, &changes, disk))?;
        Ok((revision.ok_or_else(ClusterError::busy)?, Arc::new(table)))
    }
}

fn complain_of(skipped: usize) {
    if skipped > 0 {
        log::warn!("{skipped} records in the store are damaged or foreign, and open nothing");
    }
}
