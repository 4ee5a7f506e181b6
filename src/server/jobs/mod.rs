//! The job queue: work that may block on the disk, scheduled fairly between clients.
//!
//! Each client has its own queue, and the threads take jobs from these queues in turn. So a client with a thousand jobs
//! delays another client by only one job. A client that has a job running never takes the last free thread, so a client
//! without one finds a thread even when the disk blocks the others.
//!
//! Few jobs that read and compute run at once, because they compete for the processors. Many more jobs may run that
//! save a file, because they mostly wait in `fsync`. The file system's journal commits once for all jobs that wait at
//! the same time. A few more may wait for the store that servers share, which may take seconds to respond. Each of
//! these kinds has its own limit, so that one client's hashes do not delay another's uploads, and chat delays no files.
//! Threads beyond [`THREADS`] are started when they are needed, and end when they are not.
//!
//! A client with many waiting jobs is crowded; jobs that wait for the store do not count. Its further uploads are held back,
//! holding only their socket, until one of its jobs is done. They are not refused, because a proxy that is not trusted is
//! one client, with many users behind it. They do not wait forever either: some users of a proxy may keep that client crowded by requesting one
//! hash after another, or by sending an endless form, and the held-back connections may belong to other users.
//!
//! This module knows nothing about connections; a job is any value. [`Chores`] is for work that no client waits for.

mod chores;
pub(super) mod client;
mod counts;
pub(super) mod deferred;
pub(super) mod fair_permits;
pub(super) mod permits;

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(super) use self::chores::{Chore, Chores};
use self::client::Client;
#[cfg(feature = "shared")]
pub(super) use self::counts::MOST_ASKING;
pub(super) use self::counts::{JobCounts, JobKind, THREADS};
use crate::server::client_key::ClientKey;

/// How long a thread beyond [`THREADS`] waits for its next job.
pub(super) const IDLE: Duration = Duration::from_secs(1);

/// The waiting jobs, and the connections that are held back.
#[derive(Debug)]
pub(super) struct Jobs<T> {
    queue: Mutex<Queue<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Queue<T> {
    /// How many jobs run at once.
    limits: JobCounts,
    clients: HashMap<ClientKey, Client<T>>,
    /// The clients with waiting jobs; the first is next.
    turns: VecDeque<ClientKey>,
    waiting: JobCounts,
    running: JobCounts,
    /// How many threads run no job. There are never more threads than jobs that may run at once.
    free: usize,
    has_ended: bool,
}

/// Held-back connections that are released.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Freed<T> {
    /// The connections, in the order in which they arrived.
    pub held: VecDeque<T>,
    /// Whether these connections continue even if the client is crowded again, so that later connections do not
    /// overtake them.
    pub is_final: bool,
}

/// A job to run. Call [`Jobs::done`] afterwards.
#[derive(Debug)]
pub(super) struct Taken<T> {
    pub job: T,
    pub kind: JobKind,
    /// The client that the job belongs to.
    pub client: ClientKey,
    /// Whether the client was crowded when the job was taken.
    pub is_crowded: bool,
}

impl<T> Jobs<T> {
    /// A queue for this many threads (at least one), with the same limit for every kind of job.
    pub(super) fn new(threads: usize) -> Self {
        Self::with(JobCounts::same(threads))
    }

    /// A queue for existing threads: as many as general jobs that may run at once, at least one.
    pub(super) fn with(limits: JobCounts) -> Self {
        let queue = Queue {
            limits,
            clients: HashMap::new(),
            turns: VecDeque::new(),
            waiting: JobCounts::default(),
            running: JobCounts::default(),
            free: limits.general,
            has_ended: false,
        };
        Self { queue: Mutex::new(queue), changed: Condvar::new() }
    }

    /// Appends a job to the client's queue. Returns whether to start another thread, which calls
    /// [`Jobs::take_or_leave`]; if it cannot be started, call [`Jobs::leave`].
    #[must_use]
    pub(super) fn push(&self, client: ClientKey, kind: JobKind, job: T) -> bool {
        let mut queue = self.lock();
        queue.push(client, kind, job);
        let grows = queue.grow();
        drop(queue);
        self.changed.notify_one();
        grows
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
        self.take_within(None)
    }

    /// Like [`Jobs::take`], for a thread that was started because of [`Jobs::push`]. It gets `None` if no job arrives for
    /// a while, and must then end.
    pub(super) fn take_or_leave(&self, idle: Duration) -> Option<Taken<T>> {
        let taken = self.take_within(Some(idle));
        if taken.is_none() {
            self.leave();
        }
        taken
    }

    /// A thread that [`Jobs::push`] asked for has ended.
    pub(super) fn leave(&self) {
        self.lock().free -= 1;
    }

    fn take_within(&self, idle: Option<Duration>) -> Option<Taken<T>> {
        let start = Instant::now();
        let mut queue = self.lock();
        loop {
            if let Some(taken) = queue.take() {
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
            let Some(idle) = idle else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = idle.checked_sub(start.elapsed())?;
            queue = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Call when a job of this client and kind is done. Returns the held-back connections that may continue: one after
    /// each job (one after several jobs while the client stays crowded), and all once the client has no jobs.
    pub(super) fn done(&self, client: ClientKey, kind: JobKind) -> Freed<T> {
        let mut queue = self.lock();
        let freed = queue.done(client, kind);
        let (has_more, has_ended) = (!queue.turns.is_empty(), queue.has_ended);
        drop(queue);
        // The next job may have waited for this one. Without one, to wake a thread would cost time for nothing.
        if has_more {
            self.changed.notify_one();
        } else if has_ended {
            self.changed.notify_all();
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
        let Queue { clients, waiting, .. } = &mut *queue;
        let entry = clients.get_mut(&client)?;
        let evicted = entry.held_back.pop_front().or_else(|| {
            let kind = entry.first(|_| true)?;
            *waiting.of(kind) -= 1;
            entry.pop(kind)
        });
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
    fn push(&mut self, place: ClientKey, kind: JobKind, job: T) {
        let client = self.clients.entry(place).or_insert_with(Client::new);
        if !client.has_waiting() {
            self.turns.push_back(place);
        }
        client.push(kind, job);
        *self.waiting.of(kind) += 1;
    }

    /// Whether one more thread is needed for the waiting jobs. If so, the thread is counted from now on.
    fn grow(&mut self) -> bool {
        let Self { limits, waiting, running, .. } = self;
        let may_run = |kind| {
            let [waiting, limit, running] = [*waiting, *limits, *running].map(|mut it| *it.of(kind));
            waiting.min(limit.saturating_sub(running))
        };
        let needed: usize = JobKind::ALL.into_iter().map(may_run).sum();
        let grows = needed > self.free;
        if grows {
            self.free += 1;
        }
        grows
    }

    /// The next job of the first client that may have a thread; moves that client to the end.
    fn take(&mut self) -> Option<Taken<T>> {
        let runnable = |place: &ClientKey| {
            let client = self.clients.get(place)?;
            client.first(|kind| self.may_run(client, kind))
        };
        let (turn, kind) =
            self.turns.iter().enumerate().find_map(|(turn, place)| Some((turn, runnable(place)?)))?;
        let place = self.turns.remove(turn)?;
        let client = self.clients.get_mut(&place)?;
        let is_crowded = client.has_many();
        let job = client.pop(kind)?;
        if client.has_waiting() {
            self.turns.push_back(place);
        }
        *client.running.of(kind) += 1;
        *self.running.of(kind) += 1;
        *self.waiting.of(kind) -= 1;
        self.free -= 1;
        Some(Taken { job, kind, client: place, is_crowded })
    }

    /// Whether a job of this kind may run now for the client. A client that already runs a job of that kind never gets the last
    /// thread for that kind.
    fn may_run(&self, client: &Client<T>, kind: JobKind) -> bool {
        let [running, limit, own] = [self.running, self.limits, client.running].map(|mut it| *it.of(kind));
        running + 1 < limit || running < limit && own == 0
    }

    fn done(&mut self, place: ClientKey, kind: JobKind) -> Freed<T> {
        *self.running.of(kind) -= 1;
        self.free += 1;
        let Some(client) = self.clients.get_mut(&place) else {
            return Freed { held: VecDeque::new(), is_final: false };
        };
        *client.running.of(kind) -= 1;
        let freed = if !client.has_waiting() && client.running.all() == 0 {
            // All connections continue: if only one did, and it queued no job, the next one would never be released.
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
        if !client.has_waiting() {
            self.turns.retain(|other| *other != place);
            if client.running.all() == 0 && client.held_back.is_empty() {
                self.clients.remove(&place);
            }
        }
    }
}

#[cfg(test)]
mod tests;
