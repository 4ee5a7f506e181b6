//! The login names of the programs at Unix-domain sockets.
//!
//! The kernel knows the user ids. The names may be known only to a directory service on the network, so a look-up may
//! take as long as this service needs to respond.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User, geteuid, getuid};

use crate::blocking::Blocking;

/// How long a name is used without another look-up.
const KEPT: Duration = Duration::from_secs(10);

/// How many names are kept. A machine rarely has more users who connect within that time.
const MOST: usize = 256;

/// The id that the kernel reports for a program in a user namespace whose user has no id here
/// (`/proc/sys/kernel/overflowuid`).
const UNMAPPED: u32 = 65534;

/// Finds the login names of user ids.
pub struct LoginNames {
    find: fn(u32) -> io::Result<Option<String>>,
    recent: Mutex<VecDeque<Known>>,
}

struct Known {
    uid: u32,
    /// `None` if nobody has this id.
    name: Option<Arc<str>>,
    until: Instant,
}

/// What is known about a user id without a look-up.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Recalled {
    /// The login name.
    Name(Arc<str>),
    /// Nobody has this id, or the id cannot stand for a user.
    Nobody,
    /// Nothing is known, or it is too old.
    Nothing,
}

impl LoginNames {
    /// Asks the system's name services (nsswitch.conf(5)).
    pub fn of_this_system() -> Self {
        Self::new(|uid| Ok(User::from_uid(Uid::from_raw(uid))?.map(|user| user.name)))
    }

    fn new(find: fn(u32) -> io::Result<Option<String>>) -> Self {
        Self { find, recent: Mutex::default() }
    }

    /// What the last look-up found. The server's own user counts as nobody, because anyone who can run programs as this
    /// user needs no account. A user that the kernel cannot identify counts as nobody too.
    pub(super) fn recall(&self, uid: u32, now: Instant) -> Recalled {
        if [getuid().as_raw(), geteuid().as_raw(), UNMAPPED].contains(&uid) {
            return Recalled::Nobody;
        }
        let recent = self.recent();
        match recent.iter().find(|known| known.uid == uid && known.until > now) {
            Some(Known { name: Some(name), .. }) => Recalled::Name(Arc::clone(name)),
            Some(Known { name: None, .. }) => Recalled::Nobody,
            None => Recalled::Nothing,
        }
    }

    /// Looks up the name of this user. An error counts as no name.
    pub(super) fn look_up(&self, uid: u32, _: Blocking<'_>) -> Option<Arc<str>> {
        let found = (self.find)(uid).unwrap_or_else(|error| {
            log::warn!("cannot look up the login name of the user {uid}: {error}");
            None
        });
        let (name, until) = (found.map(Arc::from), Instant::now() + KEPT);
        let mut recent = self.recent();
        recent.retain(|known| known.uid != uid);
        if recent.len() >= MOST {
            recent.pop_front();
        }
        recent.push_back(Known { uid, name: Option::clone(&name), until });
        name
    }

    fn recent(&self) -> MutexGuard<'_, VecDeque<Known>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LoginNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginNames").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_for_a_while_and_not_too_many() {
        let names = LoginNames::new(|uid| match uid {
            1_000_007 => Ok(None),
            1_000_008 => Err(io::Error::other("no service")),
            uid => Ok(Some(format!("user{uid}"))),
        });
        let began = Instant::now();
        assert_eq!(names.recall(1_000_001, began), Recalled::Nothing);
        for (uid, expected) in [(1_000_001, Some("user1000001")), (1_000_007, None), (1_000_008, None)] {
            assert_eq!(names.look_up(uid, Blocking::own_thread()).as_deref(), expected);
            let known = expected.map_or(Recalled::Nobody, |name| Recalled::Name(name.into()));
            assert_eq!(names.recall(uid, began), known);
            let later = began + KEPT + Duration::from_secs(60);
            assert_eq!(names.recall(uid, later), Recalled::Nothing, "it may have changed");
        }
        for uid in 2_000_000..2_000_000 + MOST as u32 {
            names.look_up(uid, Blocking::own_thread());
        }
        assert_eq!(names.recall(1_000_001, began), Recalled::Nothing, "others took its place");
        assert_eq!(names.recent().len(), MOST);
    }

    #[test]
    fn the_server_itself_and_unmapped_users_have_no_name() {
        let names = LoginNames::new(|_| Ok(Some("somebody".to_owned())));
        for uid in [getuid().as_raw(), UNMAPPED] {
            assert_eq!(names.recall(uid, Instant::now()), Recalled::Nobody);
        }
    }

    #[test]
    fn the_system_names_its_users() {
        let names = LoginNames::of_this_system();
        assert_eq!(names.look_up(0, Blocking::own_thread()).as_deref(), Some("root"));
        assert_eq!(names.look_up(4_000_000_001, Blocking::own_thread()), None);
    }
}
