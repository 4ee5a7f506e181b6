//! The epoch of a shared room: for how long the ids of its events are valid.

use std::fmt;

/// The length of a key, in bytes.
pub const KEY_LEN: usize = 16;

/// A random number, which begins each event's id, and the key that seals the rest. All servers have the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    pub(in crate::chat) number: u64,
    pub(in crate::chat) key: [u8; KEY_LEN],
}

impl Epoch {
    /// Takes bytes from the system's source of randomness.
    pub fn new(number: u64, key: [u8; KEY_LEN]) -> Self {
        Self { number, key }
    }

    /// Parses what [`Epoch::to_text`] writes; `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (number, key) = std::str::from_utf8(text).ok()?.split_once('-')?;
        let number = u64::from_str_radix(number, 16).ok()?;
        let key = u128::from_str_radix(key, 16).ok()?.to_be_bytes();
        let epoch = Self { number, key };
        (epoch.to_text().as_bytes() == text).then_some(epoch)
    }

    /// The epoch as the store keeps it: for servers, never for a log.
    pub fn to_text(&self) -> String {
        format!("{:016x}-{:032x}", self.number, u128::from_be_bytes(self.key))
    }
}

/// Without the key.
impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epoch({:016x})", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_written_form_is_an_epoch() {
        let epoch = Epoch::new(7, [9; KEY_LEN]);
        assert_eq!(Epoch::parse(epoch.to_text().as_bytes()), Some(epoch));
        assert!(!format!("{epoch:?}").contains("0909"));
        for text in ["", "7-9", "x", "0000000000000007-", "\u{e9}"] {
            assert_eq!(Epoch::parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
