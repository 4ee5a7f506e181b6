//! The differences between the records of a server and those of a store that several servers share.

use std::str;
use std::sync::Arc;

use super::cluster::{ClusterChange, ClusterLine};
use super::ended::EndedRecords;
use super::limits::{CLOCKS, RECORDS};
use super::line::RecordLine;
use super::record::{Purpose, Record, RecordEnd};
use super::table::Table;
use super::time::WallTime;

impl Table {
    /// What has to be changed in an earlier copy of this table, so that it becomes this one.
    pub(super) fn changes_since(&self, before: &Self) -> Vec<ClusterChange> {
        let is_same =
            |record: &&Arc<Record>| before.get(record.id).is_some_and(|old| Arc::ptr_eq(old, record));
        let changed = self.iter().filter(|record| !is_same(record));
        let changed = changed.map(|record| (record.id, Some(RecordLine(record).to_string())));
        let removed = before.iter().filter(|record| self.get(record.id).is_none());
        let removed = removed.map(|record| (record.id, None));
        changed.chain(removed).map(|(id, line)| ClusterChange { id, line }).collect()
    }

    /// Takes over lines of the store. A line that is damaged or foreign opens nothing. Returns how many there were.
    pub(super) fn take_lines(&mut self, lines: Vec<ClusterLine>) -> usize {
        let before = self.clone();
        let mut skipped = 0;
        for stored in lines {
            let Some(id) = stored.record_id() else {
                skipped += 1;
                continue;
            };
            self.remove(id);
            let line = stored.line;
            let record = str::from_utf8(&line).ok().and_then(|line| Record::parse(line).ok());
            let record = record.filter(|record| record.id == id && !self.has_digest(&record.digest));
            match record.filter(|_| self.iter().len() < RECORDS) {
                Some(record) => drop(self.insert(record)),
                None => skipped += usize::from(!line.is_empty()),
            }
        }
        self.add_notes(&before);
        skipped
    }

    /// How many bytes these records take in the store: their ids and lines, as the store counts them.
    pub(super) fn stored_size(&self) -> u64 {
        self.iter()
            .map(|record| record.id.as_str().len() + RecordLine(record).to_string().len())
            .sum::<usize>() as u64
    }

    /// Ends again what had ended before the store has lost it: a session, a token, a link, or a use of a link. `heard` is when
    /// the store was last read before that, and `ended` is what had gone. What the store has lost entirely stays lost: another server
    /// may have ended it since. What another server has made since stays.
    pub(super) fn end_again(&mut self, before: &Self, heard: WallTime, ended: &EndedRecords) {
        // The clocks of two servers may differ by this.
        let is_old = |record: &Record| record.created.after(CLOCKS * 2) <= heard;
        let known = |record: &Record| before.get(record.id).filter(|old| old.digest == record.digest);
        let records: Vec<_> = self.iter().cloned().collect();
        for record in records {
            match (known(&record), &record.purpose) {
                (Some(old), _) => {
                    if let Some(record) = with_end_of(&record, old) {
                        self.insert(record);
                    }
                }
                (None, Purpose::Session { .. } | Purpose::Visit { .. })
                    if is_old(&record) || ended.has(record.id) =>
                {
                    self.remove(record.id);
                }
                // This server has read the store since, and does not have it: it was revoked, and then forgotten.
                (None, Purpose::Token { .. } | Purpose::Link { .. }) if is_old(&record) => {
                    let end = Some(RecordEnd { at: heard, is_revoked: true });
                    self.insert(Record { end, ..Record::clone(&record) });
                }
                (None, _) => {}
            }
        }
    }
}

/// The record with the end and the uses of an earlier state of it, if that gives less access.
fn with_end_of(record: &Record, old: &Record) -> Option<Record> {
    let mut stricter = record.clone();
    let revoked = old.end.filter(|end| end.is_revoked);
    stricter.end = record.end.filter(|end| end.is_revoked).or(revoked).or(record.end).or(old.end);
    let mut has_more_uses = false;
    if let (Purpose::Link { uses_left: Some(left), .. }, Purpose::Link { uses_left: Some(old), .. }) =
        (&mut stricter.purpose, &old.purpose)
    {
        has_more_uses = *old < *left;
        *left = (*left).min(*old);
    }
    (has_more_uses || stricter.end != record.end).then_some(stricter)
}
