//! Members and messages in the store.

use redis::{Connection, Value, cmd};

use super::pool::of_error;
use super::replies;
use super::scripts::{self, script};
use super::store::SharedStore;
use crate::blocking::Blocking;
use crate::chat::event::EventKind;
use crate::chat::limits::{MAX_MEMBERS, RING_EVENTS};
use crate::chat::member::{MemberId, Person};
use crate::chat::shared::entry::{EntryFields, StreamEntry};
use crate::chat::shared::record::{MemberRecord, TokenHash};
use crate::chat::stream_id::StreamId;
use crate::server::store_error::StoreError;

/// How long a name lasts that no server renews, in seconds: each server renews the names of its members every 15 seconds.
const NAME_SECONDS: u32 = 45;

/// How long the store waits for its replica, in milliseconds.
const WAIT_MS: u32 = 100;

/// How many tokens a member has, one for each device. A device whose token was removed joins again.
const MOST_TOKENS: usize = 64;

/// How many names are renewed or looked at with one command.
const AT_ONCE: usize = 256;

/// The result of joining.
#[derive(Debug)]
pub(in crate::server) enum Joined {
    /// The member is in the room.
    Yes,
    /// Another member has the name, unless it is about to leave.
    Taken(Option<StoredMember>),
    /// The room has too many members.
    Full,
}

/// A member in the store.
#[derive(Debug, Clone)]
pub(in crate::server) struct StoredMember {
    pub person: Person,
    pub account: Option<String>,
    /// The hashes of its tokens, or some of them.
    pub tokens: Vec<TokenHash>,
}

impl StoredMember {
    pub(super) fn take_tokens(&mut self, answer: Value) {
        let hashes = replies::array(answer).into_iter().filter_map(replies::bytes);
        self.tokens = hashes.filter_map(|text| TokenHash::parse(&text)).collect();
    }

    fn record(&self) -> MemberRecord {
        MemberRecord { name: self.person.name.clone(), account: self.account.clone() }
    }
}

/// A member, by what the store has; `None` for foreign data.
pub(super) fn stored_member(number: &[u8], record: &[u8]) -> Option<StoredMember> {
    let id = MemberId::parse(std::str::from_utf8(number).ok()?)?;
    let MemberRecord { name, account } = MemberRecord::parse(record)?;
    Some(StoredMember { person: Person { id, name }, account, tokens: Vec::new() })
}

impl SharedStore {
    /// Adds a member with its first token, and announces it.
    pub(in crate::server) fn join(
        &self,
        member: &StoredMember,
        disk: Blocking<'_>,
    ) -> Result<Joined, StoreError> {
        let (person, record) = (&member.person, member.record());
        let fields = StreamEntry::join(person.id, &record).to_fields();
        let (number, most) = (person.id.to_string(), MAX_MEMBERS.to_string());
        let (record, lasts, length) = (record.to_text(), NAME_SECONDS.to_string(), RING_EVENTS.to_string());
        let token = member.tokens.first().map(|token| token.to_text()).unwrap_or_default();
        let mut arguments = vec![&number, &record, &token, &most, &lasts, &length].into_iter();
        let arguments: Vec<&[u8]> = arguments.by_ref().map(String::as_bytes).chain(flat(&fields)).collect();
        let join = script(scripts::JOIN, &self.keys_of(person), &arguments);
        let answer =
            self.ask(disk, |connection| join.query::<Value>(connection).map_err(|error| of_error(&error)))?;
        let mut parts = replies::array(answer).into_iter().filter_map(replies::bytes);
        match parts.next().as_deref() {
            Some(b"joined") => {
                for token in member.tokens.iter().skip(1) {
                    self.add_token(person, *token, disk)?;
                }
                Ok(Joined::Yes)
            }
            Some(b"full") => Ok(Joined::Full),
            Some(b"taken") => {
                let (number, record) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                Ok(Joined::Taken(stored_member(&number, &record)))
            }
            _ => Err(StoreError::Refused("its answer to a join is malformed".into())),
        }
    }

    /// Adds a token of a member, for another device. Returns whether the member is in the room.
    pub(in crate::server) fn add_token(
        &self,
        person: &Person,
        token: TokenHash,
        disk: Blocking<'_>,
    ) -> Result<bool, StoreError> {
        let arguments = [person.id.to_string(), token.to_text(), MOST_TOKENS.to_string()];
        let keys = [self.keys.members(), self.keys.tokens(person)];
        let add = script(scripts::ADD_TOKEN, &keys, &arguments.each_ref().map(String::as_bytes));
        let added: Value =
            self.ask(disk, |connection| add.query(connection).map_err(|error| of_error(&error)))?;
        Ok(replies::number(&added) == Some(1))
    }

    /// The member of this number, if the token is its own.
    pub(in crate::server) fn member(
        &self,
        id: MemberId,
        token: TokenHash,
        disk: Blocking<'_>,
    ) -> Result<Option<StoredMember>, StoreError> {
        let number = id.to_string();
        let (tokens, members) = (self.keys.of(format_args!("tokens:{number}")), self.keys.members());
        let answer: Vec<Value> = self.ask(disk, |connection| {
            let mut asked = redis::pipe();
            asked.cmd("SISMEMBER").arg(tokens).arg(token.to_text()).cmd("HGET").arg(members).arg(&number);
            asked.query(connection).map_err(|error| of_error(&error))
        })?;
        let mut answer = answer.into_iter();
        let has_token = answer.next().and_then(|has| replies::number(&has)) == Some(1);
        let record = answer.next().and_then(replies::bytes).filter(|_| has_token);
        let member = record.and_then(|record| stored_member(number.as_bytes(), &record));
        Ok(member.map(|member| StoredMember { tokens: vec![token], ..member }))
    }

    /// Removes a member and announces it.
    pub(in crate::server) fn leave(&self, person: &Person, disk: Blocking<'_>) -> Result<(), StoreError> {
        self.remove(person, "leaves", disk).map(drop)
    }

    /// Removes a member and announces it, if its name has expired. Returns whether the member is gone.
    pub(in crate::server) fn leave_if_lapsed(
        &self,
        person: &Person,
        disk: Blocking<'_>,
    ) -> Result<bool, StoreError> {
        let answer = self.remove(person, scripts::LAPSED, disk)?;
        Ok(replies::bytes(answer).as_deref() != Some(b"here"))
    }

    fn remove(&self, person: &Person, why: &str, disk: Blocking<'_>) -> Result<Value, StoreError> {
        let fields = StreamEntry::of(EventKind::Leave { who: person.clone() }).to_fields();
        let (number, length) = (person.id.to_string(), RING_EVENTS.to_string());
        let first = [&*number, why, &*length].into_iter().map(str::as_bytes);
        let arguments: Vec<&[u8]> = first.chain(flat(&fields)).collect();
        let leave = script(scripts::LEAVE, &self.keys_of(person), &arguments);
        self.ask(disk, |connection| leave.query(connection).map_err(|error| of_error(&error)))
    }

    /// Adds a message to the stream. If the store has a replica, the message is there too.
    pub(in crate::server) fn say(&self, kind: EventKind, disk: Blocking<'_>) -> Result<StreamId, StoreError> {
        let fields = StreamEntry::of(kind).to_fields();
        let (id, confirmed) = self.ask(disk, |connection| {
            let id = self.add(&fields, connection)?;
            let confirmed = !self.pool.has_replica() || {
                let wait: Value =
                    cmd("WAIT").arg(1).arg(WAIT_MS).query(connection).map_err(|error| of_error(&error))?;
                replies::number(&wait).is_some_and(|replicas| replicas > 0)
            };
            Ok((id, confirmed))
        })?;
        if !confirmed {
            // The replica may be gone for good: then nobody waits for it any longer.
            let _ = self.look(disk);
            return Err(StoreError::Unconfirmed("its replica does not confirm".into()));
        }
        Ok(id)
    }

    /// Adds what was done to a file to the stream.
    pub(in crate::server) fn tell(&self, kind: &EventKind, disk: Blocking<'_>) -> Result<(), StoreError> {
        let fields = StreamEntry::of(kind.clone()).to_fields();
        self.ask(disk, |connection| self.add(&fields, connection)).map(drop)
    }

    /// Renews the names of these members.
    pub(in crate::server) fn renew_names(
        &self,
        people: &[Person],
        disk: Blocking<'_>,
    ) -> Result<(), StoreError> {
        for some in people.chunks(AT_ONCE) {
            let names = some.iter().map(|person| self.keys.name(person));
            let keys: Vec<_> = [self.keys.members()].into_iter().chain(names).collect();
            let numbers = some.iter().map(|person| person.id.to_string());
            let numbers: Vec<_> = [NAME_SECONDS.to_string()].into_iter().chain(numbers).collect();
            let arguments: Vec<&[u8]> = numbers.iter().map(String::as_bytes).collect();
            let renew = script(scripts::RENEW, &keys, &arguments);
            self.ask(disk, |connection| renew.query::<Value>(connection).map_err(|error| of_error(&error)))?;
        }
        Ok(())
    }

    /// The members that have lost their names.
    pub(in crate::server) fn without_names(
        &self,
        people: &[Person],
        disk: Blocking<'_>,
    ) -> Result<Vec<Person>, StoreError> {
        let mut lost = Vec::new();
        for some in people.chunks(AT_ONCE) {
            let keys: Vec<_> = some.iter().map(|person| self.keys.name(person)).collect();
            let holders: Value = self.ask(disk, |connection| {
                cmd("MGET").arg(&keys).query(connection).map_err(|error| of_error(&error))
            })?;
            for (person, holder) in some.iter().zip(replies::array(holders)) {
                if replies::bytes(holder) != Some(person.id.to_string().into_bytes()) {
                    lost.push(person.clone());
                }
            }
        }
        Ok(lost)
    }

    /// Asks again whether the store has a replica.
    pub(in crate::server) fn look(&self, disk: Blocking<'_>) -> Result<(), StoreError> {
        self.pool.look(disk).inspect_err(|_| self.doubt())
    }

    fn add(&self, fields: &EntryFields, connection: &mut Connection) -> Result<StreamId, StoreError> {
        let mut add = cmd("XADD");
        add.arg(self.keys.stream()).arg("MAXLEN").arg("~").arg(RING_EVENTS).arg("*");
        for (name, value) in fields {
            add.arg(name).arg(value);
        }
        let id: Value = add.query(connection).map_err(|error| of_error(&error))?;
        replies::stream_id(id).ok_or_else(|| StoreError::Unconfirmed("its answer is not an id".into()))
    }

    /// Asks over a connection of the pool. After a refusal, the reader connects again: the store may be a replica now.
    fn ask<T>(
        &self,
        disk: Blocking<'_>,
        ask: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.pool.with(disk, ask).inspect_err(|error| {
            if matches!(error, StoreError::Refused(why) if why.starts_with("READONLY")) {
                self.doubt();
            }
        })
    }

    fn keys_of(&self, person: &Person) -> [String; 4] {
        [self.keys.name(person), self.keys.members(), self.keys.tokens(person), self.keys.stream()]
    }
}

fn flat(fields: &EntryFields) -> impl Iterator<Item = &[u8]> {
    fields.iter().flat_map(|(name, value)| [name.as_bytes(), value])
}
