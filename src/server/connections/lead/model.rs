//! A model of the lead: every order in which three workers can serve four events, one of which blocks.
//!
//! The model runs the steps of [`Inner`] that [`Lead`](super::Lead) runs under its lock. The lock makes each step
//! atomic, so every possible run is an order of these steps. A notification is a separate step, because it comes after
//! the unlock.

use std::collections::HashSet;

use super::{Assignment, Inner, QUIET};

const WORKERS: usize = 3;
const EVENTS: usize = 4;

/// How often a worker may wake without a notification.
const SPURIOUS: u32 = 1;

/// How a worker makes the only blocking call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Call {
    /// The worker calls [`Inner::may_wait`] first, and nothing watches: this call alone must provide another leader.
    Announced,
    /// The worker does not call [`Inner::may_wait`]: the watch must notice that it blocks.
    Silent,
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Doing {
    /// It has not joined yet.
    Nothing,
    /// It is about to take an assignment.
    Takes,
    /// It waits for a notification.
    Waits,
    /// It was notified, or woke spuriously, and is about to lock.
    Wakes,
    /// It waits for events.
    Polls,
    Serves,
    /// It serves an event, and waits for the disk.
    Blocks,
    Ended,
}

/// A pending notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Notify {
    None,
    One,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Worker {
    doing: Doing,
    /// What it does first.
    notify: Notify,
}

/// The complete state. Events and workers have no identity, because they are interchangeable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Model {
    call: Call,
    lead: Inner<()>,
    workers: [Worker; WORKERS],
    /// How many events have arrived.
    come: usize,
    /// How many of them the kernel still holds.
    ready: usize,
    served: usize,
    /// Whether a worker has made the blocking call.
    has_blocked: bool,
    spurious: u32,
    /// Whether the timer calls [`Inner::watch`], and whether it has a pending notification.
    timer: (bool, Notify),
    has_ended: bool,
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A worker takes its next step.
    Work(usize),
    /// A worker serves its event, and blocks.
    Block(usize),
    /// A worker or the timer wakes a waiting worker.
    Notify {
        by: Option<usize>,
        whom: Option<usize>,
    },
    Tick,
    // Only the environment causes these events, and it need not cause them.
    Come,
    Return(usize),
    WakeSpuriously(usize),
    End,
}

impl Model {
    fn new(processors: usize, call: Call) -> Self {
        Self {
            call,
            lead: Inner::new(processors),
            workers: [Worker { doing: Doing::Nothing, notify: Notify::None }; WORKERS],
            come: 0,
            ready: 0,
            served: 0,
            has_blocked: false,
            spurious: 0,
            timer: (false, Notify::None),
            has_ended: false,
        }
    }

    fn doing(&self, is_it: impl Fn(Doing) -> bool) -> impl Iterator<Item = usize> {
        (0..WORKERS).filter(move |&at| is_it(self.workers[at].doing))
    }

    /// The steps of the workers and the timer.
    fn own_steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut notify = |by, kind| match kind {
            Notify::None => false,
            Notify::All => {
                steps.push(Step::Notify { by, whom: None });
                true
            }
            Notify::One => {
                let waiting: Vec<_> = self.doing(|doing| doing == Doing::Waits).collect();
                // Without a waiting worker, it has no effect.
                let whom = waiting.iter().copied().map(Some).chain(waiting.is_empty().then_some(None));
                steps.extend(whom.map(|whom| Step::Notify { by, whom }));
                true
            }
        };
        let is_timer_busy = notify(None, self.timer.1);
        let busy = std::array::from_fn::<_, WORKERS, _>(|at| notify(Some(at), self.workers[at].notify));
        for at in (0..WORKERS).filter(|at| !busy[*at]) {
            match self.workers[at].doing {
                Doing::Waits | Doing::Blocks | Doing::Ended => {}
                Doing::Polls if self.ready == 0 && !self.has_ended => {}
                Doing::Serves if !self.has_blocked => steps.extend([Step::Work(at), Step::Block(at)]),
                Doing::Nothing | Doing::Takes | Doing::Wakes | Doing::Polls | Doing::Serves => {
                    steps.push(Step::Work(at));
                }
            }
        }
        // A tick without effect is not a step.
        if self.timer.0 && !is_timer_busy && self.after(Step::Tick) != *self {
            steps.push(Step::Tick);
        }
        steps
    }

    fn outer_steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.come < EVENTS {
            steps.push(Step::Come);
        }
        if self.spurious < SPURIOUS {
            steps.extend(self.doing(|doing| doing == Doing::Waits).map(Step::WakeSpuriously));
        }
        steps.extend(self.doing(|doing| matches!(doing, Doing::Blocks)).map(Step::Return));
        if self.served == EVENTS && !self.has_ended {
            steps.push(Step::End);
        }
        steps
    }

    fn after(&self, step: Step) -> Self {
        let mut next = self.clone();
        next.go(step);
        next.workers.sort_unstable();
        // Only whether they are equal matters.
        let is_new = next.lead.changes != next.lead.watch.changes;
        (next.lead.changes, next.lead.watch.changes) = (u64::from(is_new), 0);
        next
    }

    fn go(&mut self, step: Step) {
        match step {
            Step::Work(at) => self.work(at),
            Step::Block(at) => {
                self.has_blocked = true;
                let wakes = self.call == Call::Announced && self.lead.may_wait();
                self.set(at, Doing::Blocks, wakes);
            }
            Step::Notify { by, whom } => {
                let pending = by.map_or(&mut self.timer.1, |by| &mut self.workers[by].notify);
                let woken: Vec<_> = match std::mem::replace(pending, Notify::None) {
                    Notify::All => self.doing(|doing| doing == Doing::Waits).collect(),
                    Notify::One | Notify::None => whom.into_iter().collect(),
                };
                for at in woken {
                    self.workers[at].doing = Doing::Wakes;
                }
            }
            Step::Tick => {
                let (goes_on, wakes) = self.lead.watch();
                self.timer = (goes_on, notify_if(wakes));
                // Any number of ticks without change may pass; only the last one has an effect.
                let quiet = &mut self.lead.watch.quiet;
                *quiet = if goes_on && *quiet > 0 { QUIET - 1 } else { *quiet };
            }
            Step::Come => {
                self.ready += 1;
                self.come += 1;
            }
            Step::Return(at) => self.serve(at),
            Step::WakeSpuriously(at) => {
                self.spurious += 1;
                self.workers[at].doing = Doing::Wakes;
            }
            Step::End => self.has_ended = true,
        }
    }

    /// What [`ConnectionTable`](crate::server::connections::table::ConnectionTable) does with the lead.
    fn work(&mut self, at: usize) {
        match self.workers[at].doing {
            Doing::Nothing => {
                self.lead.awake += 1;
                self.workers[at].doing = Doing::Takes;
            }
            doing @ (Doing::Takes | Doing::Wakes) => {
                if doing == Doing::Wakes {
                    self.lead.wake();
                }
                let (assignment, wakes) = self.lead.take();
                let doing = match assignment {
                    Some(Assignment::Serve(())) => Doing::Serves,
                    Some(Assignment::Poll) => Doing::Polls,
                    None => Doing::Waits,
                };
                self.set(at, doing, wakes);
            }
            Doing::Polls if self.ready == 0 => {
                self.lead.end();
                self.workers[at] = Worker { doing: Doing::Ended, notify: Notify::All };
            }
            Doing::Polls => {
                let rest = std::mem::take(&mut self.ready) - 1;
                let (begins, wakes) = self.lead.give(std::iter::repeat_n((), rest));
                self.timer.0 |= begins && self.call == Call::Silent;
                self.set(at, Doing::Serves, wakes);
            }
            Doing::Serves => self.serve(at),
            Doing::Waits | Doing::Blocks | Doing::Ended => unreachable!("it has no next step"),
        }
    }

    fn set(&mut self, at: usize, doing: Doing, wakes: bool) {
        self.workers[at] = Worker { doing, notify: notify_if(wakes) };
    }

    fn serve(&mut self, at: usize) {
        self.served += 1;
        self.workers[at].doing = Doing::Takes;
    }

    /// Asserts what must hold after every step.
    fn check(&self) -> Result<(), &'static str> {
        let polling = self.doing(|doing| doing == Doing::Polls).count();
        if polling > 1 {
            return Err("two workers poll");
        }
        if self.lead.has_leader != (polling == 1) && !self.has_ended {
            return Err("the leader is not the worker that polls");
        }
        let in_service = self.doing(|doing| matches!(doing, Doing::Serves | Doing::Blocks)).count();
        if self.come != self.ready + self.lead.spare.len() + in_service + self.served {
            return Err("an event is lost, or served twice");
        }
        if self.lead.waiting != self.doing(|doing| matches!(doing, Doing::Waits | Doing::Wakes)).count() {
            return Err("the waiting workers are miscounted");
        }
        Ok(())
    }

    /// Asserts what must hold when no worker can take a step by itself: the blocking call may last forever.
    fn check_at_rest(&self) -> Result<(), &'static str> {
        if self.has_ended {
            let all_ended = self.doing(|doing| doing == Doing::Ended).count() == WORKERS;
            return if all_ended { Ok(()) } else { Err("a worker waits after the end") };
        }
        if !self.ready == 0 || !self.lead.spare.is_empty() {
            return Err("an event is not served, and a worker is free");
        }
        if self.doing(|doing| doing == Doing::Polls).count() == 0 {
            return Err("nobody polls");
        }
        Ok(())
    }
}

fn notify_if(wakes: bool) -> Notify {
    if wakes { Notify::One } else { Notify::None }
}

/// Visits every state, depth first; returns how many there are, and panics with the steps that lead to an invalid one.
fn explore(start: Model) -> usize {
    let mut seen = HashSet::from([start.clone()]);
    let mut path: Vec<(Model, Vec<Step>)> = Vec::new();
    let mut steps = Vec::new();
    let enter = |model: Model, steps: &[Step]| {
        let own = model.own_steps();
        let checked =
            model.check().and_then(|()| if own.is_empty() { model.check_at_rest() } else { Ok(()) });
        if let Err(what) = checked {
            panic!("{what}: {model:#?}\nafter {steps:#?}");
        }
        let next = [own, model.outer_steps()].concat();
        (model, next)
    };
    path.push(enter(start, &steps));
    while let Some((model, left)) = path.last_mut() {
        let Some(step) = left.pop() else {
            path.pop();
            steps.pop();
            continue;
        };
        let next = model.after(step);
        if seen.insert(next.clone()) {
            steps.push(step);
            path.push(enter(next, &steps));
        }
    }
    seen.len()
}

#[test]
fn every_order_of_three_workers_and_four_events_is_served() {
    for call in [Call::Announced, Call::Silent] {
        for processors in 1..=WORKERS {
            let states = explore(Model::new(processors, call));
            assert!(states > 1000, "{call:?}, {processors} processors: only {states} states");
        }
    }
}
