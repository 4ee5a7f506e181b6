//! Connections that wait for their client.
//!
//! Between two requests, and whenever a worker would block on a socket, no thread owns the connection: it is parked
//! here, and the next free worker takes the next connection that is ready. So ten thousand idle clients cost ten
//! thousand table entries, not threads.
//!
//! One worker at a time, the leader, waits in epoll (see `lead`). If all workers were in `epoll_wait` at once, the
//! kernel would wake too many (measured: 12 µs per request instead of 7).
//!
//! The invariants:
//!
//! - A parked connection is in exactly one slot. To own it, a thread takes it out under the slot's lock. So a worker
//!   and the deadline sweep cannot both own it.
//! - Only [`ConnectionTable::park`] arms the descriptor, under the same lock. A connection that waits for its
//!   client's next request stays armed while it is served, which saves a system call per request. An event that
//!   arrives meanwhile is noted in the slot; the next `park` arms the connection again, so the event is not lost.
//! - An event carries the number of its connection. An event for a connection that no longer exists is ignored.
//! - Deadlines are lazy: each slot has at most one entry in the ordered list, at or before its real deadline. A
//!   connection that is parked repeatedly, each time with a later deadline, changes the list only when its entry is
//!   due.
//! - A readable connection never times out and is never idle, even if no worker has taken it yet. Instead, it is armed
//!   again, so that its event arrives and a worker takes it.
//!
//! The table knows nothing about HTTP: it stores anything that has a descriptor. `eviction` chooses which connections
//! are closed to free slots for others.

mod eviction;

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};

use crate::net::poller::{Arming, PollEvent, PollKey, Poller};
use crate::server::client_key::ClientKey;
use crate::server::connections::lead::{Assignment, Lead};
use crate::server::connections::slot::{Capacity, Slot, Slots};
use crate::server::connections::tracked::Tracked;
use crate::server::connections::wait_for::WaitFor;
use crate::server::moment::Moment;
use crate::server::timing::Deadline;

/// The parked connections, with their deadlines and the poller that watches them.
#[derive(Debug)]
pub(crate) struct ConnectionTable<C> {
    poller: Poller,
    slots: Slots,
    pages: Box<[OnceLock<Page<C>>]>,
    /// Decides which worker polls.
    lead: Arc<Lead<PollEvent>>,
    /// When to check which slot.
    deadlines: Mutex<BTreeSet<(Deadline, u32)>>,
    /// The idle connections at the last check, with the time at which each became idle; the longest idle is
    /// last. Connections that have become idle since then come after all of these, so one check serves many
    /// evictions.
    longest_idle: Mutex<Vec<(Moment, u32)>>,
    /// How many times a connection was parked.
    turns: AtomicU64,
    /// Notified when the first entry of the list of deadlines has changed.
    deadlines_changed: Condvar,
    /// Whether the thread that waits for deadlines has to return at once.
    is_roused: AtomicBool,
    is_draining: AtomicBool,
    has_ended: AtomicBool,
    /// Becomes readable when the table ends, so that every worker wakes.
    end: OwnedFd,
}

/// Slots are allocated one page at a time, so that an idle server does not need memory for ten thousand.
type Page<C> = Box<[Mutex<TableEntry<C>>]>;
const PAGE: usize = 256;

#[derive(Debug)]
struct TableEntry<C> {
    parked: Option<(Box<Tracked<C>>, WaitFor)>,
    /// The value of `turns` when the connection was parked: the connection with the lowest value has waited longest.
    turn: u64,
    /// The entry that the list of deadlines has for this slot.
    listed: Option<Deadline>,
    /// Whether an event has arrived while no connection was parked here, or whether the last read may have left input
    /// for which no event will come.
    has_missed: bool,
}

/// The result of [`ConnectionTable::next_expired`].
#[derive(Debug)]
pub(crate) enum Expired<C> {
    /// A connection whose deadline has passed.
    Connection(Box<Tracked<C>>),
    /// No connection yet.
    Nothing,
    Ended,
}

impl<C: AsFd> ConnectionTable<C> {
    /// A table for this many connections, whose workers share this lead.
    pub(crate) fn new(capacity: Capacity, lead: Arc<Lead<PollEvent>>) -> io::Result<Self> {
        let poller = Poller::new()?;
        let end = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        poller.watch(&end)?;
        let pages = capacity.slots().div_ceil(PAGE);
        Ok(Self {
            poller,
            slots: Slots::new(capacity),
            pages: std::iter::repeat_with(OnceLock::new).take(pages).collect(),
            lead,
            deadlines: Mutex::new(BTreeSet::new()),
            longest_idle: Mutex::default(),
            turns: AtomicU64::new(0),
            deadlines_changed: Condvar::new(),
            is_roused: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            end,
        })
    }

    /// How many connections are open, parked or served.
    pub(crate) fn open(&self) -> usize {
        self.slots.taken()
    }

    /// Gives a connection of this peer a slot; returns the connection if all slots are taken.
    pub(crate) fn admit(&self, connection: C, peer: ClientKey) -> Result<Box<Tracked<C>>, C> {
        match self.slots.take(peer) {
            Some(slot) => Ok(Box::new(Tracked { connection, slot })),
            None => Err(connection),
        }
    }

    /// Gives a spare slot to a connection that will only be rejected. Returns the connection if all spare slots are
    /// taken too.
    pub(crate) fn admit_spare(&self, connection: C, peer: ClientKey) -> Result<Box<Tracked<C>>, C> {
        match self.slots.take_spare(peer) {
            Some(slot) => Ok(Box::new(Tracked { connection, slot })),
            None => Err(connection),
        }
    }

    /// Parks a connection until it is ready, its deadline passes, or the table ends.
    pub(crate) fn park(&self, mut tracked: Box<Tracked<C>>, wait_for: WaitFor) -> io::Result<()> {
        let key = tracked.slot.key();
        let index = tracked.slot.index();
        let mut entry = lock(self.entry(index));
        if wait_for.idle_since.is_some() && self.is_draining.load(Ordering::SeqCst) {
            drop(entry);
            drop(tracked);
            return Ok(());
        }
        let has_missed = std::mem::take(&mut entry.has_missed);
        if has_missed || !tracked.slot.stands_for(wait_for.interest) {
            let arming = tracked.slot.arming(wait_for.interest);
            if let Err(error) = self.poller.arm(&tracked.connection, key, wait_for.interest, arming) {
                drop(entry);
                drop(tracked);
                return Err(error);
            }
        }
        entry.parked = Some((tracked, wait_for));
        entry.turn = self.turns.fetch_add(1, Ordering::Relaxed);
        self.list(&mut entry, index, wait_for.deadline);
        Ok(())
    }

    /// Stops watching a connection that another thread takes over; its slot stays taken.
    pub(crate) fn hand_over(&self, tracked: &Tracked<C>) {
        if let Err(error) = self.poller.forget(&tracked.connection) {
            log::warn!("cannot remove a connection from the poller: {error}");
        }
    }

    /// The next connection that is ready; waits for it. `None` once the table has ended. `found` is the worker's buffer
    /// for events, so that waiting does not allocate one.
    pub(crate) fn take(&self, found: &mut Vec<PollEvent>) -> Option<Box<Tracked<C>>> {
        loop {
            let event = self.next_event(found)?;
            if let Some(tracked) = self.claim(event) {
                return Some(tracked);
            }
        }
    }

    /// The connection that an event is for, if it is parked; otherwise notes the event for the next `park`.
    fn claim(&self, event: PollEvent) -> Option<Box<Tracked<C>>> {
        let mut entry = lock(self.entry(Slot::index_of(event.key)));
        let is_here = entry.parked.as_ref().is_some_and(|(tracked, _)| tracked.slot.key() == event.key);
        entry.has_missed |= !is_here || event.may_leave_more;
        if !is_here {
            return None;
        }
        entry.parked.take().map(|(tracked, _)| tracked)
    }

    /// Returns an event that a leader has found. If there is none, this worker leads until it finds some. `None` once
    /// the table has ended.
    fn next_event(&self, found: &mut Vec<PollEvent>) -> Option<PollEvent> {
        if let Assignment::Serve(event) = self.lead.take() {
            return Some(event);
        }
        self.lead(found);
        if let Some((first, rest)) = found.split_first() {
            if self.lead.give(rest.iter().copied()) {
                self.rouse();
            }
            return Some(*first);
        }
        self.lead.end();
        None
    }

    /// Waits for events; there are none once the table has ended.
    fn lead(&self, found: &mut Vec<PollEvent>) {
        found.clear();
        while found.is_empty() && !self.has_ended.load(Ordering::SeqCst) {
            if let Err(error) = self.poller.wait(found, None) {
                log::error!("cannot poll the connections: {error}");
                break;
            }
            found.retain(|event| event.key != PollKey::WAKE);
        }
    }

    /// Waits for a connection whose deadline has passed, at most until this moment or until [`Self::rouse`] is
    /// called.
    pub(crate) fn next_expired(&self, until: Option<Deadline>) -> Expired<C> {
        let mut deadlines = lock(&self.deadlines);
        loop {
            if self.has_ended.load(Ordering::SeqCst) {
                return Expired::Ended;
            }
            let now = Moment::now();
            if let Some(&(listed, index)) = deadlines.first().filter(|(deadline, _)| deadline.is_over(now)) {
                deadlines.pop_first();
                drop(deadlines);
                if let Some(tracked) = self.take_if_over(index, listed, now) {
                    return Expired::Connection(tracked);
                }
                deadlines = lock(&self.deadlines);
                continue;
            }
            let is_roused = self.is_roused.swap(false, Ordering::AcqRel);
            if is_roused || until.is_some_and(|until| until.is_over(now)) {
                return Expired::Nothing;
            }
            let next = deadlines.first().map(|(deadline, _)| *deadline).into_iter().chain(until).min();
            deadlines = self.wait_for_change(deadlines, next.map(|deadline| deadline.left(now)));
        }
    }

    /// Makes [`Self::next_expired`] return at once.
    pub(crate) fn rouse(&self) {
        self.is_roused.store(true, Ordering::Release);
        drop(lock(&self.deadlines));
        self.deadlines_changed.notify_all();
    }

    /// The slots that were ever used, by index.
    fn entries(&self) -> impl Iterator<Item = (u32, &Mutex<TableEntry<C>>)> {
        let pages = (0..).step_by(PAGE).zip(&self.pages);
        let pages = pages.filter_map(|(first, page)| Some((first, page.get()?)));
        pages.flat_map(|(first, page)| (first..).zip(page.iter()))
    }

    /// Closes all idle connections, and from now on each that becomes idle. Connections that are busy or have
    /// unread input continue. Calls `each` with every parked connection and whether it is idle.
    pub(crate) fn drain(&self, mut each: impl FnMut(&C, bool)) {
        self.is_draining.store(true, Ordering::SeqCst);
        for entry in self.pages.iter().filter_map(OnceLock::get).flat_map(|page| page.iter()) {
            let mut entry = lock(entry);
            let Some((tracked, wait_for)) = &entry.parked else { continue };
            let is_idle = wait_for.idle_since.is_some() && !self.is_to_be_heard(tracked, wait_for);
            each(&tracked.connection, is_idle);
            let idle = if is_idle { entry.parked.take() } else { None };
            drop(entry);
            drop(idle);
        }
    }

    /// Takes out the parked connections for which `is_so` is true.
    pub(crate) fn take_all(&self, is_so: impl Fn(&C) -> bool) -> Vec<Box<Tracked<C>>> {
        let take = |entry: &Mutex<TableEntry<C>>| {
            let mut entry = lock(entry);
            let is_taken = entry.parked.as_ref().is_some_and(|(tracked, _)| is_so(&tracked.connection));
            if is_taken { entry.parked.take() } else { None }
        };
        self.entries().filter_map(|(_, entry)| take(entry)).map(|(tracked, _)| tracked).collect()
    }

    /// Waits at most this long until no connection is open; returns whether that happened.
    pub(crate) fn wait_until_empty(&self, at_most: Duration) -> bool {
        self.slots.wait_until_free(at_most)
    }

    /// Ends the table and wakes all waiting threads. Returns the parked connections; dropping them closes them.
    pub(crate) fn end(&self) -> Vec<Box<Tracked<C>>> {
        self.has_ended.store(true, Ordering::SeqCst);
        // An eventfd at 0 takes a 1: this write cannot fail.
        let _ = rustix::io::write(&self.end, &1u64.to_ne_bytes());
        drop(lock(&self.deadlines));
        self.deadlines_changed.notify_all();
        let parked = self.entries().filter_map(|(_, entry)| lock(entry).parked.take());
        parked.map(|(tracked, _)| tracked).collect()
    }

    fn entry(&self, index: u32) -> &Mutex<TableEntry<C>> {
        let (page, offset) = (index as usize / PAGE, index as usize % PAGE);
        let empty = || Mutex::new(TableEntry { parked: None, turn: 0, listed: None, has_missed: false });
        &self.pages[page].get_or_init(|| std::iter::repeat_with(empty).take(PAGE).collect())[offset]
    }

    /// Ensures that the list of deadlines has an entry for this slot, no later than its deadline.
    fn list(&self, entry: &mut TableEntry<C>, index: u32, deadline: Deadline) {
        if entry.listed.is_some_and(|listed| listed <= deadline) {
            return;
        }
        let mut deadlines = lock(&self.deadlines);
        if let Some(listed) = entry.listed.replace(deadline) {
            deadlines.remove(&(listed, index));
        }
        deadlines.insert((deadline, index));
        if deadlines.first() == Some(&(deadline, index)) {
            self.deadlines_changed.notify_all();
        }
    }

    /// The connection of a slot whose entry has come up, if its deadline has really passed; otherwise moves the
    /// entry.
    fn take_if_over(&self, index: u32, listed: Deadline, now: Moment) -> Option<Box<Tracked<C>>> {
        let mut entry = lock(self.entry(index));
        if entry.listed != Some(listed) {
            // It was listed again after the deadlines' lock was released, and before the slot was locked.
            return None;
        }
        entry.listed = None;
        let (tracked, wait_for) = entry.parked.as_ref()?;
        let deadline = wait_for.deadline;
        if !deadline.is_over(now) {
            self.list(&mut entry, index, deadline);
            return None;
        }
        if self.is_to_be_heard(tracked, wait_for) {
            return None;
        }
        entry.parked.take().map(|(tracked, _)| tracked)
    }

    /// Whether a parked connection is ready, but no worker has taken it yet. Arms the connection again, so that a
    /// worker takes it even if a read has left input behind.
    fn is_to_be_heard(&self, tracked: &Tracked<C>, wait_for: &WaitFor) -> bool {
        let armed_again = || {
            self.poller.arm(&tracked.connection, tracked.slot.key(), wait_for.interest, Arming::Again).is_ok()
        };
        Poller::is_ready(&tracked.connection, wait_for.interest) && armed_again()
    }

    fn wait_for_change<'a>(&self, deadlines: Deadlines<'a>, at_most: Option<Duration>) -> Deadlines<'a> {
        match at_most {
            Some(time) => {
                self.deadlines_changed.wait_timeout(deadlines, time).unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.deadlines_changed.wait(deadlines).unwrap_or_else(PoisonError::into_inner),
        }
    }
}

type Deadlines<'a> = MutexGuard<'a, BTreeSet<(Deadline, u32)>>;

/// Ignores poisoning: the data behind these locks is consistent between any two lines.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
