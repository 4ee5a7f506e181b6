//! The table of members.
//!
//! A member has joined and has not left. A member with an open stream is present. When the last stream closes, or none is
//! ever opened, [`ABSENCE`] begins; a member without any request during that time leaves. So the others do not notice a
//! reload or a gap in the Wi-Fi.
//!
//! The table knows nothing about messages.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::time::Instant;

use super::client_key::ClientKey;
use super::error::RoomError;
use super::flood::{self, Bucket};
use super::limits::{ABSENCE, MAX_MEMBERS, MEMBERS_PER_CLIENT, STREAMS_PER_MEMBER};
use super::name::Name;
pub use super::person::{MemberId, Person};
use super::ring::Position;
use super::token::{MemberToken, Secret};
use crate::folding::folded;

/// One member, with the state that only the room may see.
pub(super) struct Member<O> {
    pub(super) person: Person,
    pub(super) client: ClientKey,
    pub(super) bucket: Bucket,
    /// The caller's data about the member: its owner.
    pub(super) owner: O,
    secret: Secret,
    presence: Presence,
}

/// Whether a member is listening.
enum Presence {
    /// Has joined, but not listened yet. The first stream begins at `from`, right after the join, so that no
    /// message in between is lost.
    Expected { since: Instant, from: Position },
    /// Has streams open.
    Here { streams: NonZeroUsize },
    /// Has no stream open; `since` is the time of the latest request.
    Away { since: Instant },
}

/// All members, in the order in which they joined.
pub(super) struct Members<O> {
    by_id: BTreeMap<MemberId, Member<O>>,
    by_name: HashMap<Name, MemberId>,
    next_id: u64,
}

impl<O> Member<O> {
    /// Whether the member has the maximum number of streams.
    pub(super) fn has_enough_streams(&self) -> bool {
        matches!(self.presence, Presence::Here { streams } if streams.get() >= STREAMS_PER_MEMBER)
    }

    /// The token by which the member's client identifies itself.
    pub(super) fn token(&self) -> MemberToken {
        MemberToken::new(self.person.id, self.secret.clone())
    }

    /// Adds a stream. Returns where it begins, if it is the member's first.
    pub(super) fn stream_opened(&mut self) -> Option<Position> {
        let (streams, from) = match self.presence {
            Presence::Expected { from, .. } => (NonZeroUsize::MIN, Some(from)),
            Presence::Away { .. } => (NonZeroUsize::MIN, None),
            Presence::Here { streams } => (streams.saturating_add(1), None),
        };
        self.presence = Presence::Here { streams };
        from
    }

    /// Removes a stream.
    pub(super) fn stream_closed(&mut self, now: Instant) {
        if let Presence::Here { streams } = self.presence {
            self.presence = match NonZeroUsize::new(streams.get() - 1) {
                Some(streams) => Presence::Here { streams },
                None => Presence::Away { since: now },
            };
        }
    }

    /// Restarts the absence, after a request without a stream.
    pub(super) fn seen(&mut self, now: Instant) {
        match &mut self.presence {
            Presence::Expected { since, .. } | Presence::Away { since } => *since = now,
            Presence::Here { .. } => {}
        }
    }

    /// Like [`Member::seen`], for a poll. Returns where the response begins, if it is the member's first.
    pub(super) fn polled(&mut self, now: Instant) -> Option<Position> {
        let from = match self.presence {
            Presence::Expected { from, .. } => Some(from),
            Presence::Here { .. } => return None,
            Presence::Away { .. } => None,
        };
        self.presence = Presence::Away { since: now };
        from
    }

    fn has_expired(&self, now: Instant) -> bool {
        match self.presence {
            Presence::Expected { since, .. } | Presence::Away { since } => {
                now.saturating_duration_since(since) >= ABSENCE
            }
            Presence::Here { .. } => false,
        }
    }
}

impl<O> Members<O> {
    pub(super) fn new() -> Self {
        Self { by_id: BTreeMap::new(), by_name: HashMap::new(), next_id: 1 }
    }

    /// Adds a member, which sees events from a position on.
    pub(super) fn admit(
        &mut self,
        name: Name,
        owner: O,
        secret: Secret,
        client: ClientKey,
        from: Position,
        now: Instant,
    ) -> Result<&Member<O>, RoomError> {
        if self.by_name.contains_key(&name) {
            return Err(RoomError::NameTaken(name));
        }
        if self.by_id.len() >= MAX_MEMBERS {
            return Err(RoomError::RoomFull);
        }
        if self.by_id.values().filter(|member| member.client == client).count() >= MEMBERS_PER_CLIENT {
            return Err(RoomError::PlaceFull);
        }
        let id = MemberId(self.next_id);
        self.next_id += 1;
        self.by_name.insert(name.clone(), id);
        let presence = Presence::Expected { since: now, from };
        let bucket = Bucket::new(flood::MEMBER, now);
        let member = Member { person: Person { id, name }, client, bucket, owner, secret, presence };
        Ok(self.by_id.entry(id).or_insert(member))
    }

    /// Removes a member; the name is free at once.
    pub(super) fn remove(&mut self, id: MemberId) -> Result<Person, RoomError> {
        let member = self.by_id.remove(&id).ok_or(RoomError::NotAMember)?;
        self.by_name.remove(&member.person.name);
        Ok(member.person)
    }

    pub(super) fn get(&self, id: MemberId) -> Result<&Member<O>, RoomError> {
        self.by_id.get(&id).ok_or(RoomError::NotAMember)
    }

    pub(super) fn get_mut(&mut self, id: MemberId) -> Result<&mut Member<O>, RoomError> {
        self.by_id.get_mut(&id).ok_or(RoomError::NotAMember)
    }

    pub(super) fn contains(&self, id: MemberId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// The present member with exactly this token.
    pub(super) fn by_token(&self, token: &MemberToken) -> Option<&Member<O>> {
        self.by_id.get(&token.member()).filter(|member| member.secret.matches(token.secret()))
    }

    /// The member with this name, in any spelling.
    pub(super) fn by_name(&self, name: &str) -> Option<&Member<O>> {
        self.by_name.get(folded(name).as_str()).and_then(|id| self.by_id.get(id))
    }

    /// The members for which `stays` is false.
    pub(super) fn except(&self, stays: impl Fn(&Name, &O) -> bool) -> Vec<MemberId> {
        let goes = |member: &&Member<O>| !stays(&member.person.name, &member.owner);
        self.by_id.values().filter(goes).map(|member| member.person.id).collect()
    }

    pub(super) fn people(&self) -> impl Iterator<Item = &Person> {
        self.by_id.values().map(|member| &member.person)
    }

    /// The members that have been away for too long.
    pub(super) fn expired(&self, now: Instant) -> Vec<MemberId> {
        self.by_id.iter().filter(|(_, member)| member.has_expired(now)).map(|(&id, _)| id).collect()
    }
}
