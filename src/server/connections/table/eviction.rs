//! Which connections are evicted: those idle longest, those of a client that has by far the most, or those of
//! the client that holds the most descriptors.

use std::os::fd::AsFd;
use std::sync::Mutex;

use rustix::io::ioctl_fionread;

use crate::server::client_key::ClientKey;
use crate::server::connections::slot::{Holding, Slot};
use crate::server::connections::table::{ConnectionTable, TableEntry, lock};
use crate::server::connections::tracked::Tracked;
use crate::server::moment::Moment;

/// If a client has at least this many times as many connections as a new client, it loses one to the new client. With a
/// smaller factor, a household behind one address could lose connections to a single person.
const GREEDY: u32 = 16;

impl<C: AsFd> ConnectionTable<C> {
    /// Takes out the connection that has been idle longest, to free a slot for another; `None` if none has been idle
    /// since this moment. A connection with unread input is not idle.
    pub(crate) fn evict_idle(&self, since: Moment) -> Option<Box<Tracked<C>>> {
        let mut longest_idle = lock(&self.longest_idle);
        let evicted = self.first_idle_of(&mut longest_idle, since);
        if evicted.is_some() || !longest_idle.is_empty() {
            return evicted;
        }
        longest_idle.extend(self.all_idle());
        longest_idle.sort_unstable_by(|a, b| b.cmp(a));
        self.first_idle_of(&mut longest_idle, since)
    }

    /// Takes out the first of these connections that is still idle, but only if it has been idle since this moment.
    fn first_idle_of(&self, longest_idle: &mut Vec<(Moment, u32)>, since: Moment) -> Option<Box<Tracked<C>>> {
        let still_idle = |(since, index): (Moment, u32)| {
            let mut entry = lock(self.entry(index));
            let is_still = entry.parked.as_ref().is_some_and(|(tracked, wait_for)| {
                wait_for.idle_since == Some(since)
                    && ioctl_fionread(&tracked.connection).is_ok_and(|left| left == 0)
            });
            if is_still { entry.parked.take().map(|(tracked, _)| tracked) } else { None }
        };
        std::iter::from_fn(|| longest_idle.pop_if(|(idle_since, _)| *idle_since <= since))
            .find_map(still_idle)
    }

    /// The idle connections, with the time at which each became idle. Their deadlines do not show this: a connection
    /// that was parked while there were fewer connections got a longer timeout.
    fn all_idle(&self) -> impl Iterator<Item = (Moment, u32)> {
        let idle_since = |entry: &Mutex<TableEntry<C>>| {
            lock(entry).parked.as_ref().and_then(|(_, wait_for)| wait_for.idle_since)
        };
        self.entries().filter_map(move |(index, entry)| Some((idle_since(entry)?, index)))
    }

    /// The client that loses a connection to this newcomer: the one with the most connections, if it has at
    /// least [`GREEDY`] times as many.
    pub(crate) fn greedy(&self, newcomer: ClientKey) -> Option<ClientKey> {
        let (greatest, holding) = self.slots.greatest(|holding| holding.connections.into())?;
        let own = self.slots.holding(newcomer).connections;
        (holding.connections >= GREEDY * (own + 1)).then_some(greatest)
    }

    /// The client that holds the most descriptors, and what it holds.
    pub(crate) fn heaviest(&self) -> Option<(ClientKey, Holding)> {
        self.slots.greatest(|holding| holding.descriptors)
    }

    /// By how many descriptors the limit is exceeded.
    pub(crate) fn excess(&self) -> u64 {
        self.slots.excess()
    }

    /// Whether this many more descriptors are within the limit.
    pub(crate) fn allows(&self, more: u64) -> bool {
        self.slots.allows(more)
    }

    /// Takes out the parked connection of this client that has waited longest.
    pub(crate) fn evict_one_of(&self, client: ClientKey) -> Vec<Box<Tracked<C>>> {
        self.evict_longest(|slot| slot.client() == client, 1)
    }

    /// Takes out parked connections that hold descriptors for this client, beginning with those that have waited
    /// longest, until they held this many descriptors in total.
    pub(crate) fn evict_holders(&self, client: ClientKey, descriptors: u64) -> Vec<Box<Tracked<C>>> {
        self.evict_longest(|slot| slot.client() == client, descriptors)
    }

    fn evict_longest(&self, is_meant: impl Fn(&Slot) -> bool, descriptors: u64) -> Vec<Box<Tracked<C>>> {
        let mut waiting: Vec<(u64, u32)> = self.waiting(is_meant).collect();
        waiting.sort_unstable();
        let mut evicted = Vec::new();
        let mut left = descriptors;
        for (turn, index) in waiting {
            if left == 0 {
                break;
            }
            let mut entry = lock(self.entry(index));
            if entry.turn == turn
                && let Some((tracked, _)) = entry.parked.take()
            {
                left = left.saturating_sub(tracked.slot.descriptors().into());
                evicted.push(tracked);
            }
        }
        evicted
    }

    /// The slots of these parked connections, with the turn in which each was parked. Connections that are being rejected
    /// are not included: they end by themselves.
    fn waiting(&self, is_meant: impl Fn(&Slot) -> bool) -> impl Iterator<Item = (u64, u32)> {
        let turn = move |entry: &Mutex<TableEntry<C>>| {
            let entry = lock(entry);
            let (tracked, _) = entry.parked.as_ref()?;
            (is_meant(&tracked.slot) && !tracked.slot.is_spare()).then_some(entry.turn)
        };
        self.entries().filter_map(move |(index, entry)| Some((turn(entry)?, index)))
    }
}
