//! What the keeper sends to the store: the threads that serve clients add it, and do not wait.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::chat::event::EventKind;
use crate::chat::limits::MAX_MEMBERS;
use crate::chat::member::{MemberId, Person};

/// How many notices of changed files wait. Further ones are dropped, and counted in the log.
const NOTICES: usize = 1_000;

#[derive(Default)]
pub(super) struct Outbox {
    waiting: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Unsent,
    has_ended: bool,
}

/// What has to be sent.
#[derive(Debug, Default)]
pub(in crate::server) struct Unsent {
    /// Changes of files.
    pub notices: VecDeque<EventKind>,
    /// How many notices were dropped.
    pub dropped: u64,
    /// Members that leave, [`MAX_MEMBERS`] at most. The names of others expire.
    pub leaving: BTreeMap<MemberId, Person>,
    /// Members of which a request was served, [`MAX_MEMBERS`] at most.
    pub seen: HashMap<MemberId, Person>,
}

impl Outbox {
    pub(super) fn announce(&self, kind: EventKind) {
        let mut state = self.lock();
        if state.waiting.notices.len() < NOTICES {
            state.waiting.notices.push_back(kind);
        } else {
            state.waiting.dropped += 1;
        }
        self.changed.notify_all();
    }

    pub(super) fn leave(&self, person: Person) {
        let mut state = self.lock();
        if state.waiting.leaving.len() < MAX_MEMBERS {
            state.waiting.leaving.insert(person.id, person);
        }
        self.changed.notify_all();
    }

    pub(super) fn seen(&self, person: &Person) {
        let seen = &mut self.lock().waiting.seen;
        if seen.len() < MAX_MEMBERS && !seen.contains_key(&person.id) {
            seen.insert(person.id, person.clone());
        }
    }

    pub(super) fn wait(&self, time: Duration) -> Option<Unsent> {
        let is_empty = |state: &mut State| {
            !state.has_ended && state.waiting.notices.is_empty() && state.waiting.leaving.is_empty()
        };
        let waited = self.changed.wait_timeout_while(self.lock(), time, is_empty);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (!state.has_ended).then(|| std::mem::take(&mut state.waiting))
    }

    pub(super) fn put_back(&self, back: Unsent) {
        let mut state = self.lock();
        let Unsent { mut notices, dropped, leaving, seen } = back;
        notices.append(&mut state.waiting.notices);
        let excess = notices.len().saturating_sub(NOTICES);
        notices.truncate(NOTICES);
        state.waiting.notices = notices;
        state.waiting.dropped += dropped + excess as u64;
        let room = MAX_MEMBERS.saturating_sub(state.waiting.leaving.len());
        state.waiting.leaving.extend(leaving.into_iter().take(room));
        let room = MAX_MEMBERS.saturating_sub(state.waiting.seen.len());
        state.waiting.seen.extend(seen.into_iter().take(room));
    }

    pub(super) fn pass(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut state = self.lock();
        while !state.has_ended {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().has_ended
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::event::Uploader;
    use crate::chat::name::Name;

    fn notice(size: u64) -> EventKind {
        EventKind::Upload { by: Uploader::Address(String::new()), path: vec![], lies_at: None, size }
    }

    /// A member that leaves again and again, while the store refuses that, takes one place.
    #[test]
    fn members_that_leave_wait_up_to_a_limit() {
        let person = |number: usize| {
            let name = Name::new("ann").expect("a name");
            Person { id: MemberId::new(number as u64), name }
        };
        let outbox = Outbox::default();
        for _ in 0..3 {
            outbox.leave(person(0));
            let waiting = outbox.wait(Duration::ZERO).expect("not ended");
            outbox.leave(person(0));
            outbox.put_back(waiting);
        }
        assert_eq!(outbox.wait(Duration::ZERO).expect("not ended").leaving.len(), 1);
        (0..MAX_MEMBERS).for_each(|number| outbox.leave(person(number)));
        let waiting = outbox.wait(Duration::ZERO).expect("not ended");
        (0..=MAX_MEMBERS).for_each(|number| outbox.leave(person(MAX_MEMBERS + number)));
        outbox.put_back(waiting);
        assert_eq!(outbox.wait(Duration::ZERO).expect("not ended").leaving.len(), MAX_MEMBERS);
    }

    #[test]
    fn notices_wait_in_order_up_to_a_limit() {
        let outbox = Outbox::default();
        (0..1_005).for_each(|size| outbox.announce(notice(size)));
        let waiting = outbox.wait(Duration::ZERO).expect("not ended");
        assert_eq!((waiting.notices.len(), waiting.dropped), (1_000, 5));
        outbox.announce(notice(9_999));
        outbox.put_back(waiting);
        let waiting = outbox.wait(Duration::ZERO).expect("not ended");
        assert_eq!((waiting.notices.len(), waiting.dropped), (1_000, 6));
        assert_eq!(waiting.notices.front(), Some(&notice(0)));
        outbox.end();
        assert!(outbox.wait(Duration::MAX).is_none() && !outbox.pass(Duration::from_secs(60)));
    }
}
