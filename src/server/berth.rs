//! The places in the lot: a bounded number, each with one connection at most.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::net::poller::{Arming, Interest, Key};

/// Hands out places.
#[derive(Debug)]
pub struct Berths(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    capacity: u32,
    state: Mutex<State>,
    /// How many are taken, also kept here so that the keep-alive rule can ask without the lock.
    taken: AtomicU32,
    emptied: Condvar,
}

#[derive(Debug)]
struct State {
    /// Places that were given back.
    free: Vec<u32>,
    /// Places from here on were never given out.
    fresh: u32,
    /// How many connections have had a place: the number of the next.
    served: u32,
}

/// A connection's place, and the number that tells it from all that have had the place before. Dropped, it is free.
#[derive(Debug)]
pub struct Berth {
    shared: Arc<Shared>,
    index: u32,
    number: u32,
    /// What the poller was last told to watch for; none before it has seen the connection.
    watched: Option<Interest>,
}

impl Berths {
    /// So many places, all free.
    pub fn new(capacity: u32) -> Self {
        let state = State { free: Vec::new(), fresh: 0, served: 0 };
        Self(Arc::new(Shared {
            capacity,
            state: Mutex::new(state),
            taken: AtomicU32::new(0),
            emptied: Condvar::new(),
        }))
    }

    /// A free place, if there is one.
    pub fn take(&self) -> Option<Berth> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let index = match state.free.pop() {
            Some(index) => index,
            None if state.fresh < self.0.capacity => {
                state.fresh += 1;
                state.fresh - 1
            }
            None => return None,
        };
        state.served = state.served.wrapping_add(1);
        self.0.taken.fetch_add(1, Ordering::AcqRel);
        Some(Berth { shared: Arc::clone(&self.0), index, number: state.served, watched: None })
    }

    /// How many places are taken.
    pub fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Acquire) as usize
    }

    /// Waits until all places are free, at most so long; whether they are.
    pub fn wait_until_free(&self, at_most: Duration) -> bool {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.emptied.wait_timeout_while(state, at_most, |_| self.taken() > 0);
        drop(waited);
        self.taken() == 0
    }
}

impl Berth {
    /// The slot.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The key under which the poller knows the connection: slot and number.
    pub fn key(&self) -> Key {
        Key(u64::from(self.number) << 32 | u64::from(self.index))
    }

    /// The slot of a key.
    pub fn index_of(key: Key) -> u32 {
        (key.0 & u64::from(u32::MAX)) as u32
    }

    /// Whether the poller watches for this already, and has not stopped after an event.
    pub fn stands_for(&self, interest: Interest) -> bool {
        interest == Interest::News && self.watched == Some(Interest::News)
    }

    /// Whether the poller has seen this connection before; from now on it has, and watches for this.
    pub fn arming(&mut self, interest: Interest) -> Arming {
        self.watched.replace(interest).map_or(Arming::First, |_| Arming::Again)
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.free.push(self.index);
        if self.shared.taken.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.emptied.notify_all();
        }
    }
}
