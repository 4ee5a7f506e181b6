//! The slots of the table: a bounded number, with at most one connection each, and what each client holds.
//!
//! A connection and its descriptors count for the client whose request it serves, and for the peer between requests. The two
//! differ behind a proxy.
//!
//! Descriptors are the scarce resource. A connection uses one for its socket, and more for what it keeps open
//! while it waits: the file that it sends, or the temporary file of its upload and that file's directory.
//! Each slot counts its descriptors, and the total is bounded.
//!
//! Some slots are spare, for connections that are being rejected. They are available when all others are taken.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::net::poller::{Arming, Interest, PollKey};
use crate::server::client_key::ClientKey;

/// Hands out slots.
#[derive(Debug)]
pub(crate) struct Slots(Arc<Shared>);

/// How many slots there are, and how many descriptors their connections may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// Connections at once.
    pub connections: u32,
    /// Further connections that are being rejected.
    pub spare: u32,
    /// Descriptors that all of them may keep open while they wait, including their sockets.
    pub descriptors: u64,
}

#[derive(Debug)]
struct Shared {
    capacity: Capacity,
    state: Mutex<State>,
    /// How many slots are taken; a copy that the keep-alive rule can read without the lock.
    taken: AtomicU32,
    emptied: Condvar,
}

#[derive(Debug)]
struct State {
    /// Slots that were freed.
    free: Vec<u32>,
    /// Slots from here on were never used.
    fresh: u32,
    /// How many connections have had a slot; this is the number of the next one.
    served: u32,
    /// How many regular slots are taken.
    regular: u32,
    /// How many spare slots are taken.
    spare: u32,
    /// How many connections are being closed.
    left: u32,
    /// What each client holds.
    clients: HashMap<ClientKey, Holding>,
    /// How many descriptors all clients hold.
    descriptors: u64,
}

/// What a client holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Holding {
    pub connections: u32,
    /// Descriptors, including those of its connections; connections that are being rejected or closed do not count.
    pub descriptors: u64,
}

/// The slot of a connection, and a number that no earlier connection in this slot had. Dropping it frees the slot.
#[derive(Debug)]
pub(crate) struct Slot {
    shared: Arc<Shared>,
    index: u32,
    number: u32,
    /// The peer.
    peer: ClientKey,
    /// The client for which it counts now; `None` for the peer. Boxed: an idle connection has none, and
    /// should be small.
    client: Option<Box<ClientKey>>,
    /// How many descriptors the connection holds.
    descriptors: u32,
    kind: SlotKind,
    /// What the poller last watched for; `None` before it has seen the connection.
    watched: Option<Interest>,
}

/// How a slot is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SlotKind {
    Regular,
    Spare,
    /// Not counted: the connection is closed, but its files are not closed yet.
    Left,
}

impl Slots {
    /// Creates the slots, all free.
    pub(crate) fn new(capacity: Capacity) -> Self {
        let state = State {
            free: Vec::new(),
            fresh: 0,
            served: 0,
            regular: 0,
            spare: 0,
            left: 0,
            clients: HashMap::new(),
            descriptors: 0,
        };
        Self(Arc::new(Shared {
            capacity,
            state: Mutex::new(state),
            taken: AtomicU32::new(0),
            emptied: Condvar::new(),
        }))
    }

    /// A free slot for a connection of this peer, if there is one.
    pub(crate) fn take(&self, peer: ClientKey) -> Option<Slot> {
        let mut state = self.0.lock();
        let is_free = state.regular < self.0.capacity.connections && self.has_slot(&state);
        is_free.then(|| self.give(&mut state, peer, SlotKind::Regular))
    }

    /// A spare slot, if there is one.
    pub(crate) fn take_spare(&self, peer: ClientKey) -> Option<Slot> {
        let mut state = self.0.lock();
        let is_free = state.spare < self.0.capacity.spare && self.has_slot(&state);
        is_free.then(|| self.give(&mut state, peer, SlotKind::Spare))
    }

    fn has_slot(&self, state: &State) -> bool {
        !state.free.is_empty() || (state.fresh as usize) < self.0.capacity.slots()
    }

    fn give(&self, state: &mut State, peer: ClientKey, kind: SlotKind) -> Slot {
        *state.count(kind) += 1;
        let index = state.free.pop().unwrap_or_else(|| {
            state.fresh += 1;
            state.fresh - 1
        });
        state.served = state.served.wrapping_add(1);
        state.clients.entry(peer).or_default().connections += 1;
        state.change(peer, kind, 0, 1);
        self.0.taken.fetch_add(1, Ordering::AcqRel);
        let (shared, number) = (Arc::clone(&self.0), state.served);
        Slot { shared, index, number, peer, client: None, descriptors: 1, kind, watched: None }
    }

    /// How many slots are taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Acquire) as usize
    }

    /// By how many descriptors the limit is exceeded.
    pub(crate) fn excess(&self) -> u64 {
        self.0.lock().descriptors.saturating_sub(self.0.capacity.descriptors)
    }

    /// Whether this many more descriptors are within the limit.
    pub(crate) fn allows(&self, more: u64) -> bool {
        self.0.lock().descriptors.saturating_add(more) <= self.0.capacity.descriptors
    }

    /// What this client holds.
    pub(crate) fn holding(&self, client: ClientKey) -> Holding {
        self.0.lock().clients.get(&client).copied().unwrap_or_default()
    }

    /// The client that has the most by this measure.
    pub(crate) fn greatest(&self, by: impl Fn(&Holding) -> u64) -> Option<(ClientKey, Holding)> {
        let state = self.0.lock();
        let greatest = state.clients.iter().max_by_key(|(_, holding)| by(holding));
        greatest.map(|(client, holding)| (*client, *holding))
    }

    /// Waits at most this long until all slots are free; returns whether they are.
    pub(crate) fn wait_until_free(&self, at_most: Duration) -> bool {
        let waited = self.0.emptied.wait_timeout_while(self.0.lock(), at_most, |_| self.taken() > 0);
        drop(waited);
        self.taken() == 0
    }
}

impl Capacity {
    /// The number of all slots: the regular slots, as many again for connections whose closing waits for a disk, and
    /// the spare slots.
    pub(crate) const fn slots(&self) -> usize {
        2 * self.connections as usize + self.spare as usize
    }
}

impl State {
    /// How many slots of this kind are taken.
    fn count(&mut self, kind: SlotKind) -> &mut u32 {
        match kind {
            SlotKind::Regular => &mut self.regular,
            SlotKind::Spare => &mut self.spare,
            SlotKind::Left => &mut self.left,
        }
    }

    /// Updates the counts of a client: its connection, in a slot of this kind, held `before` descriptors, and holds
    /// `now`.
    fn change(&mut self, client: ClientKey, kind: SlotKind, before: u32, now: u32) {
        let change = |held: u64| held.saturating_sub(before.into()).saturating_add(now.into());
        self.descriptors = change(self.descriptors);
        if kind == SlotKind::Regular {
            let holding = self.clients.entry(client).or_default();
            holding.descriptors = change(holding.descriptors);
            self.tidy(client);
        }
    }

    /// Counts a connection for another client.
    fn pass(&mut self, from: ClientKey, to: ClientKey) {
        self.clients.entry(to).or_default().connections += 1;
        self.release(from);
    }

    /// Counts one connection fewer for this client.
    fn release(&mut self, client: ClientKey) {
        if let Some(holding) = self.clients.get_mut(&client) {
            holding.connections = holding.connections.saturating_sub(1);
        }
        self.tidy(client);
    }

    /// Removes a client that holds nothing.
    fn tidy(&mut self, client: ClientKey) {
        if self.clients.get(&client) == Some(&Holding::default()) {
            self.clients.remove(&client);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// The index of the slot.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// The client for which it counts.
    pub(crate) fn client(&self) -> ClientKey {
        self.client.as_deref().copied().unwrap_or(self.peer)
    }

    /// Whether its connection is being rejected.
    pub(crate) fn is_spare(&self) -> bool {
        self.kind == SlotKind::Spare
    }

    /// How many descriptors the connection holds.
    pub(crate) fn descriptors(&self) -> u32 {
        self.descriptors
    }

    /// The key by which the poller knows the connection: slot and number.
    pub(crate) fn key(&self) -> PollKey {
        PollKey(u64::from(self.number) << 32 | u64::from(self.index))
    }

    /// The slot of a key.
    pub(crate) fn index_of(key: PollKey) -> u32 {
        (key.0 & u64::from(u32::MAX)) as u32
    }

    /// Records how many descriptors the connection holds now, including its socket, and for which client; `None` for
    /// the peer. Returns by how many descriptors the total exceeds the limit, if this connection holds more than
    /// before.
    pub(crate) fn hold(&mut self, descriptors: u32, client: Option<ClientKey>) -> u64 {
        let client = client.filter(|client| *client != self.peer);
        let before = std::mem::replace(&mut self.descriptors, descriptors);
        if before == descriptors && self.client.as_deref() == client.as_ref() {
            return 0;
        }
        let (from, to) = (self.client(), client.unwrap_or(self.peer));
        let mut state = self.shared.lock();
        state.change(from, self.kind, before, 0);
        state.pass(from, to);
        state.change(to, self.kind, 0, descriptors);
        self.client = client.map(Box::new);
        let excess = state.descriptors.saturating_sub(self.shared.capacity.descriptors);
        if descriptors > before { excess } else { 0 }
    }

    /// Moves the connection to a spare slot, so that its own slot is free for another connection. False if no spare
    /// slot is free.
    pub(crate) fn make_spare(&mut self) -> bool {
        let client = self.client();
        let mut state = self.shared.lock();
        let has_room = state.spare < self.shared.capacity.spare;
        if self.kind == SlotKind::Regular && has_room {
            state.change(client, self.kind, self.descriptors, 0);
            Self::change_kind(&mut self.kind, &mut state, SlotKind::Spare);
            state.change(client, self.kind, 0, self.descriptors);
        }
        self.kind == SlotKind::Spare
    }

    /// Call when the connection is closed, even if its files are not yet, because that may block on the disk.
    /// Its slot and its descriptors are free for others from now on.
    pub(crate) fn leave(&mut self) {
        let mut state = self.shared.lock();
        let before = std::mem::take(&mut self.descriptors);
        state.change(self.client(), self.kind, before, 0);
        Self::change_kind(&mut self.kind, &mut state, SlotKind::Left);
    }

    fn change_kind(from: &mut SlotKind, state: &mut State, to: SlotKind) {
        *state.count(*from) -= 1;
        *state.count(to) += 1;
        *from = to;
    }

    /// Whether the poller still watches for this.
    pub(crate) fn stands_for(&self, interest: Interest) -> bool {
        interest == Interest::News && self.watched == Some(Interest::News)
    }

    /// How to arm the poller for this; records that it is armed.
    pub(crate) fn arming(&mut self, interest: Interest) -> Arming {
        self.watched.replace(interest).map_or(Arming::First, |_| Arming::Again)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.free.push(self.index);
        *state.count(self.kind) -= 1;
        state.change(self.client(), self.kind, self.descriptors, 0);
        state.release(self.client());
        if self.shared.taken.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.emptied.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
