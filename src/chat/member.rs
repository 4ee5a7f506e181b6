//! Members: who is here.
//!
//! A member has joined and has not left. Presence is a matter of streams: with one open, a member is here;
//! when the last one closes, or none is ever opened, [`ABSENCE`] runs, and whoever gives no sign of life
//! within it has left. So a reload or a gap in the Wi-Fi is no noise for the others.
//!
//! The table knows nothing of what is said.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use super::client_key::ClientKey;
use super::error::RoomError;
use super::flood::{self, Bucket};
use super::name::Name;
use super::ring::Position;
use super::token::{MemberToken, Secret};

/// Members at most: somewhat below the default limit of connections (10,000), as each member needs one, and
/// files need some.
pub const MAX_MEMBERS: usize = 8192;

/// Members with one client key at most: an eighth of all, so that no one address fills the room.
pub const MEMBERS_PER_CLIENT: usize = MAX_MEMBERS / 8;

/// Streams of one member at most: a window each. More are not one person's, and streams are what there is few of.
pub const STREAMS_PER_MEMBER: usize = 16;

/// How long a member may be without a stream: longer than a reload, a Wi-Fi gap, or a client's tries to
/// come back.
pub const ABSENCE: Duration = Duration::from_secs(30);

/// A member's number. Given once: whoever joins again, under whatever name, is another member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub(super) u64);

/// A member as the others know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Which member.
    pub id: MemberId,
    /// What they are called.
    pub name: Name,
}

/// One member, with what only the room may know.
pub(super) struct Member {
    pub(super) person: Person,
    pub(super) client: ClientKey,
    pub(super) bucket: Bucket,
    secret: Secret,
    presence: Presence,
}

/// Whether a member is listening.
enum Presence {
    /// Has joined, and not listened yet. The first stream begins at `from`, right after the join, so that
    /// what was said to them in between is not lost.
    Expected { since: Instant, from: Position },
    /// Has streams open.
    Here { streams: NonZeroUsize },
    /// Has none open any more; `since` is the latest sign of life.
    Away { since: Instant },
}

/// All members, in the order in which they joined.
pub(super) struct Members {
    by_id: BTreeMap<MemberId, Member>,
    by_name: HashMap<Name, MemberId>,
    next_id: u64,
}

impl Member {
    /// Whether it has as many streams as one member may have.
    pub(super) fn has_enough_streams(&self) -> bool {
        matches!(self.presence, Presence::Here { streams } if streams.get() >= STREAMS_PER_MEMBER)
    }

    /// One stream more. Gives where it begins, if it is the first that was ever opened.
    pub(super) fn stream_opened(&mut self) -> Option<Position> {
        let (streams, from) = match self.presence {
            Presence::Expected { from, .. } => (NonZeroUsize::MIN, Some(from)),
            Presence::Away { .. } => (NonZeroUsize::MIN, None),
            Presence::Here { streams } => (streams.saturating_add(1), None),
        };
        self.presence = Presence::Here { streams };
        from
    }

    /// One stream less.
    pub(super) fn stream_closed(&mut self, now: Instant) {
        if let Presence::Here { streams } = self.presence {
            self.presence = match NonZeroUsize::new(streams.get() - 1) {
                Some(streams) => Presence::Here { streams },
                None => Presence::Away { since: now },
            };
        }
    }

    /// A sign of life without a stream: the time of absence begins anew.
    pub(super) fn seen(&mut self, now: Instant) {
        match &mut self.presence {
            Presence::Expected { since, .. } | Presence::Away { since } => *since = now,
            Presence::Here { .. } => {}
        }
    }

    /// As [`Member::seen`], by asking what is new. Gives where the answer begins, if it is the first one
    /// asked for.
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

impl Members {
    pub(super) fn new() -> Self {
        Self { by_id: BTreeMap::new(), by_name: HashMap::new(), next_id: 1 }
    }

    /// Lets someone in, to hear what comes from a position on.
    pub(super) fn admit(
        &mut self,
        name: Name,
        secret: Secret,
        client: ClientKey,
        from: Position,
        now: Instant,
    ) -> Result<&Member, RoomError> {
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
        let member = Member { person: Person { id, name }, client, bucket, secret, presence };
        Ok(self.by_id.entry(id).or_insert(member))
    }

    /// Lets someone go; the name is free at once.
    pub(super) fn remove(&mut self, id: MemberId) -> Result<Person, RoomError> {
        let member = self.by_id.remove(&id).ok_or(RoomError::NotAMember)?;
        self.by_name.remove(&member.person.name);
        Ok(member.person)
    }

    pub(super) fn get(&self, id: MemberId) -> Result<&Member, RoomError> {
        self.by_id.get(&id).ok_or(RoomError::NotAMember)
    }

    pub(super) fn get_mut(&mut self, id: MemberId) -> Result<&mut Member, RoomError> {
        self.by_id.get_mut(&id).ok_or(RoomError::NotAMember)
    }

    pub(super) fn contains(&self, id: MemberId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Who shows this token, if they are here and it is theirs.
    pub(super) fn by_token(&self, token: &MemberToken) -> Option<&Person> {
        let member = self.by_id.get(&token.member())?;
        member.secret.matches(token.secret()).then_some(&member.person)
    }

    /// Who is called so. A text that cannot be a name is nobody's.
    pub(super) fn by_name(&self, name: &str) -> Result<&Person, RoomError> {
        let id = Name::new(name).ok().and_then(|name| self.by_name.get(&name));
        let member = id.and_then(|id| self.by_id.get(id)).ok_or(RoomError::NoSuchUser)?;
        Ok(&member.person)
    }

    pub(super) fn people(&self) -> impl Iterator<Item = &Person> {
        self.by_id.values().map(|member| &member.person)
    }

    /// Who has been away for too long.
    pub(super) fn expired(&self, now: Instant) -> Vec<MemberId> {
        self.by_id.iter().filter(|(_, member)| member.has_expired(now)).map(|(&id, _)| id).collect()
    }
}
