//! Attempts to log in, which the servers of one folder tell each other about.
//!
//! ```text
//!   wharf:NAME:attempts:FOLDER   a stream: which server has seen it, and `failed HASH - AGO ADDRESS` or `passed HASH MARK AGO ADDRESS`
//! ```
//!
//! HASH is that of the name, because a name may be a password in the wrong field. MARK is a hash of the password's hash; it is `-` for a
//! link. The key of both is made of the id of the folder, which is not in the store. AGO is for how many milliseconds the attempt has
//! waited for the store.

use std::time::Duration;

use redis::{Value, cmd, pipe};
use sha2::{Digest as _, Sha256};

use super::address::SharedAddress;
use super::pool::{Pool, of_error};
use super::replies;
use super::scripts::script;
use crate::accounts::attempts::{AttemptResult, GuessHash, PasswordMark};
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

/// In an attempt, instead of the mark of a password.
const NO_MARK: &str = "-";

/// Returns the last entry that was read, the time, how many entries were read, and those of other servers.
///
/// Key: the stream. Arguments: the last entry that was read, or nothing; the number of entries; the name of this server; the
/// longest text; for how many seconds to look back.
const READ: &str = "
local time, after = redis.call('TIME'), ARGV[1]
if after == '' then after = string.format('%.0f-0', (time[1] - ARGV[5]) * 1000) end
local found, read = {}, redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', ARGV[2])
for _, entry in ipairs(read) do
  after = entry[1]
  local by, text = entry[2][2] or '', entry[2][4] or ''
  if by ~= ARGV[3] and #text <= tonumber(ARGV[4]) then
    found[#found + 1] = string.match(after, '%d+')
    found[#found + 1] = text
  end
end
return {after, string.format('%.0f', time[1] * 1000), #read, found}";

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
    pub result: AttemptResult,
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

    /// Tells the other servers about attempts, and how long ago they were.
    pub(in crate::server) fn send(
        &self,
        attempts: &[(StoredAttempt, Duration)],
        disk: Blocking<'_>,
    ) -> Result<(), StoreError> {
        if attempts.is_empty() {
            return Ok(());
        }
        let mut sent = pipe();
        for (attempt, ago) in attempts {
            let ago = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
            let add = sent.cmd("XADD").arg(&self.key).arg("MAXLEN").arg("~").arg(LENGTH).arg("*");
            add.arg("by").arg(&self.server).arg("attempt").arg(attempt.to_text(ago));
        }
        sent.add_command(cmd("EXPIRE").arg(&self.key).arg(KEPT_SECONDS).clone());
        let sent = self.pool.with(disk, |connection| {
            // After an outage, the connection is broken: nothing must be lost with it.
            self.pool.confirm(connection)?;
            sent.query::<Value>(connection).map(drop).map_err(|error| of_error(&error))
        });
        sent.inspect_err(|_| self.pool.close_idle())
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
        HeardAttempts::parse(answer).ok_or_else(|| StoreError::Refused("its answer is malformed".to_owned()))
    }
}

impl HeardAttempts {
    fn parse(answer: Value) -> Option<Self> {
        let [last, time, read, entries] = replies::array(answer).try_into().ok()?;
        let text = |value| String::from_utf8(replies::bytes(value)?).ok();
        let (last, time) = (text(last)?, text(time)?.parse::<u64>().ok()?);
        let attempt = |(at, text): (Vec<u8>, Vec<u8>)| {
            let at: u64 = std::str::from_utf8(&at).ok()?.parse().ok()?;
            let (attempt, ago) = StoredAttempt::parse(&text)?;
            Some((attempt, time.saturating_sub(at).saturating_add(ago)))
        };
        let attempts = replies::pairs(entries).into_iter().filter_map(attempt).collect();
        // Those of this server count too: there may be more behind them.
        let is_full = usize::try_from(replies::number(&read)?).is_ok_and(|read| read >= AT_ONCE);
        Some(Self { attempts, last, is_full })
    }
}

impl StoredAttempt {
    fn to_text(self, ago: u64) -> String {
        let (what, mark) = match self.result {
            AttemptResult::Failed => ("failed", None),
            AttemptResult::Passed(mark) => ("passed", mark),
        };
        let mark = mark.map_or(NO_MARK.to_owned(), |PasswordMark(mark)| format!("{mark:016x}"));
        format!("{what} {:016x} {mark} {ago} {}", self.guess.0, client_key::as_text(self.client))
    }

    /// The attempt, and for how long it has waited for the store.
    fn parse(text: &[u8]) -> Option<(Self, u64)> {
        let text = std::str::from_utf8(text).ok()?;
        let [what, guess, mark, ago, client] = text.splitn(5, ' ').collect::<Vec<_>>().try_into().ok()?;
        let hash = |text| u64::from_str_radix(text, 16).ok();
        let mark = if mark == NO_MARK { None } else { Some(PasswordMark(hash(mark)?)) };
        let result = match (what, mark) {
            ("failed", None) => AttemptResult::Failed,
            ("passed", mark) => AttemptResult::Passed(mark),
            _ => return None,
        };
        let (guess, ago) = (GuessHash(hash(guess)?), ago.parse().ok()?);
        let attempt = Self { client: client_key::of_text(client)?, guess, result };
        (attempt.to_text(ago) == text).then_some((attempt, ago))
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
        let (guess, mark) = (GuessHash(0xab), PasswordMark(0xcd));
        for result in [AttemptResult::Failed, AttemptResult::Passed(None), AttemptResult::Passed(Some(mark))]
        {
            let attempt = StoredAttempt { client, guess, result };
            assert_eq!(StoredAttempt::parse(attempt.to_text(7).as_bytes()), Some((attempt, 7)));
        }
        for text in [
            "",
            "failed",
            "failed 00000000000000ab",
            "failed 00000000000000ab 192.0.2.1",
            "failed 00000000000000ab - 192.0.2.1",
            "failed ab - 0 192.0.2.1",
            "failed 00000000000000ab - 0 192.0.2.1 ",
            "failed 00000000000000AB - 0 192.0.2.1",
            "failed +0000000000000ab - 0 192.0.2.1",
            "failed 00000000000000ab 00000000000000cd 0 192.0.2.1",
            "passed 00000000000000ab cd 0 192.0.2.1",
            "passed 00000000000000ab - 07 192.0.2.1",
            "passed 00000000000000ab - -7 192.0.2.1",
            "lapsed 00000000000000ab - 0 192.0.2.1",
            "failed 00000000000000ab - 0 nobody",
        ] {
            assert_eq!(StoredAttempt::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(StoredAttempt::parse(b"failed \xff here"), None);
    }

    /// A server that has written most entries itself reads on until it has read those of the others.
    #[test]
    fn entries_of_this_server_count_as_read() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let heard = |read, found| {
            HeardAttempts::parse(Value::Array(vec![
                text("9-0"),
                text("1000"),
                Value::Int(read),
                Value::Array(found),
            ]))
        };
        let entry = || vec![text("400"), text("failed 00000000000000ab - 50 192.0.2.1")];
        let most = i64::try_from(AT_ONCE).expect("a small number");
        for (read, is_full) in [(most, true), (most - 1, false)] {
            let heard = heard(read, entry()).expect("an answer");
            assert_eq!((heard.is_full, heard.last.as_str()), (is_full, "9-0"));
            assert_eq!(heard.attempts[0].1, 650, "it was in the store for 600 ms, and had waited for 50");
        }
        assert!(heard(-1, vec![]).is_some_and(|heard| !heard.is_full && heard.attempts.is_empty()));
        assert!(HeardAttempts::parse(Value::Array(vec![text("9-0"), text("1000")])).is_none());
    }
}
