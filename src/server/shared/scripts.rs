//! Scripts, for what must not be done in part: another server could act in between, or this one could end.

use redis::{Cmd, cmd};

/// Adds a member, if the name is free: its name, number, token and event.
///
/// Keys: the name, the members, the tokens, the stream. Arguments: the number, the record, the hash of the token, the
/// largest number of members, the seconds that the name lasts, the length of the stream, the fields of the event.
pub(super) const JOIN: &str = "
if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[4]) then return {'full'} end
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[5]) then
  local number = redis.call('GET', KEYS[1])
  return {'taken', number, redis.call('HGET', KEYS[2], number) or ''}
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('SADD', KEYS[3], ARGV[3])
return {'joined', redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[6], '*', unpack(ARGV, 7))}";

/// Adds a token of a member that is in the room. If the member has too many, others are removed.
///
/// Keys: the members, the tokens. Arguments: the number, the hash of the token, the largest number of tokens.
pub(super) const ADD_TOKEN: &str = "
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
local excess = redis.call('SCARD', KEYS[2]) + 1 - tonumber(ARGV[3])
if excess > 0 then redis.call('SPOP', KEYS[2], excess) end
redis.call('SADD', KEYS[2], ARGV[2])
return 1";

/// Removes a member; only one of the servers that try announces it.
///
/// Keys: as of [`JOIN`]. Arguments: the number, [`LAPSED`] if only a member without a name leaves, the length of the stream, the
/// fields of the event.
pub(super) const LEAVE: &str = "
if redis.call('GET', KEYS[1]) == ARGV[1] then
  if ARGV[2] == 'lapsed' then return 'here' end
  redis.call('DEL', KEYS[1])
end
redis.call('DEL', KEYS[3])
if redis.call('HDEL', KEYS[2], ARGV[1]) == 0 then return 'gone' end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, 4))
return 'left'";

/// The argument of [`LEAVE`] for a member whose name no server has renewed.
pub(super) const LAPSED: &str = "lapsed";

/// Renews names, and takes them again if they have expired while the store was unavailable.
///
/// Keys: the members, then the names. Arguments: the seconds that a name lasts, then the numbers.
pub(super) const RENEW: &str = "
for i = 2, #KEYS do
  local holder = redis.call('GET', KEYS[i])
  if holder == ARGV[i] then
    redis.call('EXPIRE', KEYS[i], ARGV[1])
  elseif not holder and redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    redis.call('SET', KEYS[i], ARGV[i], 'EX', ARGV[1])
  end
end
return #KEYS";

/// The entries after an entry, what became of that entry, the oldest entry, and the epoch. Of a large entry, it returns only
/// the size.
///
/// Keys: the stream, the epoch. Arguments: the entry, how many entries are wanted, the size from which an entry is large.
pub(super) const READ: &str = "
local entries, after = {}, ARGV[1]
while #entries < tonumber(ARGV[2]) do
  local read = redis.call('XREAD', 'COUNT', 1, 'STREAMS', KEYS[1], after)
  if not read then break end
  local id, fields, size = read[1][2][1][1], read[1][2][1][2], 0
  for _, part in ipairs(fields) do size = size + #part end
  entries[#entries + 1] = {id, size > tonumber(ARGV[3]) and size or fields}
  after = id
end
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
return {entries, #found, oldest[1] and oldest[1][1] or '', redis.call('GET', KEYS[2]) or ''}";

/// Replaces the epoch, unless another server has done so.
///
/// Key: the epoch. Arguments: the old epoch, or nothing, and the new one.
pub(super) const RENEW_EPOCH: &str = "
if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end
return 1";

/// Gives an empty stream a beginning: then all that follows has an entry before it.
///
/// Key: the stream.
pub(super) const BEGIN: &str = "
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('XADD', KEYS[1], '*', 'kind', 'begin') end
return 1";

/// A command that runs a script.
pub(super) fn script(text: &str, keys: &[String], arguments: &[&[u8]]) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(text).arg(keys.len()).arg(keys).arg(arguments);
    command
}
