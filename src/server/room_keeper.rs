//! The thread that sends to the store of a shared room what nobody waits for: changed files, and members that leave. It renews
//! the names of the members that are present at this server, and finds those that are present nowhere.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::blocking::Blocking;
use crate::chat::member::{MemberId, Person};
use crate::server::chat::state::ChatState;
use crate::server::moment::Moment;
use crate::server::shared::{SharedStore, Unsent};
use crate::server::store_error::StoreError;
use crate::server::timing::Deadline;

/// How often it looks whether something is due.
const ROUND: Duration = Duration::from_secs(1);

/// How often names are renewed: often enough to miss one round.
const RENEW: Duration = Duration::from_secs(15);

/// How often it looks for members without names.
const LOOK: Duration = Duration::from_secs(5);

/// After the store was unavailable, how long the other servers have to renew their names.
const GRACE: Duration = Duration::from_secs(20);

/// How long to wait while the room is paused.
const PAUSE: Duration = Duration::from_millis(500);

struct Keeper<'k> {
    chat: &'k ChatState,
    shared: &'k SharedStore,
    /// The members of which requests were served since the last round.
    seen: HashMap<MemberId, Person>,
    next_renewal: Deadline,
    next_look: Deadline,
}

/// Sends until the server ends.
pub(super) fn run(chat: &Arc<ChatState>, disk: Blocking<'_>) {
    let Some(shared) = chat.shared() else { return };
    let start = Moment::now();
    let (next_renewal, next_look) = (Deadline::after(start, RENEW), Deadline::after(start, GRACE));
    let mut keeper = Keeper { chat, shared, seen: HashMap::new(), next_renewal, next_look };
    while let Some(mut waiting) = shared.wait(ROUND) {
        keeper.seen.extend(waiting.seen.drain());
        if shared.is_paused() {
            shared.put_back(waiting);
            // The names may have expired meanwhile.
            keeper.next_renewal = Deadline::after(Moment::now(), Duration::ZERO);
            keeper.next_look = Deadline::after(Moment::now(), GRACE);
            shared.pass(PAUSE);
            continue;
        }
        let sent = keeper.send(&mut waiting, disk).and_then(|()| keeper.keep(disk));
        if let Err(error) = sent {
            shared.complain(&error);
            shared.put_back(waiting);
            shared.pass(PAUSE);
        }
    }
}

impl Keeper<'_> {
    /// Sends what waits. After an error, the rest still waits.
    fn send(&mut self, waiting: &mut Unsent, disk: Blocking<'_>) -> Result<(), StoreError> {
        if waiting.dropped > 0 {
            log::warn!("{} changes of files were not announced: the store was unavailable", waiting.dropped);
            waiting.dropped = 0;
        }
        while let Some(member) = waiting.leaving.first_entry() {
            self.shared.leave(member.get(), disk)?;
            member.remove();
        }
        while let Some(notice) = waiting.notices.front() {
            match self.shared.tell(notice, disk) {
                // Sent again, it could be announced twice.
                Ok(()) | Err(StoreError::Unconfirmed(_)) => drop(waiting.notices.pop_front()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Does what is due.
    fn keep(&mut self, disk: Blocking<'_>) -> Result<(), StoreError> {
        if self.next_renewal.is_over(Moment::now()) {
            let listening = self.chat.room().listening();
            self.seen.extend(listening.into_iter().map(|person| (person.id, person)));
            let people: Vec<_> = self.seen.values().cloned().collect();
            self.shared.renew_names(&people, disk)?;
            self.seen.clear();
            self.shared.look(disk)?;
            self.next_renewal = Deadline::after(Moment::now(), RENEW);
        }
        if self.next_look.is_over(Moment::now()) {
            let all: Vec<_> = self.chat.room().who().cloned().collect();
            for person in self.shared.without_names(&all, disk)? {
                if self.shared.leave_if_lapsed(&person, disk)? {
                    log::info!("{} was absent for too long and left the chat", person.name);
                    self.chat.room().forget(person.id);
                    self.chat.wake();
                }
            }
            self.next_look = Deadline::after(Moment::now(), LOOK);
        }
        Ok(())
    }
}
