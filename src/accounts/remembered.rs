//! Recent password checks that succeeded. HTTP Basic sends the password with each request, and a check costs
//! tens of milliseconds.

use std::fmt;
use std::hash::Hash;
use std::hint::black_box;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::file::UserLine;
use super::name::UserName;
use super::password::Password;
use super::recent::Recent;

/// How long a success is remembered. This is never extended, so the hash is checked once a minute.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// How many users' successes are remembered; the oldest makes room.
pub const REMEMBERED_LIMIT: usize = 4096;

/// The length of the key, in bytes.
pub const KEY_LEN: usize = 16;

/// Proves that this password was right for this line of the users file. Without the key, a proof reveals
/// nothing about the password.
type Proof = [u8; 32];

/// The successes of the last minute, one for each user at each address: a success at one address does not
/// help guessing at another. `K` is the key of an address.
///
/// A proof is a hash of the whole line and the password, so a success ends with any change to the line: to
/// its hash, its groups, or the `!` that disables it.
pub struct Remembered<K> {
    key: Zeroizing<[u8; KEY_LEN]>,
    successes: Recent<(UserName, K), (Proof, Instant)>,
}

impl<K: Eq + Hash + Clone> Remembered<K> {
    /// Creates it with random bytes from the system, new at each start.
    pub fn new(key: [u8; KEY_LEN]) -> Self {
        Self { key: Zeroizing::new(key), successes: Recent::new(REMEMBERED_LIMIT) }
    }

    /// Whether a check of this password would succeed: a check succeeded within the last minute, and the user's line
    /// has not changed. The comparison takes constant time.
    pub fn knows(&mut self, address: &K, user: &UserLine, password: &Password, now: Instant) -> bool {
        self.forget_old(now);
        let proof = self.proof(user, password);
        self.successes
            .get(&(user.name.clone(), address.clone()))
            .is_some_and(|(known, _)| are_equal(known, &proof))
    }

    /// Remembers that the password was right for the user's line, as it was when the check began.
    pub fn remember(&mut self, address: &K, user: &UserLine, password: &Password, now: Instant) {
        self.forget_old(now);
        let proof = self.proof(user, password);
        self.successes.put((user.name.clone(), address.clone()), (proof, now));
    }

    fn forget_old(&mut self, now: Instant) {
        let is_old = |since: Instant| now.saturating_duration_since(since) >= REMEMBERED_FOR;
        while self.successes.pop_if(|(_, since)| is_old(*since)).is_some() {}
    }

    /// The user's line contains no line end, so where the password begins is unambiguous. Nobody sees the
    /// hash, so a key at the beginning is enough.
    fn proof(&self, user: &UserLine, password: &Password) -> Proof {
        // The hasher is not moved: a copy would stay on the stack, with the end of the password.
        let mut hash = Sha256::new();
        hash.update(&self.key[..]);
        hash.update(user.to_string());
        hash.update("\n");
        hash.update(password.expose());
        hash.finalize_reset().into()
    }
}

/// Whether both are the same, in constant time.
fn are_equal(one: &Proof, other: &Proof) -> bool {
    // All bytes are compared; `black_box` keeps the compiler from ending the loop early.
    one.iter().zip(other).fold(0, |differ, (one, other)| black_box(differ | (one ^ other))) == 0
}

impl<K: Eq + Hash + Clone> fmt::Debug for Remembered<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remembered({} successes)", self.successes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::UsersFile;
    use super::*;
    use crate::blocking::Blocking;

    const HASH: &str = "$2y$04$YRaxA9G8Nw./RJGLebb4g.jIicK1igosMCmthDFtrrcf0KeXJGY.i";

    fn user(line: &str) -> UserLine {
        let file = UsersFile::parse(line.replace("HASH", HASH).as_bytes()).expect("valid");
        file.users().next().expect("a user").clone()
    }

    fn password(text: &str) -> Password {
        Password::new(text.into())
    }

    #[test]
    fn a_success_belongs_to_its_password_and_its_line() {
        let now = Instant::now();
        let mut remembered = Remembered::new([1; KEY_LEN]);
        assert!(!remembered.knows(&1, &user("anna:HASH:staff"), &password("secret"), now));
        remembered.remember(&1, &user("anna:HASH:staff"), &password("secret"), now);
        let table = [
            ("the same", "anna:HASH:staff", "secret", true),
            ("part of the password", "anna:HASH:staff", "secre", false),
            ("more than the password", "anna:HASH:staff", "secret ", false),
            ("no password", "anna:HASH:staff", "", false),
            ("another user", "bert:HASH:staff", "secret", false),
            ("another hash", "anna:HASHi:staff", "secret", false),
            ("disabled", "anna:!HASH:staff", "secret", false),
            ("another group", "anna:HASH:staff,admins", "secret", false),
            ("no group", "anna:HASH", "secret", false),
            ("the line's end in the password", "anna:HASH", ":staff\nsecret", false),
        ];
        for (case, line, text, expected) in table {
            let line = line.replace("HASHi", &HASH.replace("YRax", "YRay"));
            assert_eq!(remembered.knows(&1, &user(&line), &password(text), now), expected, "{case}");
        }
        let mut other = Remembered::new([2; KEY_LEN]);
        other.successes.put(
            (user("anna:HASH").name, 1),
            *remembered.successes.get(&(user("anna:HASH").name, 1)).unwrap(),
        );
        assert!(!other.knows(&1, &user("anna:HASH:staff"), &password("secret"), now), "another start");
        assert!(!remembered.knows(&2, &user("anna:HASH:staff"), &password("secret"), now), "another address");
    }

    #[test]
    fn it_lasts_a_minute_whether_it_is_used_or_not() {
        let start = Instant::now();
        let (anna, secret) = (user("anna:HASH"), password("secret"));
        let mut remembered = Remembered::new([1; KEY_LEN]);
        remembered.remember(&1, &anna, &secret, start);
        assert!(remembered.knows(&1, &anna, &secret, start + REMEMBERED_FOR / 2));
        assert!(remembered.knows(
            &1,
            &anna,
            &secret,
            start + REMEMBERED_FOR.saturating_sub(Duration::from_nanos(1))
        ));
        assert!(!remembered.knows(&1, &anna, &secret, start + REMEMBERED_FOR));
        assert_eq!(remembered.successes.len(), 0, "nothing of it is kept");
        remembered.remember(&1, &anna, &secret, start);
        assert!(remembered.knows(&1, &anna, &secret, start), "a clock that is behind does no harm");
    }

    #[test]
    fn the_oldest_of_4096_makes_room() {
        let now = Instant::now();
        let users: Vec<_> =
            (0..=REMEMBERED_LIMIT).map(|number| user(&format!("user{number}:HASH"))).collect();
        let mut remembered = Remembered::new([1; KEY_LEN]);
        for user in &users {
            remembered.remember(&1, user, &password("secret"), now);
            remembered.remember(&1, user, &password("secret"), now);
        }
        assert_eq!(remembered.successes.len(), REMEMBERED_LIMIT);
        let known = |user| remembered.knows(&1, user, &password("secret"), now);
        let known: Vec<_> = users.iter().map(known).collect();
        assert_eq!(known.iter().position(|known| *known), Some(1));
        assert_eq!(known.iter().filter(|known| **known).count(), REMEMBERED_LIMIT);
    }

    #[test]
    fn a_thousand_requests_cost_one_check() {
        let (start, disk) = (Instant::now(), Blocking::own_thread());
        let secret = password("correct horse");
        let hash = bcrypt::hash_with_salt("correct horse", 4, [1; 16]).expect("a hash").to_string();
        let anna = user(&format!("anna:{hash}"));
        let mut remembered = Remembered::new([1; KEY_LEN]);
        let mut checks = 0;
        for request in 0..1000 {
            let now = start + Duration::from_millis(59 * request);
            if !remembered.knows(&1, &anna, &secret, now) {
                checks += 1;
                assert!(anna.hash.is_of(&secret, disk));
                remembered.remember(&1, &anna, &secret, now);
            }
        }
        assert_eq!(checks, 1);
    }

    #[test]
    fn nothing_is_printed() {
        let mut remembered = Remembered::new([171; KEY_LEN]);
        remembered.remember(&1, &user("anna:HASH"), &password("secret"), Instant::now());
        assert_eq!(format!("{remembered:?}"), "Remembered(1 successes)");
    }
}
