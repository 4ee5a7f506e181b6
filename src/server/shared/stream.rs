//! The reader's connection, which follows the stream.

use std::sync::atomic::Ordering;

use redis::{Cmd, Connection, Value, cmd, pipe};

use super::pool::of_error;
use super::replies;
use super::room::{StoredMember, stored_member};
use super::scripts::{self, script};
use super::store::SharedStore;
use crate::blocking::Blocking;
use crate::chat::epoch::Epoch;
use crate::chat::limits::MAX_MEMBERS;
use crate::chat::shared::entry::{MAX_ENTRY, ReadEntry};
use crate::chat::shared::walk::{Anchor, Batch, StreamWalk};
use crate::server::random;
use crate::server::store_error::StoreError;

/// How many entries are read at once, with [`MAX_ENTRY`] bytes each.
const AT_ONCE: usize = 64;

/// How long the store waits for new entries, in milliseconds.
const WAIT_MS: u64 = 1_000;

/// How many members are asked for at once.
const MEMBERS_AT_ONCE: usize = 256;

/// How many members are read: another program may have added more than a room has.
const MOST_MEMBERS: usize = 2 * MAX_MEMBERS;

/// How many tokens of a member are read.
const TOKENS: usize = 8;

/// Reads the stream, over a connection of its own.
pub(in crate::server) struct StreamReader<'s> {
    shared: &'s SharedStore,
    connection: Connection,
    /// The doubts when it connected.
    doubts: u64,
}

impl SharedStore {
    /// Connects the reader.
    pub(in crate::server) fn reader(&self, disk: Blocking<'_>) -> Result<StreamReader<'_>, StoreError> {
        let doubts = self.doubts.load(Ordering::Relaxed);
        Ok(StreamReader { shared: self, connection: self.pool.connect(disk)?, doubts })
    }
}

impl StreamReader<'_> {
    /// Reads what the walk needs next. It waits for new entries for a moment if the walk follows the stream.
    pub(in crate::server) fn read(
        &mut self,
        walk: &StreamWalk<ReadEntry>,
        _: Blocking<'_>,
    ) -> Result<Batch<ReadEntry>, StoreError> {
        if self.shared.doubts.load(Ordering::Relaxed) != self.doubts {
            return Err(StoreError::Unavailable("it has changed".into()));
        }
        let (keys, after) = (&self.shared.keys, walk.after().to_string());
        let mut asked = pipe();
        if walk.follows() {
            // A script cannot wait. One entry of any size ends the wait; the script returns it again if it is small.
            asked.cmd("XREAD").arg("COUNT").arg(1).arg("BLOCK").arg(WAIT_MS);
            asked.arg("STREAMS").arg(keys.stream()).arg(&after).ignore();
        }
        let (count, largest) = (AT_ONCE.to_string(), MAX_ENTRY.to_string());
        let arguments = [&after, &count, &largest].map(String::as_bytes);
        asked.add_command(script(scripts::READ, &[keys.stream(), keys.epoch()], &arguments));
        let answers: Vec<Value> = asked.query(&mut self.connection).map_err(|error| of_error(&error))?;
        let mut parts = answers.into_iter().next().map(replies::array).unwrap_or_default().into_iter();
        let entries = parts.next().map(replies::entries).unwrap_or_default();
        let found = parts.next().and_then(|count| replies::number(&count)).unwrap_or_default();
        let oldest = parts.next().and_then(replies::stream_id);
        let epoch = parts.next().and_then(replies::bytes).and_then(|text| Epoch::parse(&text));
        Ok(Batch {
            is_last: entries.len() < AT_ONCE,
            entries,
            anchor: if found > 0 { Anchor::There } else { Anchor::Missing(oldest) },
            epoch,
        })
    }

    /// Replaces an epoch, unless another server has done so.
    pub(in crate::server) fn renew(&mut self, old: Option<Epoch>, _: Blocking<'_>) -> Result<(), StoreError> {
        let key = self.shared.keys.epoch();
        let found: Value =
            cmd("GET").arg(&key).query(&mut self.connection).map_err(|error| of_error(&error))?;
        let found = replies::bytes(found).unwrap_or_default();
        if Epoch::parse(&found) != old {
            return Ok(());
        }
        if old.is_none() && !found.is_empty() {
            log::warn!("the key {key} of the store had foreign data; it is replaced");
        }
        let epoch = Epoch::new(random::number(), random::bytes());
        let renew = script(scripts::RENEW_EPOCH, &[key], &[&found, epoch.to_text().as_bytes()]);
        renew.query::<Value>(&mut self.connection).map_err(|error| of_error(&error))?;
        Ok(())
    }

    /// Gives an empty stream a beginning.
    pub(in crate::server) fn begin(&mut self, _: Blocking<'_>) -> Result<(), StoreError> {
        let begin = script(scripts::BEGIN, &[self.shared.keys.stream()], &[]);
        begin.query::<Value>(&mut self.connection).map_err(|error| of_error(&error))?;
        Ok(())
    }

    /// All members.
    pub(in crate::server) fn members(&mut self, _: Blocking<'_>) -> Result<Vec<StoredMember>, StoreError> {
        let key = self.shared.keys.members();
        let count: usize =
            cmd("HLEN").arg(&key).query(&mut self.connection).map_err(|error| of_error(&error))?;
        if count > MOST_MEMBERS {
            return Err(StoreError::Refused(format!("the key {key} has {count} members (delete it)")));
        }
        let all: Value =
            cmd("HGETALL").arg(&key).query(&mut self.connection).map_err(|error| of_error(&error))?;
        let mut members: Vec<_> = replies::pairs(all)
            .into_iter()
            .filter_map(|(number, record)| stored_member(&number, &record))
            .collect();
        for some in members.chunks_mut(MEMBERS_AT_ONCE) {
            let mut asked = pipe();
            for member in &*some {
                asked.add_command(tokens(self.shared, member));
            }
            let answers: Vec<Value> = asked.query(&mut self.connection).map_err(|error| of_error(&error))?;
            for (member, answer) in some.iter_mut().zip(answers) {
                member.take_tokens(answer);
            }
        }
        Ok(members)
    }

    /// A member that has joined at another server, with its tokens.
    pub(in crate::server) fn fill(
        &mut self,
        member: &mut StoredMember,
        _: Blocking<'_>,
    ) -> Result<(), StoreError> {
        let asked = tokens(self.shared, member);
        member.take_tokens(asked.query(&mut self.connection).map_err(|error| of_error(&error))?);
        Ok(())
    }
}

fn tokens(shared: &SharedStore, member: &StoredMember) -> Cmd {
    let mut command = cmd("SRANDMEMBER");
    command.arg(shared.keys.tokens(&member.person)).arg(TOKENS);
    command
}
