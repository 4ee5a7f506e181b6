//! Passwords, and the hashes by which they are known.

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::phc::{self, SaltString};
use argon2::{Argon2, Params, PasswordHasher as _, PasswordVerifier as _};
use zeroize::Zeroizing;

use crate::blocking::Blocking;

/// The longest password, in bytes. Longer ones are wrong without a check: hashing takes time for each byte.
pub const PASSWORD_LIMIT: usize = 1024;

/// The longest password whose bytes all count for bcrypt.
pub const BCRYPT_LIMIT: usize = 72;

/// The greatest cost of bcrypt: one step more doubles the time, and this one takes two seconds.
pub const MAX_COST: u32 = 15;

/// The most memory of argon2, in KiB.
pub const MAX_MEMORY: u32 = 256 * 1024;

/// The most passes of argon2.
pub const MAX_PASSES: u32 = 20;

/// Lengths of the output of argon2 that programs write, in bytes. Another one comes from a line that was cut.
const OUTPUTS: [usize; 3] = [16, 32, 64];

/// The length of a salt of argon2, and of its part that stays when the user gets another password.
const SALT_BYTES: usize = 16;
const ACCOUNT_BYTES: usize = 9;

/// A password as somebody has sent or typed it. It is wiped from memory when it is dropped, and never printed.
pub struct Password(Zeroizing<Vec<u8>>);

/// What a password is checked against.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: String,
    kind: Kind,
}

/// How a hash was computed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// argon2id (RFC 9106).
    Argon2,
    /// bcrypt, as `htpasswd -B` writes it.
    Bcrypt,
}

/// Why a password cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// It is empty.
    Empty,
    /// It has more than [`PASSWORD_LIMIT`] bytes.
    TooLong,
    /// It has a NUL, at which some programs end it.
    Nul,
}

/// Why something is no hash that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongHash {
    /// It is neither argon2id nor bcrypt.
    Unknown,
    /// A part is missing or has the wrong length.
    Truncated,
    /// bcrypt with a greater cost than [`MAX_COST`].
    Cost(u32),
    /// argon2id with more KiB than [`MAX_MEMORY`].
    Memory(u32),
    /// argon2id with more passes than [`MAX_PASSES`].
    Passes(u32),
    /// argon2id with parameters that it does not have.
    Parameters,
}

impl Password {
    /// These bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for a hash.
    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The password as text, to send it to a server; `None` if it is not UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Whether both are the same; compared in constant time.
    pub fn is(&self, other: &Self) -> bool {
        let differ = self.0.iter().zip(&*other.0).fold(0, |differ, (one, other)| differ | (one ^ other));
        self.0.len() == other.0.len() && differ == 0
    }

    /// Whether a hash can be made of it.
    pub fn check(&self) -> Result<(), PasswordError> {
        match &**self.0 {
            [] => Err(PasswordError::Empty),
            bytes if bytes.len() > PASSWORD_LIMIT => Err(PasswordError::TooLong),
            bytes if bytes.contains(&0) => Err(PasswordError::Nul),
            _ => Ok(()),
        }
    }
}

impl PasswordHash {
    /// The hash of a password, with a new salt: argon2id with 19 MiB, two passes and one lane. It takes some 20 ms.
    pub fn of(password: &Password, _: Blocking<'_>) -> Result<Self, PasswordError> {
        password.check()?;
        // It fails only without a source of random numbers, or for a password of more than 4 GiB.
        let hash: phc::PasswordHash =
            Argon2::default().hash_password(&password.0).map_err(|_| PasswordError::TooLong)?;
        Ok(Self { text: hash.to_string(), kind: Kind::Argon2 })
    }

    /// The hash of another password of the same user. It has the same [`PasswordHash::account_part`], if this one is argon2id
    /// as wharf writes it.
    pub fn successor(&self, password: &Password, _: Blocking<'_>) -> Result<Self, PasswordError> {
        password.check()?;
        let new = SaltString::generate().to_salt();
        let salt = match self.own_salt() {
            Some(old) => [&old[..ACCOUNT_BYTES], &new[ACCOUNT_BYTES..]].concat(),
            None => new.to_vec(),
        };
        // It fails only for a password of more than 4 GiB.
        let hash = Argon2::default().hash_password_with_salt(&password.0, &salt);
        let hash: phc::PasswordHash = hash.map_err(|_| PasswordError::TooLong)?;
        Ok(Self { text: hash.to_string(), kind: Kind::Argon2 })
    }

    /// What identifies the account: it stays the same when the password is changed, and differs when a user is removed and
    /// another one gets the name. The users file has no place for it, so it is the first 72 bits of the salt; the other 56
    /// bits are new with each password. Of other programs' hashes, it is the whole hash.
    pub fn account_part(&self) -> &str {
        let salt = self.own_salt().and_then(|_| self.text.rsplit('$').nth(1));
        salt.and_then(|salt| salt.get(..ACCOUNT_BYTES / 3 * 4)).unwrap_or(&self.text)
    }

    /// The salt, if it is as long as those that wharf makes.
    fn own_salt(&self) -> Option<[u8; SALT_BYTES]> {
        let hash = phc::PasswordHash::new(&self.text).ok().filter(|_| self.kind == Kind::Argon2)?;
        hash.salt.as_deref()?.try_into().ok()
    }

    /// Whether it is the hash of this password; compared in constant time. It takes as long as the hash was made to take.
    pub fn is_of(&self, password: &Password, _: Blocking<'_>) -> bool {
        if password.check().is_err() {
            return false;
        }
        match self.kind {
            Kind::Argon2 => phc::PasswordHash::new(&self.text)
                .is_ok_and(|hash| Argon2::default().verify_password(&password.0, &hash).is_ok()),
            Kind::Bcrypt => {
                password.0.len() <= BCRYPT_LIMIT && bcrypt::verify(&*password.0, &self.text).unwrap_or(false)
            }
        }
    }

    /// Its kind and its cost: hashes with the same take equally long.
    pub(super) fn cost(&self) -> &str {
        // `$argon2id$v=19$m=19456,t=2,p=1$SALT$OUTPUT`, `$2y$10$SALT AND OUTPUT`.
        let fields = match self.kind {
            Kind::Argon2 => 4,
            Kind::Bcrypt => 2,
        };
        let end = self.text.match_indices('$').nth(fields).map_or(self.text.len(), |(at, _)| at);
        &self.text[..end]
    }

    /// As it stands in the file.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for PasswordHash {
    type Err = WrongHash;

    fn from_str(text: &str) -> Result<Self, WrongHash> {
        let kind = match text.split('$').collect::<Vec<_>>()[..] {
            ["", "argon2id", ..] => check_argon2(text).map(|()| Kind::Argon2)?,
            ["", "2a" | "2b" | "2y", cost, rest] => check_bcrypt(cost, rest).map(|()| Kind::Bcrypt)?,
            ["", "2a" | "2b" | "2y", ..] => return Err(WrongHash::Truncated),
            _ => return Err(WrongHash::Unknown),
        };
        Ok(Self { text: text.to_owned(), kind })
    }
}

/// `$argon2id$v=19$m=19456,t=2,p=1$SALT$OUTPUT`.
fn check_argon2(text: &str) -> Result<(), WrongHash> {
    let hash = phc::PasswordHash::new(text).map_err(|_| WrongHash::Truncated)?;
    let output = hash.hash.as_ref().map_or(0, |output| output.as_bytes().len());
    if hash.salt.is_none() || !OUTPUTS.contains(&output) {
        return Err(WrongHash::Truncated);
    }
    let params = Params::try_from(&hash).map_err(|_| WrongHash::Parameters)?;
    match (params.m_cost(), params.t_cost()) {
        (memory, _) if memory > MAX_MEMORY => Err(WrongHash::Memory(memory)),
        (_, passes) if passes > MAX_PASSES => Err(WrongHash::Passes(passes)),
        _ => Ok(()),
    }
}

/// `$2y$10$` and 53 characters.
fn check_bcrypt(cost: &str, rest: &str) -> Result<(), WrongHash> {
    let is_of_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    let cost: u32 = cost.parse().ok().filter(|_| cost.len() == 2).ok_or(WrongHash::Truncated)?;
    if cost > MAX_COST {
        Err(WrongHash::Cost(cost))
    } else if cost < 4 || rest.len() != 53 || !rest.bytes().all(is_of_alphabet) {
        Err(WrongHash::Truncated)
    } else {
        Ok(())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the password is empty"),
            Self::TooLong => write!(f, "a password has at most {PASSWORD_LIMIT} bytes"),
            Self::Nul => f.write_str("a password must not contain NUL"),
        }
    }
}

impl fmt::Display for WrongHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => {
                f.write_str("unknown hash: it must be argon2id, or bcrypt as `htpasswd -B` writes it")
            }
            Self::Truncated => f.write_str("truncated hash"),
            Self::Cost(cost) => write!(f, "bcrypt with cost {cost} takes too long (at most {MAX_COST})"),
            Self::Memory(memory) => {
                write!(f, "argon2id with {memory} KiB takes too much memory (at most {MAX_MEMORY})")
            }
            Self::Passes(passes) => {
                write!(f, "argon2id with {passes} passes takes too long (at most {MAX_PASSES})")
            }
            Self::Parameters => f.write_str("argon2id with wrong parameters"),
        }
    }
}

impl std::error::Error for PasswordError {}
impl std::error::Error for WrongHash {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hashes of `correct horse`, by other programs.
    const ARGON2: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$k9ohroejZy1PN5E1SbHNPug6vB8eQAahb5SOAp6iGF4";
    const BCRYPT: &str = "$2y$10$YRaxA9G8Nw./RJGLebb4g.jIicK1igosMCmthDFtrrcf0KeXJGY.i";

    fn password(text: &str) -> Password {
        Password::new(text.into())
    }

    #[test]
    fn hashes_of_other_programs_are_read() {
        let disk = Blocking::own_thread();
        for text in [ARGON2, BCRYPT] {
            let hash: PasswordHash = text.parse().expect("a hash");
            assert!(hash.is_of(&password("correct horse"), disk), "{text}");
            for wrong in ["", "correct hors", "correct horse ", "Correct horse", "correct horse\0"] {
                assert!(!hash.is_of(&password(wrong), disk), "{wrong:?}: {text}");
            }
            assert_eq!(hash.as_str(), text);
        }
    }

    #[test]
    fn a_new_hash_is_argon2id_with_a_salt_of_its_own() {
        let disk = Blocking::own_thread();
        let of = || PasswordHash::of(&password("größe"), disk).expect("a hash");
        let (one, other) = (of(), of());
        assert!(one.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.as_str());
        assert_ne!(one.as_str(), other.as_str());
        let read: PasswordHash = one.as_str().parse().expect("a hash");
        assert!(read.is_of(&password("größe"), disk));
    }

    #[test]
    fn an_account_keeps_its_part_when_the_password_changes() {
        let disk = Blocking::own_thread();
        let hash = |text: &str| text.parse::<PasswordHash>().expect("a hash");
        let first = hash(ARGON2);
        assert_eq!(first.account_part(), "c29tZXNhbHRz");
        let [second, third] = [(); 2].map(|()| first.successor(&password("two"), disk).expect("a hash"));
        assert!(second.is_of(&password("two"), disk));
        assert_eq!([second.account_part(), third.account_part()], [first.account_part(); 2]);
        assert_ne!(second.as_str(), third.as_str(), "the rest of the salt is new");
        let foreign = [BCRYPT, &ARGON2.replace("c29tZXNhbHRzb21lc2FsdA", "c29tZXNhbHQ")].map(hash);
        for hash in &foreign {
            assert_eq!(hash.account_part(), hash.as_str());
        }
        let new = foreign[0].successor(&password("two"), disk).expect("a hash");
        assert_eq!(new.account_part().len(), 12, "the next one keeps this");
        assert_eq!(new.successor(&password(""), disk), Err(PasswordError::Empty));
    }

    #[test]
    fn the_same_password() {
        for (one, other, are_same) in
            [("a", "a", true), ("a", "b", false), ("a", "ab", false), ("", "", true)]
        {
            assert_eq!(password(one).is(&password(other)), are_same, "{one:?} {other:?}");
        }
    }

    #[test]
    fn passwords_without_a_hash() {
        let table = [
            (String::new(), Err(PasswordError::Empty)),
            ("x".to_owned(), Ok(())),
            ("x".repeat(PASSWORD_LIMIT), Ok(())),
            ("x".repeat(PASSWORD_LIMIT + 1), Err(PasswordError::TooLong)),
            ("a\0b".to_owned(), Err(PasswordError::Nul)),
        ];
        for (text, expected) in table {
            assert_eq!(password(&text).check(), expected, "{} bytes", text.len());
        }
    }

    #[test]
    fn bcrypt_ignores_no_byte() {
        let disk = Blocking::own_thread();
        let long = "x".repeat(BCRYPT_LIMIT);
        let hash = bcrypt::hash_with_salt(&long, 4, [1; 16]).expect("a hash").to_string();
        let hash: PasswordHash = hash.parse().expect("a hash");
        assert!(hash.is_of(&password(&long), disk));
        assert!(!hash.is_of(&password(&format!("{long}y")), disk), "bcrypt alone would accept it");
    }

    #[test]
    fn hashes_that_are_refused() {
        let argon2 = |text: &str, new: &str| ARGON2.replace(text, new);
        let bcrypt = |text: &str, new: &str| BCRYPT.replace(text, new);
        let table = [
            (String::new(), WrongHash::Unknown),
            ("secret".to_owned(), WrongHash::Unknown),
            ("$apr1$salt$hash".to_owned(), WrongHash::Unknown),
            ("$6$salt$hash".to_owned(), WrongHash::Unknown),
            (argon2("argon2id", "argon2i"), WrongHash::Unknown),
            (argon2("argon2id", "argon2d"), WrongHash::Unknown),
            (argon2("m=19456", "m=262145"), WrongHash::Memory(262_145)),
            (argon2("t=2", "t=21"), WrongHash::Passes(21)),
            (argon2("m=19456", "m=1"), WrongHash::Parameters),
            (argon2("p=1", "p=0"), WrongHash::Parameters),
            (ARGON2[..ARGON2.len() - 1].to_owned(), WrongHash::Truncated),
            (ARGON2[..ARGON2.len() - 4].to_owned(), WrongHash::Truncated),
            (ARGON2.rsplit_once('$').expect("parts").0.to_owned(), WrongHash::Truncated),
            ("$argon2id$v=19$m=19456,t=2,p=1".to_owned(), WrongHash::Truncated),
            (bcrypt("$10$", "$16$"), WrongHash::Cost(16)),
            (bcrypt("$10$", "$03$"), WrongHash::Truncated),
            (bcrypt("$10$", "$1$"), WrongHash::Truncated),
            (BCRYPT[..BCRYPT.len() - 1].to_owned(), WrongHash::Truncated),
            (format!("{BCRYPT}x"), WrongHash::Truncated),
            ("$2y$10".to_owned(), WrongHash::Truncated),
            ("$2x$10$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(), WrongHash::Unknown),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<PasswordHash>().map(|_| ()), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let hash: PasswordHash = BCRYPT.parse().expect("a hash");
        assert_eq!(format!("{:?} {hash:?}", password("secret")), "Password(…) PasswordHash(…)");
    }
}
