//! The thread that follows the stream of a shared room, and feeds the room of this server with it.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::blocking::Blocking;
use crate::chat::epoch::Epoch;
use crate::chat::event::{EventKind, FileChange};
use crate::chat::shared::entry::{EntryError, ReadEntry, StreamEntry};
use crate::chat::shared::walk::{StreamStep, StreamWalk};
use crate::chat::stream_id::StreamId;
use crate::server::chat::state::{ChatState, now};
use crate::server::moment::Moment;
use crate::server::random;
use crate::server::runtime::Runtime;
use crate::server::shared::{Joined, SharedStore, StoredMember, StreamReader};
use crate::server::store_error::StoreError;

/// How long to wait before the next attempt to connect.
const RETRY: Duration = Duration::from_millis(500);

struct Reader<'r> {
    chat: &'r ChatState,
    shared: &'r SharedStore,
    /// Not kept while the store is waited for: the server may end then.
    runtime: &'r Weak<Runtime>,
    walk: StreamWalk<ReadEntry>,
    /// The epoch of the room.
    epoch: Option<Epoch>,
}

/// Follows the stream until the server ends.
pub(super) fn run(chat: &Arc<ChatState>, runtime: &Weak<Runtime>, disk: Blocking<'_>) {
    let Some(shared) = chat.shared() else { return };
    let mut reader = Reader { chat, shared, runtime, walk: StreamWalk::default(), epoch: None };
    let mut logged = String::new();
    while !shared.has_ended() {
        let followed = shared.reader(disk).and_then(|mut stream| reader.follow(&mut stream, disk));
        if let Err(error) = followed {
            let text = error.to_string();
            if shared.pause() || logged != text {
                log::warn!("the chat is paused: {text}");
                logged = text;
                chat.wake();
            }
            shared.pass(RETRY);
        }
    }
}

impl Reader<'_> {
    fn follow(&mut self, stream: &mut StreamReader<'_>, disk: Blocking<'_>) -> Result<(), StoreError> {
        while !self.shared.has_ended() {
            let batch = stream.read(&self.walk, disk)?;
            match self.walk.take(batch) {
                StreamStep::More => {}
                StreamStep::Renew(old) => stream.renew(old, disk)?,
                StreamStep::Loaded(_, entries) if entries.is_empty() => {
                    self.walk = StreamWalk::default();
                    stream.begin(disk)?;
                }
                StreamStep::Loaded(epoch, entries) => {
                    if let Err(error) = self.load(epoch, entries, stream, disk) {
                        // What was loaded is lost.
                        self.walk = StreamWalk::default();
                        return Err(error);
                    }
                }
                StreamStep::New(entries) => self.hear(entries, stream, disk),
            }
            if self.walk.follows() && self.shared.resume() {
                log::info!("the chat follows the shared room");
                self.chat.wake();
            }
        }
        Ok(())
    }

    /// Replaces the content of the room.
    fn load(
        &mut self,
        epoch: Epoch,
        entries: Vec<(StreamId, ReadEntry)>,
        stream: &mut StreamReader<'_>,
        disk: Blocking<'_>,
    ) -> Result<(), StoreError> {
        let mut members = stream.members(disk)?;
        if self.epoch.is_some_and(|known| known != epoch) {
            self.join_again(&mut members, disk)?;
        }
        let events: Vec<_> = events(entries).into_iter().map(|(id, entry)| (id, entry.kind)).collect();
        let people: Vec<_> = members.iter().map(|member| member.person.clone()).collect();
        self.chat.room().load((&epoch, random::number()), events, &people, now());
        for member in members {
            self.accept(member);
        }
        if self.epoch.replace(epoch).is_some() {
            log::warn!("the shared room has lost events; all listeners begin again");
        }
        if let Some(runtime) = self.runtime.upgrade() {
            runtime.state.cache.invalidate(Moment::now());
        }
        self.chat.wake();
        Ok(())
    }

    /// Adds the members that listen here to a store that has lost them.
    fn join_again(&self, members: &mut Vec<StoredMember>, disk: Blocking<'_>) -> Result<(), StoreError> {
        let stored: HashSet<_> = members.iter().map(|member| member.person.id).collect();
        let listeners = self.chat.room().listeners();
        for (person, owner, tokens) in
            listeners.into_iter().filter(|(person, ..)| !stored.contains(&person.id))
        {
            let account = owner.map(|user| user.name.clone());
            let member = StoredMember { person, account, tokens };
            if let Joined::Yes = self.shared.join(&member, disk)? {
                members.push(member);
            }
        }
        Ok(())
    }

    fn hear(&self, entries: Vec<(StreamId, ReadEntry)>, stream: &mut StreamReader<'_>, disk: Blocking<'_>) {
        let (entries, mut joined, mut changed) = (events(entries), Vec::new(), Vec::new());
        let mut room = self.chat.room();
        for (id, StreamEntry { kind, account }) in entries {
            match &kind {
                EventKind::Join { who } => {
                    joined.push(StoredMember { person: who.clone(), account, tokens: Vec::new() });
                }
                EventKind::Upload { path, lies_at, .. } => {
                    changed.extend([Some(path), lies_at.as_ref()].into_iter().flatten().cloned());
                }
                EventKind::Change { path, change, also_at, .. } => {
                    let from = if let FileChange::Moved { from } = change { Some(from) } else { None };
                    changed.extend(from.into_iter().chain([path]).chain(also_at).cloned());
                }
                _ => {}
            }
            room.hear(id, kind, now());
        }
        drop(room);
        if !changed.is_empty()
            && let Some(runtime) = self.runtime.upgrade()
        {
            runtime.state.cache.invalidate(Moment::now());
            for path in &changed {
                runtime.state.changes.announce(path);
            }
        }
        self.chat.wake();
        for mut member in joined {
            // If this fails, the next request of the member asks for its token.
            if stream.fill(&mut member, disk).is_ok() {
                self.accept(member);
            }
        }
    }

    /// Lets the tokens of a member be valid here, if its account is known.
    fn accept(&self, member: StoredMember) {
        let Some(runtime) = self.runtime.upgrade() else { return };
        let Some(owner) = runtime.state.owner_of(member.account.as_deref()) else { return };
        let mut room = self.chat.room();
        for token in member.tokens {
            room.accept_known(&member.person, (token, owner.clone()));
        }
    }
}

/// The entries that are events. Others are skipped, and one of them is logged.
fn events(entries: Vec<(StreamId, ReadEntry)>) -> Vec<(StreamId, StreamEntry)> {
    let (mut skipped, mut first) = (0, None);
    let events: Vec<_> = entries
        .into_iter()
        .filter_map(|(id, entry)| match entry {
            Ok(entry) => Some((id, entry)),
            Err(EntryError::Beginning) => None,
            Err(error) => {
                skipped += 1;
                first.get_or_insert((id, error));
                None
            }
        })
        .collect();
    if let Some((id, error)) = first {
        log::warn!("{skipped} entries of the shared room are skipped; the first is {id}: {error}");
    }
    events
}
