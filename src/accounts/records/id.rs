//! The public id of a record: for lists, logs and `--revoke`. It does not grant access.

use std::fmt;
use std::io;
use std::str::{self, FromStr};

use super::random;

/// Digits and letters, without i, l, o and u, which resemble other characters or form words (Crockford's
/// base32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The number of characters.
const LENGTH: usize = 8;

/// The public id of a record, such as `3f8k2m9q`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId([u8; LENGTH]);

/// Text that is not the id of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongRecordId;

impl RecordId {
    /// A random id. The caller checks that it is not in use.
    pub(super) fn random() -> io::Result<Self> {
        let mut bytes = [0; LENGTH];
        random::fill(&mut bytes)?;
        Ok(Self(bytes.map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()])))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        // The alphabet is ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for RecordId {
    type Err = WrongRecordId;

    fn from_str(text: &str) -> Result<Self, WrongRecordId> {
        let bytes: [u8; LENGTH] = text.as_bytes().try_into().map_err(|_| WrongRecordId)?;
        if bytes.iter().all(|byte| ALPHABET.contains(byte)) { Ok(Self(bytes)) } else { Err(WrongRecordId) }
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for WrongRecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an id has {LENGTH} digits and letters, such as 3f8k2m9q")
    }
}

impl std::error::Error for WrongRecordId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let id = RecordId::random().expect("random bytes");
        assert_eq!(id.as_str().parse(), Ok(id));
        assert_ne!(id, RecordId::random().expect("random bytes"));
        for wrong in ["", "all", "3f8k2m9", "3f8k2m9qq", "3F8K2M9Q", "3f8k2m9u", "3f8k-m9q", "3f8k2mß"] {
            assert_eq!(wrong.parse::<RecordId>(), Err(WrongRecordId), "{wrong}");
        }
    }
}
