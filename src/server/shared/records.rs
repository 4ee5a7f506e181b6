//! Sessions, tokens and links in the store, for the servers of one folder.
//!
//! ```text
//!   wharf:NAME:records:FOLDER:epoch   a random text; the store has lost everything if it is another one
//!   wharf:NAME:records:FOLDER:lines   id -> record, as a line of the records file
//!   wharf:NAME:records:FOLDER:log     the ids of the records that each change has changed, a random mark, and the number of
//!                                     records before it
//! ```
//!
//! FOLDER is a hash of the folder's id. A revision is the epoch, the id and the mark of the last entry of the log, and the number of
//! records. The store has lost data if it no longer has the entry that a server has read last, and the log was not shortened:
//!
//! - It has restarted empty, or without the log: then it gets another epoch.
//! - It has gone back to an earlier state, or is a replica that did not have the last changes: then the entry is missing. Later changes
//!   may get the same id, but not the same mark.
//! - It has evicted the records, but not the log: then their number, or that before the next change, is wrong.

use redis::{Connection, Value, cmd};

use super::address::SharedAddress;
use super::pool::{Pool, of_error};
use super::replies;
use super::scripts::script;
use crate::accounts::records::limits::{CLOCKS, FILE_LIMIT};
use crate::accounts::records::{
    ClusterChange, ClusterError, ClusterLine, ClusterNews, ClusterRecords, ClusterRevision, WallTime,
};
use crate::blocking::Blocking;
use crate::server::random;
use crate::server::store_error::StoreError;

/// How many changes the log has. A server that has missed more reads all records.
const LOG_LENGTH: usize = 4_096;

/// A change of more records than this is logged as a change of all.
const MOST_LOGGED: usize = 1_000;

/// In the log, instead of ids.
const ALL: &str = "*";

/// How long the store waits for its replica, in milliseconds.
const WAIT_MS: u32 = 100;

/// Returns the revision, the store's time in seconds, what follows, and the ids and records that have changed since another
/// revision. If the log no longer has the entry of that revision, all records follow.
///
/// Keys: the epoch, the records, the log. Arguments: the epoch of the revision, its entry, the mark of that and the number of
/// records; a new epoch; the most bytes to return.
const READ: &str = "
local function mark(entry)
  return entry and string.match(entry[2][4] or '', '^%x+$') or '0'
end
local epoch = redis.call('GET', KEYS[1])
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
if not epoch or not last then
  epoch = ARGV[5]
  redis.call('SET', KEYS[1], epoch)
  redis.call('XADD', KEYS[3], '*', 'ids', '', 'mark', epoch)
  last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
end
local function answer(kind, found)
  local revision = {epoch, last[1], mark(last), redis.call('HLEN', KEYS[2])}
  return {table.concat(revision, ' '), redis.call('TIME')[1], kind, found}
end
local function same(count)
  return tonumber(count) == tonumber(ARGV[4])
end
local function first(from, to)
  return redis.call('XRANGE', KEYS[3], from, to, 'COUNT', 1)[1]
end
local kind, found, seen, known = 'lost', {}, {}, first(ARGV[2], ARGV[2])
if ARGV[1] == '' then
  kind = 'all'
elseif epoch == ARGV[1] and known and mark(known) == ARGV[3] then
  local following = first('(' .. ARGV[2], '+')
  if following and (not following[2][6] or same(following[2][6])) then
    kind = 'some'
  elseif not following and same(redis.call('HLEN', KEYS[2])) then
    return answer('same', {})
  end
elseif epoch == ARGV[1] and not first('-', ARGV[2]) then
  kind = 'all'
end
if kind == 'some' then
  for _, entry in ipairs(redis.call('XRANGE', KEYS[3], '(' .. ARGV[2], '+')) do
    for id in string.gmatch(entry[2][2] or '', '%S+') do
      if id == '*' then kind = 'all' end
      if not seen[id] then
        seen[id] = true
        found[#found + 1] = id
        found[#found + 1] = redis.call('HGET', KEYS[2], id) or ''
      end
    end
  end
end
if kind ~= 'some' then found = redis.call('HGETALL', KEYS[2]) end
local size = 0
for _, part in ipairs(found) do size = size + #part end
if size > tonumber(ARGV[6]) then return answer('large', {}) end
return answer(kind, found)";

/// Makes a change, unless the records have another revision; returns the new last entry of the log and the number of records.
///
/// Keys: as of [`READ`]. Arguments: the epoch, the last entry and its mark; the length of the log; the ids and the mark for the log;
/// then ids and records, of which an empty one is removed.
const CHANGE: &str = "
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return {} end
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
if not last or last[1] ~= ARGV[2] then return {} end
if (string.match(last[2][4] or '', '^%x+$') or '0') ~= ARGV[3] then return {} end
local added = redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[4], '*', 'ids', ARGV[5], 'mark', ARGV[6], 'count', redis.call('HLEN', KEYS[2]))
for i = 7, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[2], ARGV[i])
  else
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
  end
end
return {added, redis.call('HLEN', KEYS[2])}";

/// The records of one folder in the store.
pub struct StoredRecords {
    pool: Pool,
    keys: [String; 3],
}

impl StoredRecords {
    /// The records of the folder with this id. This does not connect yet.
    pub fn new(address: SharedAddress, folder: &str) -> Self {
        let prefix = address.key("records", folder);
        let keys = ["epoch", "lines", "log"].map(|what| format!("{prefix}:{what}"));
        Self { pool: Pool::new(address.servers), keys }
    }

    /// Asks the primary.
    fn ask<T>(
        &self,
        disk: Blocking<'_>,
        ask: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, ClusterError> {
        let ask_primary = |connection: &mut Connection| {
            // A primary that has become a replica still answers, and its records may be old.
            self.pool.find_replica(connection)?;
            ask(connection)
        };
        self.pool.with(disk, ask_primary).map_err(|error| {
            // The idle connections may lead to a store that is a replica now.
            self.pool.close_idle();
            match &error {
                StoreError::Refused(_) => ClusterError::Refused(error.to_string()),
                StoreError::Unavailable(_) | StoreError::Unconfirmed(_) => {
                    ClusterError::Away(error.to_string())
                }
            }
        })
    }
}

impl ClusterRecords for StoredRecords {
    fn read(&self, since: Option<&ClusterRevision>, disk: Blocking<'_>) -> Result<ClusterNews, ClusterError> {
        let known = since.and_then(Revision::parse);
        let Revision { epoch, last, mark, count } = known.unwrap_or(Revision::NONE);
        let (new, most) = (random_text(), FILE_LIMIT.to_string());
        let read = script(READ, &self.keys, &[epoch, last, mark, count, &new, &most].map(str::as_bytes));
        let answer: Value =
            self.ask(disk, |connection| read.query(connection).map_err(|error| of_error(&error)))?;
        let malformed = || ClusterError::Refused("the store's answer is malformed".to_owned());
        let mut parts = replies::array(answer).into_iter();
        let mut text = || {
            let text = parts.next().and_then(replies::bytes).and_then(|text| String::from_utf8(text).ok());
            text.ok_or_else(malformed)
        };
        let (revision, time, kind) = (ClusterRevision(text()?), text()?, text()?);
        compare_clocks(WallTime::from_secs(time.parse().map_err(|_| malformed())?))?;
        let lines = parts.next().map(replies::pairs).unwrap_or_default();
        let lines = lines.into_iter().map(|(id, line)| ClusterLine { id, line }).collect();
        match &*kind {
            "same" => Ok(ClusterNews::Same),
            "some" => Ok(ClusterNews::Changed(revision, lines)),
            "all" | "lost" => Ok(ClusterNews::All { revision, lines, has_lost: kind == "lost" }),
            _ => {
                let key = &self.keys[1];
                Err(ClusterError::Refused(format!(
                    "the key {key} has more than {FILE_LIMIT} bytes (delete it)"
                )))
            }
        }
    }

    fn change(
        &self,
        from: &ClusterRevision,
        change: &[ClusterChange],
        disk: Blocking<'_>,
    ) -> Result<Option<ClusterRevision>, ClusterError> {
        let Some(Revision { epoch, last, mark, .. }) = Revision::parse(from) else { return Ok(None) };
        let ids: Vec<_> = change.iter().map(|change| change.id.as_str()).collect();
        let logged = if ids.len() > MOST_LOGGED { ALL.to_owned() } else { ids.join(" ") };
        let (new_mark, length) = (random_text(), LOG_LENGTH.to_string());
        let lines =
            change.iter().flat_map(|change| [change.id.as_str(), change.line.as_deref().unwrap_or("")]);
        let arguments = [epoch, last, mark, &length, &logged, &new_mark].into_iter().chain(lines);
        let arguments: Vec<_> = arguments.map(str::as_bytes).collect();
        let change = script(CHANGE, &self.keys, &arguments);
        let added = self.ask(disk, |connection| {
            let added: Value = change.query(connection).map_err(|error| of_error(&error))?;
            let added = replies::array(added);
            if !added.is_empty() && self.pool.has_replica() {
                let wait: Value =
                    cmd("WAIT").arg(1).arg(WAIT_MS).query(connection).map_err(|error| of_error(&error))?;
                if replies::number(&wait).is_none_or(|replicas| replicas < 1) {
                    return Err(StoreError::Unconfirmed("its replica does not confirm".to_owned()));
                }
            }
            Ok(added)
        })?;
        let mut added = added.into_iter();
        let (added, count) = (added.next().and_then(replies::stream_id), added.next());
        let added = added.zip(count.as_ref().and_then(replies::number));
        Ok(added.map(|(added, count)| ClusterRevision(format!("{epoch} {added} {new_mark} {count}"))))
    }
}

/// Fails if this machine's clock is wrong. Its server would end the sessions of all servers, or none.
fn compare_clocks(store: WallTime) -> Result<(), ClusterError> {
    let now = WallTime::now();
    let difference = now.since(store).max(store.since(now));
    if difference <= CLOCKS {
        return Ok(());
    }
    let seconds = difference.as_secs();
    Err(ClusterError::Refused(format!(
        "the clocks of this machine and of the store differ by {seconds} s (set them)"
    )))
}

/// A random number, as hexadecimal digits.
fn random_text() -> String {
    format!("{:032x}", u128::from_ne_bytes(random::bytes()))
}

/// A revision of this store, as [`READ`] returns it.
struct Revision<'r> {
    epoch: &'r str,
    /// The id of the last entry of the log, and its mark.
    last: &'r str,
    mark: &'r str,
    /// The number of records.
    count: &'r str,
}

impl<'r> Revision<'r> {
    /// That of a server that has read nothing.
    const NONE: Self = Self { epoch: "", last: "0-0", mark: "0", count: "0" };

    fn parse(ClusterRevision(text): &'r ClusterRevision) -> Option<Self> {
        let [count, mark, last, epoch] = text.rsplitn(4, ' ').collect::<Vec<_>>().try_into().ok()?;
        Some(Self { epoch, last, mark, count })
    }
}

/// Without the addresses, which may have passwords.
impl std::fmt::Debug for StoredRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredRecords").field("keys", &self.keys).finish_non_exhaustive()
    }
}
