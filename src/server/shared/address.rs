//! Where the store is: `redis://HOST:PORT/DB,redis://OTHER:PORT/DB#NAME`. Its text has a password, so it is never shown.

use std::fmt;

use redis::{ConnectionInfo, IntoConnectionInfo as _};
#[cfg(feature = "accounts")]
use sha2::{Digest as _, Sha256};

/// The addresses of the store, and the name of the room in it.
#[derive(Clone)]
pub struct SharedAddress {
    pub(super) servers: Vec<ConnectionInfo>,
    pub(super) name: String,
}

/// Why a text is not the address of a store. It does not repeat the text, which may have a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedAddressError {
    /// The address at this place, counted from 1, is malformed.
    Malformed(usize),
    /// The address at this place needs TLS, which this build does not have.
    NoTls(usize),
    /// The name after `#` is not one.
    Name,
}

/// The name of the room, if none is given.
const DEFAULT_NAME: &str = "wharf";

/// The longest name of a room.
const MAX_ROOM_NAME: usize = 64;

impl SharedAddress {
    /// Parses one or more addresses, separated by commas, and perhaps `#NAME` at the end.
    pub fn parse(text: &str) -> Result<Self, SharedAddressError> {
        let (addresses, name) = text.split_once('#').unwrap_or((text, DEFAULT_NAME));
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > MAX_ROOM_NAME || !name.chars().all(is_allowed) {
            return Err(SharedAddressError::Name);
        }
        let servers = addresses.split(',').enumerate().map(|(index, address)| server(index + 1, address));
        Ok(Self { servers: servers.collect::<Result<_, _>>()?, name: name.to_owned() })
    }

    /// A name of keys for the folder with this id. It has a hash of the id.
    #[cfg(feature = "accounts")]
    pub(super) fn key(&self, what: &str, folder: &str) -> String {
        let sum = Sha256::digest(folder);
        let sum = sum.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
        format!("wharf:{}:{what}:{sum:016x}", self.name)
    }

    /// Whether it has a password.
    pub fn has_password(&self) -> bool {
        self.servers.iter().any(|server| server.redis_settings().password().is_some())
    }
}

fn server(place: usize, address: &str) -> Result<ConnectionInfo, SharedAddressError> {
    let malformed = SharedAddressError::Malformed(place);
    let is_known = ["redis://", "rediss://", "unix:/"].iter().any(|scheme| address.starts_with(scheme));
    let info = Some(address).filter(|_| is_known).and_then(|address| address.into_connection_info().ok());
    let info = info.ok_or(malformed)?;
    if !info.addr().is_supported() {
        return Err(SharedAddressError::NoTls(place));
    }
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    Ok(info.set_redis_settings(settings))
}

/// Without passwords.
impl fmt::Debug for SharedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedAddress").field("name", &self.name).finish_non_exhaustive()
    }
}

/// For people: where the store is, without passwords.
impl fmt::Display for SharedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self.servers.iter().map(|server| server.addr().to_string()).collect();
        write!(f, "{}#{}", servers.join(","), self.name)
    }
}

impl fmt::Display for SharedAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(place) => {
                write!(f, "address {place} is malformed (use redis://HOST:PORT/DB, rediss://… or unix:/PATH)")
            }
            Self::NoTls(place) => write!(f, "address {place} needs TLS, which this build does not have"),
            Self::Name => write!(
                f,
                "the name after # is malformed (use 1 to {MAX_ROOM_NAME} letters a-z, digits, '-', '_' and '.')"
            ),
        }
    }
}

impl std::error::Error for SharedAddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_shown_without_passwords() {
        let rows = [
            ("redis://127.0.0.1", "127.0.0.1:6379#wharf"),
            ("redis://:secret@h:1/2#files", "h:1#files"),
            ("redis://u:secret@h:1,redis://g:2", "h:1,g:2#wharf"),
            ("unix:/run/redis.sock#a-b_c.9", "/run/redis.sock#a-b_c.9"),
        ];
        for (text, shown) in rows {
            let address = SharedAddress::parse(text).expect(text);
            assert_eq!(address.to_string(), shown);
            assert_eq!(address.has_password(), text.contains("secret"), "{text}");
            assert!(!format!("{address:?}").contains("secret"));
        }
    }

    #[test]
    fn malformed_addresses_are_refused_without_being_shown() {
        for text in [
            "",
            "secret",
            "http://secret",
            "redis://h,secret",
            "redis://",
            "redis://h#",
            "redis://h#a b",
            "redis://h#a:b",
        ] {
            let error = SharedAddress::parse(text).expect_err(text);
            assert!(!error.to_string().contains("secret"), "{text}");
        }
    }
}
