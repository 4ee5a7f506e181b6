//! Attempts to log in, which the servers of one folder tell each other about.
//!
//! ```text
//!   wharf:NAME:attempts:FOLDER   a stream: which server has seen it, and `failed HASH ADDRESS` or `passed HASH ADDRESS`
//! ```
//!
//! HASH is that of the name, because a name may be a password in the wrong field. Its key is made of the id of the folder, which is
//! not in the store.

use redis::{Value, cmd, pipe};
use sha2::{Digest as _, Sha256};

use super::address::SharedAddress;
use super::pool::{Pool, of_error};
use super::replies;
use super::scripts::script;
use crate::accounts::attempts::GuessHash;
use crate::blocking::Blocking;
use crate::server::client_key::{self, ClientKey};
use crate::server::random;
use crate::server::store_error::StoreError;

/// How many attempts the stream has.
const LENGTH: usize = 16_384;

/// How long the store keeps them, in seconds: longer than failures count.
const KEPT_SECONDS: u32 = 1_800;

/// How old the attempts are that a server reads when it starts, in seconds.
const READ_SECONDS: u32 = 900;

/// How many attempts are read at once.
const AT_ONCE: usize = 1_000;

/// The longest text of an attempt, in bytes. Longer ones are foreign.
const LONGEST: usize = 128;

/// Returns the last entry that was read, the time, and the entries of other servers after an entry.
///
/// Key: the stream. Arguments: the last entry that was read, or nothing; the number of entries; the name of this server; the
/// longest text; for how many seconds to look back.
const READ: &str = "
local time, after = redis.call('TIME'), ARGV[1]
if after == '' then after = string.format('%.0f-0', (time[1] - ARGV[5]) * 1000) end
local found = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', ARGV[2])) do
  after = entry[1]
  local by, text = entry[2][2] or '', entry[2][4] or ''
  if by ~= ARGV[3] and #text <= tonumber(ARGV[4]) then
    found[#found + 1] = string.match(after, '%d+')
    found[#found + 1] = text
  end
end
return {after, string.format('%.0f', time[1] * 1000), found}";

/// The attempts at the servers of one folder.
pub struct StoredAttempts {
    pool: Pool,
    key: String,
    /// The name of this server, for one start.
    server: String,
    /// The key for the hashes of names.
    hash_key: [u8; 32],
}

/// One attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) struct StoredAttempt {
    pub client: ClientKey,
    pub guess: GuessHash,
    pub has_failed: bool,
}

/// The attempts of other servers.
#[derive(Debug)]
pub(in crate::server) struct HeardAttempts {
    /// With their age in milliseconds.
    pub attempts: Vec<(StoredAttempt, u64)>,
    /// The last entry that was read.
    pub last: String,
    /// Whether there may be more.
    pub is_full: bool,
}

impl StoredAttempts {
    /// The attempts for the folder with this id. This does not connect yet.
    pub fn new(address: SharedAddress, folder: &str) -> Self {
        let hash_key = Sha256::new().chain_update("wharf attempts ").chain_update(folder).finalize().into();
        let key = address.key("attempts", folder);
        let server = format!("{:016x}", random::number());
        Self { pool: Pool::new(address.servers), key, server, hash_key }
    }

    /// The key for the hashes of names; all servers of the folder have the same.
    pub(in crate::server) fn hash_key(&self) -> [u8; 32] {
        self.hash_key
    }

    /// Tells the other servers.
    pub(in crate::server) fn send(
        &self,
        attempts: &[StoredAttempt],
        disk: Blocking<'_>,
    ) -> Result<(), StoreError> {
        if attempts.is_empty() {
            return Ok(());
        }
        let mut sent = pipe();
        for attempt in attempts {
            let add = sent.cmd("XADD").arg(&self.key).arg("MAXLEN").arg("~").arg(LENGTH).arg("*");
            add.arg("by").arg(&self.server).arg("attempt").arg(attempt.to_text());
        }
        sent.add_command(cmd("EXPIRE").arg(&self.key).arg(KEPT_SECONDS).clone());
        self.pool.with(disk, |connection| {
            sent.query::<Value>(connection).map(drop).map_err(|error| of_error(&error))
        })
    }

    /// Reads what other servers have seen since; first, what they have seen in the last minutes.
    pub(in crate::server) fn read(
        &self,
        after: &str,
        disk: Blocking<'_>,
    ) -> Result<HeardAttempts, StoreError> {
        let numbers = [AT_ONCE.to_string(), LONGEST.to_string(), READ_SECONDS.to_string()];
        let arguments = [after, &numbers[0], &self.server, &numbers[1], &numbers[2]].map(str::as_bytes);
        let read = script(READ, std::slice::from_ref(&self.key), &arguments);
        let answer: Value =
            self.pool.with(disk, |connection| read.query(connection).map_err(|error| of_error(&error)))?;
        let mut parts = replies::array(answer).into_iter();
        let mut text = || parts.next().and_then(replies::bytes).and_then(|text| String::from_utf8(text).ok());
        let malformed = || StoreError::Refused("its answer is malformed".to_owned());
        let (last, time) = (text().ok_or_else(malformed)?, text().ok_or_else(malformed)?);
        let time: u64 = time.parse().map_err(|_| malformed())?;
        let entries = parts.next().map(replies::pairs).unwrap_or_default();
        let is_full = entries.len() >= AT_ONCE;
        let attempt = |(at, text): (Vec<u8>, Vec<u8>)| {
            let at: u64 = std::str::from_utf8(&at).ok()?.parse().ok()?;
            Some((StoredAttempt::parse(&text)?, time.saturating_sub(at)))
        };
        Ok(HeardAttempts { attempts: entries.into_iter().filter_map(attempt).collect(), last, is_full })
    }
}

impl StoredAttempt {
    fn to_text(self) -> String {
        let what = if self.has_failed { "failed" } else { "passed" };
        format!("{what} {:016x} {}", self.guess.0, client_key::as_text(self.client))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let [what, guess, client] = text.splitn(3, ' ').collect::<Vec<_>>().try_into().ok()?;
        let guess = GuessHash(u64::from_str_radix(guess, 16).ok()?);
        let has_failed = match what {
            "failed" => true,
            "passed" => false,
            _ => return None,
        };
        let attempt = Self { client: client_key::of_text(client)?, guess, has_failed };
        (attempt.to_text() == text).then_some(attempt)
    }
}

/// Without the addresses, which may have passwords.
impl std::fmt::Debug for StoredAttempts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredAttempts").field("key", &self.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_written_form_is_an_attempt() {
        let client = client_key::of_text("192.0.2.1").expect("a key");
        for has_failed in [true, false] {
            let attempt = StoredAttempt { client, guess: GuessHash(0xab), has_failed };
            assert_eq!(StoredAttempt::parse(attempt.to_text().as_bytes()), Some(attempt));
        }
        for text in [
            "",
            "failed",
            "failed 00000000000000ab",
            "failed ab 192.0.2.1",
            "failed 00000000000000ab 192.0.2.1 ",
            "failed 00000000000000AB 192.0.2.1",
            "failed +0000000000000ab 192.0.2.1",
            "lapsed 00000000000000ab 192.0.2.1",
            "failed 00000000000000ab nobody",
        ] {
            assert_eq!(StoredAttempt::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(StoredAttempt::parse(b"failed \xff here"), None);
    }
}
