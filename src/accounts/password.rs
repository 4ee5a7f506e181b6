//! Passwords and their hashes.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::phc::{self, SaltString};
use argon2::{Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use bcrypt::HashParts;
use zeroize::Zeroizing;

use crate::blocking::Blocking;

/// The longest password, in bytes. A longer one is rejected without a check, as hashing takes time for each
/// byte.
pub const PASSWORD_LIMIT: usize = 1024;

/// The longest password of which bcrypt uses all bytes.
pub const BCRYPT_LIMIT: usize = 72;

/// The maximum cost of bcrypt: each step doubles the time, and this cost takes two seconds.
pub const MAX_COST: u32 = 15;

/// The minimum cost that bcrypt defines.
const MIN_COST: u32 = 4;

/// The maximum memory for argon2, in KiB.
pub const MAX_MEMORY: u32 = 256 * 1024;

/// The maximum number of passes of argon2.
pub const MAX_PASSES: u32 = 20;

/// The lengths of argon2 output that programs write, in bytes. Any other length comes from a truncated line.
const OUTPUTS: [usize; 3] = [16, 32, 64];

/// The length of an argon2 salt, and of the part of it that stays the same when the password is changed.
const SALT_BYTES: usize = 16;
const ACCOUNT_BYTES: usize = 9;

/// A password as it was sent or typed. It is wiped from memory when it is dropped, and never printed.
pub struct Password(Zeroizing<Vec<u8>>);

/// The hash that a password is checked against.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: String,
    cost: Cost,
}

/// How a hash was computed. Two checks at the same cost take equally long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cost {
    /// argon2id (RFC 9106), with its memory in KiB and its number of passes.
    Argon2 { memory: u32, passes: u32 },
    /// bcrypt, as `htpasswd -B` writes it; the number of rounds is 2 to this power.
    Bcrypt(u32),
}

/// The cost of the hashes that wharf writes.
const TODAY: Cost = Cost::Argon2 { memory: Params::DEFAULT_M_COST, passes: Params::DEFAULT_T_COST };

/// The parameters that every argon2 hash has.
const PARAMETERS: [&str; 3] = ["m", "t", "p"];

/// Why a password cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// It is empty.
    Empty,
    /// It has more than [`PASSWORD_LIMIT`] bytes.
    TooLong,
    /// It has a NUL, which ends the password in some programs.
    Nul,
}

/// Why a text is not a usable hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongHash {
    /// It is neither argon2id nor bcrypt.
    Unknown,
    /// A part is missing or has the wrong length.
    Truncated,
    /// A part is malformed: no program writes such a hash.
    Malformed,
    /// argon2 with a version that is neither 16 nor 19.
    Version(u32),
    /// bcrypt with a cost above [`MAX_COST`].
    Cost(u32),
    /// argon2id with more memory than [`MAX_MEMORY`], in KiB.
    Memory(u32),
    /// argon2id with more passes than [`MAX_PASSES`].
    Passes(u32),
    /// argon2id with parameters that it does not define.
    Parameters,
}

impl Password {
    /// A password of these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Stands for a password that was not received because it is too long. It is never right, and never hashed.
    pub fn too_long() -> Self {
        Self::new(vec![0; PASSWORD_LIMIT + 1])
    }

    /// The bytes, for a hash.
    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The password as text, to send it to a server; `None` if it is not UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Whether both are the same, compared in constant time.
    pub fn is(&self, other: &Self) -> bool {
        let differ = self.0.iter().zip(&*other.0).fold(0, |differ, (one, other)| differ | (one ^ other));
        self.0.len() == other.0.len() && differ == 0
    }

    /// Checks that the password can be hashed.
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
    /// The hash of a password, with a new salt: argon2id with 19 MiB, two passes and one lane. This takes
    /// about 20 ms.
    pub fn of(password: &Password, _: Blocking<'_>) -> Result<Self, PasswordError> {
        password.check()?;
        // This fails only without a source of random numbers, or for a password of more than 4 GiB.
        let hash: phc::PasswordHash =
            Argon2::default().hash_password(&password.0).map_err(|_| PasswordError::TooLong)?;
        Ok(Self { text: hash.to_string(), cost: TODAY })
    }

    /// A hash at the current cost, for which nobody knows a password.
    pub(super) fn of_nothing() -> Self {
        let text = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        Self { text: text.to_owned(), cost: TODAY }
    }

    /// The hash of a new password for the same user. It has the same [`PasswordHash::account_part`], if the
    /// old hash is argon2id as wharf writes it.
    pub fn successor(&self, password: &Password, _: Blocking<'_>) -> Result<Self, PasswordError> {
        password.check()?;
        let new = SaltString::generate().to_salt();
        let salt = match self.own_salt() {
            Some(old) => [&old[..ACCOUNT_BYTES], &new[ACCOUNT_BYTES..]].concat(),
            None => new.to_vec(),
        };
        // This fails only for a password of more than 4 GiB.
        let hash = Argon2::default().hash_password_with_salt(&password.0, &salt);
        let hash: phc::PasswordHash = hash.map_err(|_| PasswordError::TooLong)?;
        Ok(Self { text: hash.to_string(), cost: TODAY })
    }

    /// Identifies the account: it stays the same when the password is changed. It differs if a user is removed and a
    /// new user gets the name. The users file has no field for it, so it is the first 72 bits of the salt; the other 56
    /// bits are new with each password. For hashes from other programs, it is the whole hash.
    pub fn account_part(&self) -> &str {
        let salt = self.own_salt().and_then(|_| self.text.rsplit('$').nth(1));
        salt.and_then(|salt| salt.get(..ACCOUNT_BYTES / 3 * 4)).unwrap_or(&self.text)
    }

    /// The salt, if it is as long as wharf's own salts.
    fn own_salt(&self) -> Option<[u8; SALT_BYTES]> {
        let hash =
            phc::PasswordHash::new(&self.text).ok().filter(|_| matches!(self.cost, Cost::Argon2 { .. }))?;
        hash.salt.as_deref()?.try_into().ok()
    }

    /// Whether it is the hash of this password, compared in constant time. This takes as long as the cost of
    /// the hash demands.
    pub fn is_of(&self, password: &Password, _: Blocking<'_>) -> bool {
        if password.check().is_err() {
            return false;
        }
        match self.cost {
            Cost::Argon2 { .. } => phc::PasswordHash::new(&self.text)
                .is_ok_and(|hash| Argon2::default().verify_password(&password.0, &hash).is_ok()),
            Cost::Bcrypt(_) => {
                password.0.len() <= BCRYPT_LIMIT && bcrypt::verify(&*password.0, &self.text).unwrap_or(false)
            }
        }
    }

    /// The cost of a check.
    pub(super) fn cost(&self) -> Cost {
        self.cost
    }

    /// The hash as it is written in the file.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for PasswordHash {
    type Err = WrongHash;

    fn from_str(text: &str) -> Result<Self, WrongHash> {
        let cost = match text.split('$').collect::<Vec<_>>()[..] {
            ["", "argon2id", ..] => read_argon2(text)?,
            ["", "2a" | "2b" | "2y", cost, rest] => read_bcrypt(text, cost, rest)?,
            ["", "2a" | "2b" | "2y", ..] => return Err(WrongHash::Truncated),
            _ => return Err(WrongHash::Unknown),
        };
        Ok(Self { text: text.to_owned(), cost })
    }
}

/// `$argon2id$v=19$m=19456,t=2,p=1$SALT$OUTPUT`. A text that cannot be the hash of any password is an error.
fn read_argon2(text: &str) -> Result<Cost, WrongHash> {
    let hash = phc::PasswordHash::new(text).map_err(|_| WrongHash::Truncated)?;
    let output = hash.hash.as_ref().map_or(0, |output| output.as_bytes().len());
    if hash.salt.is_none() || !OUTPUTS.contains(&output) {
        return Err(WrongHash::Truncated);
    }
    // A hash without a version would mean 16 in old programs, and 19 here.
    let version = hash.version.ok_or(WrongHash::Truncated)?;
    Version::try_from(version).map_err(|_| WrongHash::Version(version))?;
    // Some programs use a key or other data for their hashes. These hashes cannot be checked, because the file does not
    // contain the data.
    let names = hash.params.iter().map(|(name, _)| name.as_str().to_owned());
    if !names.eq(PARAMETERS) {
        return Err(WrongHash::Parameters);
    }
    let params = Params::try_from(&hash).map_err(|_| WrongHash::Parameters)?;
    match (params.m_cost(), params.t_cost()) {
        (memory, _) if memory > MAX_MEMORY => Err(WrongHash::Memory(memory)),
        (_, passes) if passes > MAX_PASSES => Err(WrongHash::Passes(passes)),
        (memory, passes) => Ok(Cost::Argon2 { memory, passes }),
    }
}

/// `$2y$10$` and 53 characters.
fn read_bcrypt(text: &str, cost: &str, rest: &str) -> Result<Cost, WrongHash> {
    let is_whole = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit()) && rest.len() == 53;
    let cost: u32 = cost.parse().ok().filter(|_| is_whole).ok_or(WrongHash::Truncated)?;
    if cost > MAX_COST {
        Err(WrongHash::Cost(cost))
    } else if cost < MIN_COST || text.parse::<HashParts>().is_err() {
        Err(WrongHash::Malformed)
    } else {
        Ok(Cost::Bcrypt(cost))
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
            Self::Malformed => f.write_str("malformed hash (a character of it has changed)"),
            Self::Version(version) => write!(f, "argon2id of the unknown version {version}"),
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
