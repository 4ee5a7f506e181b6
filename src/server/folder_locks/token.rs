//! The tokens of locks: random UUIDs. The UUID is also the id of the lock's file.

use std::fmt::Write as _;

use crate::server::random;

/// What every token begins with.
const PREFIX: &str = "urn:uuid:";

/// A new token: a random UUID (RFC 9562 §5.4) as a URN.
pub(crate) fn new_token() -> String {
    let mut bytes = random::bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut token = PREFIX.to_owned();
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            token.push('-');
        }
        let _ = write!(token, "{byte:02x}");
    }
    token
}

/// The id of the lock with this token.
pub(super) fn id_of(token: &str) -> Option<&str> {
    token.strip_prefix(PREFIX)
}

/// The token of the lock with this id.
pub(super) fn token_of(id: &str) -> String {
    format!("{PREFIX}{id}")
}

#[cfg(test)]
mod tests {
    use super::{id_of, new_token};

    #[test]
    fn tokens_are_random_uuids() {
        let (one, other) = (new_token(), new_token());
        assert_ne!(one, other);
        let uuid = id_of(&one).expect("a URN");
        let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }
}
