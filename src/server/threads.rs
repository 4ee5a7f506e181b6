//! The loops of the threads: workers advance connections, job threads run jobs, the timer handles deadlines.
//!
//! ```text
//!              parked (table) <──────────────────────────┐
//!    worker:       └──> turn ──> wait, stream, or close ─┤
//!    job thread:         └──> job queue ──> job or turn ─┘
//!    timer:        deadline over ──> expire
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::blocking::Blocking;
use crate::server::accounts::Accounts;
use crate::server::client_key::ClientKey;
use crate::server::config::STACK;
use crate::server::connection::input::Input;
use crate::server::connection::{AfterTurn, Connection, Task, Turn};
use crate::server::connections::lead::TICK;
use crate::server::connections::table::Expired;
use crate::server::connections::tracked::Tracked;
use crate::server::connections::wait_for::WaitFor;
use crate::server::disk::Disk;
use crate::server::jobs::permits::Permits;
use crate::server::jobs::{Freed, IDLE, JobKind, Taken, deferred};
use crate::server::memory;
use crate::server::moment::Moment;
use crate::server::request::ClientAddress;
use crate::server::runtime::Runtime;
use crate::server::shared::SharedStore;
use crate::server::shedding;
use crate::server::state::State;
use crate::server::timing::Deadline;

/// How often old cache entries are evicted, and how often wharf checks whether the folder's path names another
/// directory.
const ROUND: Duration = Duration::from_secs(1);

/// How often freed memory is returned to the system.
const RETURN: Duration = Duration::from_secs(2);

/// How long a request waits until closed files free enough descriptors. Then the request proceeds anyway: a hanging
/// disk must not delay it further.
const CLOSING: Duration = Duration::from_secs(1);

/// How often expired unfinished uploads are deleted: empty ones are kept only for minutes.
const SWEEP: Duration = Duration::from_secs(60);

impl State {
    /// Makes the chores thread sweep the trash, which removes what has expired, was discarded or was not
    /// kept. Does nothing if a sweep already waits.
    pub(super) fn sweep_trash_soon(&self) {
        if let Some(permit) = self.trash_sweeps.take() {
            let folder = self.folder.clone();
            self.chores.later(move || {
                // Entries that are added to the trash from now on need another sweep.
                drop(permit);
                folder.sweep_trash(SystemTime::now(), Blocking::own_thread());
            });
        }
    }
}

impl Runtime {
    /// A worker: takes the next ready connection and advances it.
    pub(super) fn work(self: &Arc<Self>) {
        let (mut input, mut events) = (Input::default(), Vec::new());
        self.state.lead.join();
        while let Some(tracked) = self.table.take(&mut events) {
            self.turn(tracked, &mut input, Disk::Worker);
        }
    }

    /// A job thread: runs jobs, and turns that no worker may run because they may block.
    pub(super) fn do_jobs(self: &Arc<Self>) {
        self.do_each(&|| self.jobs.take());
    }

    /// Queues a job. Starts another thread if it is needed.
    fn queue(self: &Arc<Self>, client: ClientKey, kind: JobKind, task: Task) {
        if !self.jobs.push(client, kind, task) {
            return;
        }
        let shared = Arc::clone(self);
        let thread = thread::Builder::new().name("job".into()).stack_size(STACK);
        let started = thread.spawn(move || shared.do_each(&|| shared.jobs.take_or_leave(IDLE)));
        if let Err(error) = started {
            log::debug!("cannot start another job thread: {error}");
            self.jobs.leave();
        }
    }

    fn do_each(self: &Arc<Self>, next: &dyn Fn() -> Option<Taken<Task>>) {
        let mut input = Input::default();
        while let Some(Taken { job, kind, client, is_crowded }) = next() {
            let Task { tracked, work } = job;
            let rest = work.as_ref().and_then(|work| work.rest());
            let impatient = is_crowded || work.as_ref().is_some_and(|work| work.takes_long());
            if tracked.connection.has_gone(rest, impatient) {
                log::debug!("{} disconnected; its request is dropped", tracked.connection.sender());
                drop((tracked, work));
            } else if let Some(work) = work {
                self.advance(tracked, |connection| {
                    let next = connection.work(*work, &self.state, self.timeout(), Blocking::own_thread());
                    if !connection.has_response() {
                        return next;
                    }
                    // Sent from here, because waking a worker would cost more.
                    let may_open = self.may_open(self.state.chores.undropped());
                    let mut turn = Turn { may_open, ..self.lend(&mut input, Disk::OwnThread) };
                    connection.advance(&mut turn)
                });
            } else {
                self.state.chores.wait_until(CLOSING, |undropped| self.may_open(undropped));
                self.turn(tracked, &mut input, Disk::OwnThread);
            }
            self.release(client, kind);
        }
    }

    /// Call when a job of this client is done: continues held-back connections. If the client has closed a connection
    /// meanwhile, it is dropped, and the next one takes its place. Otherwise each would cost a turn, and the client
    /// could accumulate them.
    fn release(&self, client: ClientKey, kind: JobKind) {
        let Freed { mut held, is_final } = self.jobs.done(client, kind);
        while let Some(Task { mut tracked, .. }) = held.pop_front() {
            if tracked.connection.has_gone(None, true) {
                log::debug!("{} disconnected while its request was queued", tracked.connection.peer());
                drop(tracked);
                held.extend(self.jobs.release(client));
            } else {
                if is_final {
                    tracked.connection.has_waited();
                }
                self.go_on(tracked);
            }
        }
    }

    /// The timer: handles deadlines, checks that a worker polls, evicts old cache entries, and starts the
    /// regular sweeps. It never blocks on the disk.
    pub(super) fn mind_time(self: &Arc<Self>) {
        let mut input = Input::default();
        let mut next_sweep = Deadline::after(Moment::now(), SWEEP);
        let mut next_round = Deadline::after(Moment::now(), ROUND);
        let trash_round = self.trash_round();
        let mut next_trash = Deadline::after(Moment::now(), trash_round);
        let mut next_return = Deadline::after(Moment::now(), RETURN);
        // Only one chore of each kind waits at a time, so that chores do not accumulate while a hanging disk delays one
        // of them.
        let (looks, returns) = (Permits::new(1), Permits::new(1));
        let mut judged = None;
        loop {
            let now = Moment::now();
            if next_sweep.is_over(now) {
                next_sweep = Deadline::after(now, SWEEP);
                let folder = self.state.folder.clone();
                self.state
                    .chores
                    .later(move || folder.forget_uploads(SystemTime::now(), Blocking::own_thread()));
            }
            if next_trash.is_over(now) {
                next_trash = Deadline::after(now, trash_round);
                self.state.sweep_trash_soon();
            }
            if next_round.is_over(now) {
                next_round = Deadline::after(now, ROUND);
                drop(self.state.cache.evict_old(now));
                self.end_what_is_lost(&mut judged, &mut input);
                if let Some(permit) = looks.take() {
                    let shared = Arc::clone(self);
                    self.state.chores.later(move || {
                        shared.state.follow_folder(Blocking::own_thread());
                        shared.state.tls.iter().for_each(|tls| tls.follow_files(Blocking::own_thread()));
                        shared.state.follow_accounts(Blocking::own_thread());
                        #[cfg(feature = "dav")]
                        shared.state.mind_locks(Blocking::own_thread());
                        drop(permit);
                    });
                }
            }
            if next_return.is_over(now) {
                next_return = Deadline::after(now, RETURN);
                if let Some(permit) = returns.take() {
                    self.state.chores.later(move || {
                        memory::return_freed();
                        drop(permit);
                    });
                }
            }
            let tick = self.state.lead.watch().then(|| Deadline::after(now, TICK));
            match self.table.next_expired(tick.into_iter().chain([next_round]).min()) {
                Expired::Connection(tracked) => {
                    let mut turn = self.lend(&mut input, Disk::Never);
                    self.advance(tracked, |connection| connection.expire(&mut turn));
                }
                Expired::Nothing => {}
                Expired::Ended => return,
            }
        }
    }

    /// Ends the responses and uploads whose session, token, link or user is no longer valid, even while their clients
    /// wait. It searches for them only if the accounts have changed since the generation `judged`.
    fn end_what_is_lost(self: &Arc<Self>, judged: &mut Option<u64>, input: &mut Input) {
        let generation = self.state.accounts.as_ref().map(Accounts::generation);
        if std::mem::replace(judged, generation) == generation {
            return;
        }
        for tracked in self.table.take_all(Connection::has_lost_rights) {
            let mut turn = self.lend(input, Disk::Never);
            self.advance(tracked, |connection| connection.advance(&mut turn));
        }
    }

    /// How often the trash is swept: more often if entries expire soon.
    fn trash_round(&self) -> Duration {
        self.state.folder.rules().trash.map_or(SWEEP, |time| (time / 4).clamp(ROUND, SWEEP))
    }

    /// The keep-alive timeout at this moment.
    pub(super) fn timeout(&self) -> Duration {
        self.state.keep_alive.timeout(self.table.open())
    }

    fn turn(self: &Arc<Self>, tracked: Box<Tracked<Connection>>, input: &mut Input, disk: Disk) {
        let mut turn = self.lend(input, disk);
        self.advance(tracked, |connection| connection.advance(&mut turn));
    }

    #[inline]
    fn lend<'a>(&'a self, input: &'a mut Input, disk: Disk) -> Turn<'a> {
        // A job thread has already waited.
        let may_open = matches!(disk, Disk::OwnThread) || self.may_open(self.state.chores.undropped());
        Turn { state: &self.state, input, timeout: self.timeout(), disk, may_open, jobs: &self.jobs }
    }

    /// Whether files may be opened while this many values wait to be dropped. Their descriptors no longer
    /// count for a connection, but are still open.
    fn may_open(&self, undropped: u64) -> bool {
        undropped == 0 || self.table.allows(undropped.saturating_mul(deferred::DESCRIPTORS))
    }

    /// Runs a step of a connection. A panic ends only that connection.
    pub(super) fn advance(
        self: &Arc<Self>,
        mut tracked: Box<Tracked<Connection>>,
        act: impl FnOnce(&mut Connection) -> AfterTurn,
    ) {
        let advanced = catch_unwind(AssertUnwindSafe(move || {
            let next = act(&mut tracked.connection);
            (tracked, next)
        }));
        match advanced {
            Ok((tracked, next)) => self.settle(tracked, next),
            Err(_) => log::error!("serving a request panicked; its connection was closed"),
        }
    }

    /// Hands a connection over after its turn.
    pub(super) fn settle(self: &Arc<Self>, mut tracked: Box<Tracked<Connection>>, next: AfterTurn) {
        match next {
            AfterTurn::Park(wait_for) => self.park(tracked, wait_for),
            AfterTurn::Work(work) => {
                let client = work.client().key();
                let excess = tracked.hold(work.descriptors(), Some(client));
                self.queue(client, work.kind(), Task { tracked, work: Some(work) });
                shedding::shed_descriptors(self, excess);
            }
            AfterTurn::NeedsThread(client, kind) => {
                let excess = tracked.hold(tracked.connection.descriptors(), Some(client));
                self.queue(client, kind, Task { tracked, work: None });
                shedding::shed_descriptors(self, excess);
            }
            AfterTurn::CheckPassword(check, then) => self.check_later(tracked, check, then),
            AfterTurn::HeldBack(client) => {
                tracked.hold(tracked.connection.descriptors(), Some(client));
                if let Some(task) = self.jobs.hold_back(client, Task { tracked, work: None }) {
                    self.go_on(task.tracked);
                }
            }
            AfterTurn::Subscribe(events) => {
                tracked.hold(1, Some(events.client().key()));
                self.table.hand_over(&tracked);
                self.broadcaster.admit(tracked, *events);
            }
            AfterTurn::Close => self.discard(tracked),
        }
    }

    /// Parks a connection; if too many descriptors are held, closes others.
    pub(super) fn park(&self, mut tracked: Box<Tracked<Connection>>, wait_for: WaitFor) {
        let client = tracked.connection.client().map(ClientAddress::key);
        let excess = tracked.hold(tracked.connection.descriptors(), client);
        if let Err(error) = self.table.park(tracked, wait_for) {
            log::error!("cannot poll a connection: {error}");
        }
        shedding::shed_descriptors(self, excess);
    }

    /// Closes a connection. If the connection has open files, its slot stays taken until the chores thread has closed
    /// them.
    #[allow(clippy::boxed_local, reason = "connections are passed on in their boxes")]
    pub(super) fn discard(&self, tracked: Box<Tracked<Connection>>) {
        if tracked.connection.descriptors() > 1 {
            self.state.chores.drop_later(tracked.close());
        }
    }

    /// Gives a held-back connection its turn as soon as a worker is free.
    fn go_on(&self, tracked: Box<Tracked<Connection>>) {
        self.park(tracked, WaitFor::writable(Deadline::after(Moment::now(), self.state.stall)));
    }

    /// Closes idle connections, and lets active ones finish. Calls `on_open` with a line for each.
    pub(super) fn drain(&self, on_open: impl Fn(&str)) {
        let grace = self.state.grace;
        self.table.drain(|connection, is_idle| {
            let state = if is_idle { "idle, closed" } else { "busy" };
            let line = format!("open at shutdown: {} ({state})", connection.sender());
            log::info!("{line}");
            on_open(&line);
        });
        self.broadcaster.end();
        self.state.chat.iter().filter_map(|chat| chat.shared()).for_each(SharedStore::end);
        if !self.table.wait_until_empty(grace) {
            log::warn!(
                "{} connections did not finish within {} s; closing them",
                self.table.open(),
                grace.as_secs_f64()
            );
        }
    }
}
