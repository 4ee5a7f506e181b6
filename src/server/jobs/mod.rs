//! The job queue: work that may block on the disk, scheduled fairly between clients.
//!
//! Each client has its own queue, and the threads take from these queues in turn: a client with a thousand jobs
//! delays another by one job. A client that has a job running never takes the last free thread, so a client without
//! one finds a thread even when the disk blocks the others.
//!
//! A client with many waiting jobs is crowded. Its further connections are held back, holding only their socket,
//! until one of its jobs is done. They are not refused, because a proxy with many users behind it is one client too.
//! They do not wait forever either: some users of a proxy may keep it crowded by requesting one hash after another,
//! or by sending an endless form, and the held-back connections may be other users'.
//!
//! This module knows nothing about connections; a job is any value. [`Chores`] is for work that no client waits for.

mod chores;
pub(super) mod deferred;
pub(super) mod fair_permits;
pub(super) mod permits;

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

pub(super) use self::chores::{Chore, Chores};
use crate::server::client_key::ClientKey;

/// How many jobs of one client may wait before its further uploads are held back: enough to keep all threads busy,
/// and few enough that what they hold (some descriptors and a buffer each) does not matter.
pub(super) const CROWDED: usize = 8;

/// While a client stays crowded, one held-back connection is released after this many of its jobs. So most of the
/// work is for requests that have started.
const PATIENCE: usize = 8;

/// The waiting jobs, and the connections that are held back.
#[derive(Debug)]
pub(super) struct Jobs<T> {
    queue: Mutex<Queue<T>>,
    changed: Condvar,
    /// How many threads take jobs.
    threads: usize,
}

#[derive(Debug)]
struct Queue<T> {
    clients: HashMap<ClientKey, Client<T>>,
    /// The clients with waiting jobs; the first is next.
    turns: VecDeque<ClientKey>,
    running: usize,
    has_ended: bool,
}

#[derive(Debug)]
struct Client<T> {
    waiting: VecDeque<T>,
    held_back: VecDeque<T>,
    running: usize,
    /// Jobs done while the client was crowded, since a connection was last released.
    done: usize,
}

/// Held-back connections that are released.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Freed<T> {
    /// The connections, in the order in which they arrived.
    pub held: VecDeque<T>,
    /// Whether they continue even if the client is crowded again, so that others do not overtake them.
    pub is_final: bool,
}

/// A job to run. Call [`Jobs::done`] afterwards.
#[derive(Debug)]
pub(super) struct Taken<T> {
    pub job: T,
    /// Whose job it is.
    pub client: ClientKey,
    /// Whether the client was crowded when the job was taken.
    pub is_crowded: bool,
}

impl<T> Jobs<T> {
    /// A queue for this many threads, at least one.
    pub(super) fn new(threads: usize) -> Self {
        let queue = Queue { clients: HashMap::new(), turns: VecDeque::new(), running: 0, has_ended: false };
        Self { queue: Mutex::new(queue), changed: Condvar::new(), threads }
    }

    /// Appends a job to the client's queue.
    pub(super) fn push(&self, client: ClientKey, job: T) {
        let mut queue = self.lock();
        queue.push(client, job);
        drop(queue);
        self.changed.notify_one();
    }

    /// Whether further uploads of this client have to wait.
    pub(super) fn is_crowded(&self, client: ClientKey) -> bool {
        self.lock().clients.get(&client).is_some_and(Client::is_crowded)
    }

    /// Holds a connection back until one of the client's jobs is done; returns it if the client is not crowded any
    /// more.
    pub(super) fn hold_back(&self, client: ClientKey, held: T) -> Option<T> {
        let mut queue = self.lock();
        match queue.clients.get_mut(&client).filter(|client| client.is_crowded()) {
            Some(client) => {
                client.held_back.push_back(held);
                None
            }
            None => Some(held),
        }
    }

    /// Waits for the next job. `None` once the queue has ended and is empty.
    pub(super) fn take(&self) -> Option<Taken<T>> {
        let mut queue = self.lock();
        loop {
            if let Some(taken) = queue.take(self.threads) {
                let has_more = !queue.turns.is_empty();
                drop(queue);
                if has_more {
                    self.changed.notify_one();
                }
                return Some(taken);
            }
            if queue.has_ended && queue.turns.is_empty() {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Call when a job of this client is done. Returns the held-back connections to continue with: one per job (one
    /// per [`PATIENCE`] jobs while the client stays crowded), and all once the client has no jobs.
    pub(super) fn done(&self, client: ClientKey) -> Freed<T> {
        let mut queue = self.lock();
        let freed = queue.done(client);
        let is_over = queue.has_ended && queue.turns.is_empty();
        drop(queue);
        if is_over {
            self.changed.notify_all();
        } else {
            self.changed.notify_one();
        }
        freed
    }

    /// Releases a held-back connection in place of one that was dropped; `None` while the client is crowded.
    pub(super) fn release(&self, client: ClientKey) -> Option<T> {
        let mut queue = self.lock();
        let entry = queue.clients.get_mut(&client).filter(|client| !client.is_crowded())?;
        let released = entry.held_back.pop_front();
        queue.tidy(client);
        released
    }

    /// Evicts what has waited longest for this client: first held-back connections, then jobs that have not started.
    pub(super) fn evict(&self, client: ClientKey) -> Option<T> {
        let mut queue = self.lock();
        let entry = queue.clients.get_mut(&client)?;
        let evicted = entry.held_back.pop_front().or_else(|| entry.waiting.pop_front());
        queue.tidy(client);
        evicted
    }

    /// Ends the queue: the threads finish the waiting jobs and then get nothing more.
    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Queue<T> {
    fn push(&mut self, place: ClientKey, job: T) {
        let client = self.clients.entry(place).or_insert_with(Client::new);
        if client.waiting.is_empty() {
            self.turns.push_back(place);
        }
        client.waiting.push_back(job);
    }

    /// The next job, of the first client that may have a thread; moves that client to the end.
    fn take(&mut self, threads: usize) -> Option<Taken<T>> {
        let is_last = self.running + 1 >= threads;
        let may_run = |client: &Client<T>| !is_last || client.running == 0;
        let turn = self.turns.iter().position(|place| self.clients.get(place).is_some_and(may_run))?;
        let place = self.turns.remove(turn)?;
        let client = self.clients.get_mut(&place)?;
        let is_crowded = client.is_crowded();
        let job = client.waiting.pop_front()?;
        client.running += 1;
        self.running += 1;
        if !client.waiting.is_empty() {
            self.turns.push_back(place);
        }
        Some(Taken { job, client: place, is_crowded })
    }

    fn done(&mut self, place: ClientKey) -> Freed<T> {
        self.running = self.running.saturating_sub(1);
        let Some(client) = self.clients.get_mut(&place) else {
            return Freed { held: VecDeque::new(), is_final: false };
        };
        client.running = client.running.saturating_sub(1);
        let freed = if client.waiting.is_empty() && client.running == 0 {
            // All of them: a connection that queues no job would never release the next one.
            Freed { held: std::mem::take(&mut client.held_back), is_final: false }
        } else {
            Freed { held: client.free_one().into_iter().collect(), is_final: true }
        };
        self.tidy(place);
        freed
    }

    /// Removes a client that has no jobs and no held-back connections.
    fn tidy(&mut self, place: ClientKey) {
        let Some(client) = self.clients.get(&place) else { return };
        if client.waiting.is_empty() {
            self.turns.retain(|other| *other != place);
            if client.running == 0 && client.held_back.is_empty() {
                self.clients.remove(&place);
            }
        }
    }
}

impl<T> Client<T> {
    fn new() -> Self {
        Self { waiting: VecDeque::new(), held_back: VecDeque::new(), running: 0, done: 0 }
    }

    fn free_one(&mut self) -> Option<T> {
        self.done += 1;
        if self.is_crowded() && self.done < PATIENCE {
            return None;
        }
        self.done = 0;
        self.held_back.pop_front()
    }

    fn is_crowded(&self) -> bool {
        self.waiting.len() >= CROWDED
    }
}

#[cfg(test)]
mod tests;
