//! The table of members.
//!
//! A member has joined and has not left. A member with an open stream is present. When the last stream closes, or none is
//! ever opened, [`ABSENCE`] begins; a member without any request during that time leaves. So the others do not notice a
//! reload or a gap in the Wi-Fi.
//!
//! The table knows nothing about messages.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::time::Instant;

use super::client_key::ClientKey;
use super::error::RoomError;
use super::flood::{self, Bucket};
use super::limits::{ABSENCE, MAX_MEMBERS, MEMBERS_PER_CLIENT, STREAMS_PER_MEMBER};
use super::name::Name;
pub use super::person::{MemberId, Person};
use super::ring::Position;
use super::shared::record::TokenHash;
use super::token::{MemberToken, Secret};
use crate::folding::folded;

/// One member, with the state that only the room may see.
pub(super) struct Member<O> {
    pub(super) person: Person,
    /// `None` for a member that has joined at another server, and has sent no message to this one.
    pub(super) client: Option<ClientKey>,
    pub(super) bucket: Bucket,
    proof: Proof<O>,
    presence: Presence,
}

/// How a member proves who it is.
enum Proof<O> {
    /// By this secret. The caller's data about the member: its owner.
    Secret(Secret, O),
    /// By a token of which another server, or this one, has stored the hash. `None` until a request of the member was
    /// checked.
    Hashes(Option<Checked<O>>),
}

/// The tokens of a member that were checked, and its owner.
struct Checked<O> {
    hashes: VecDeque<TokenHash>,
    owner: O,
}

/// How many tokens of one member are remembered as checked: one for each device. Others are checked again.
const CHECKED_TOKENS: usize = 8;

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

    /// The member's owner, if this server knows it.
    pub(super) fn owner(&self) -> Option<&O> {
        match &self.proof {
            Proof::Secret(_, owner) => Some(owner),
            Proof::Hashes(checked) => checked.as_ref().map(|checked| &checked.owner),
        }
    }

    /// The token by which the member's client identifies itself, if this server has made it.
    pub(super) fn token(&self) -> Option<MemberToken> {
        match &self.proof {
            Proof::Secret(secret, _) => Some(MemberToken::new(self.person.id, secret.clone())),
            Proof::Hashes(_) => None,
        }
    }

    /// Remembers that a token is the member's.
    pub(super) fn accept(&mut self, hash: TokenHash, owner: O) {
        let known = match &mut self.proof {
            Proof::Secret(..) => return,
            Proof::Hashes(checked) => checked.take().map(|checked| checked.hashes),
        };
        let mut hashes = known.unwrap_or_default();
        hashes.retain(|known| *known != hash);
        hashes.push_back(hash);
        if hashes.len() > CHECKED_TOKENS {
            hashes.pop_front();
        }
        self.proof = Proof::Hashes(Some(Checked { hashes, owner }));
    }

    /// The owner, and the tokens that were checked.
    pub(super) fn checked(&self) -> Option<(&O, Vec<TokenHash>)> {
        match &self.proof {
            Proof::Secret(..) | Proof::Hashes(None) => None,
            Proof::Hashes(Some(checked)) => Some((&checked.owner, checked.hashes.iter().copied().collect())),
        }
    }

    /// Whether the token is the member's, as far as this server knows.
    fn has(&self, token: &MemberToken) -> bool {
        match &self.proof {
            Proof::Secret(secret, _) => secret.matches(token.secret()),
            Proof::Hashes(Some(checked)) => checked.hashes.contains(&TokenHash::of(token)),
            Proof::Hashes(None) => false,
        }
    }

    /// Whether a stream of the member is open at this server.
    pub(super) fn is_listening(&self) -> bool {
        matches!(self.presence, Presence::Here { .. })
    }

    /// Lets the first stream begin at a position, if there was none yet.
    pub(super) fn expect_from(&mut self, position: Position) {
        if let Presence::Expected { from, .. } = &mut self.presence {
            *from = position;
        }
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
        if self.is_crowded(client) {
            return Err(RoomError::PlaceFull);
        }
        let person = Person { id: MemberId(self.next_id), name };
        self.next_id += 1;
        let proof = Proof::Secret(secret, owner);
        Ok(self.insert(person, Some(client), proof, Presence::Expected { since: now, from }, now))
    }

    /// Whether there are [`MEMBERS_PER_CLIENT`] members from this client.
    pub(super) fn is_crowded(&self, client: ClientKey) -> bool {
        self.by_id.values().filter(|member| member.client == Some(client)).count() >= MEMBERS_PER_CLIENT
    }

    /// Adds a member that a stream names, or finds it. `None` if there are far too many.
    pub(super) fn admit_known(
        &mut self,
        person: &Person,
        from: Position,
        now: Instant,
    ) -> Option<&mut Member<O>> {
        if !self.by_id.contains_key(&person.id) {
            if self.by_id.len() >= 2 * MAX_MEMBERS {
                return None;
            }
            let presence = Presence::Expected { since: now, from };
            self.insert(person.clone(), None, Proof::Hashes(None), presence, now);
        }
        self.by_id.get_mut(&person.id)
    }

    fn insert(
        &mut self,
        person: Person,
        client: Option<ClientKey>,
        proof: Proof<O>,
        presence: Presence,
        now: Instant,
    ) -> &Member<O> {
        let id = person.id;
        self.by_name.insert(person.name.clone(), id);
        let bucket = Bucket::new(flood::MEMBER, now);
        self.by_id.entry(id).or_insert(Member { person, client, bucket, proof, presence })
    }

    /// Removes a member; the name is free at once.
    pub(super) fn remove(&mut self, id: MemberId) -> Result<Person, RoomError> {
        let member = self.by_id.remove(&id).ok_or(RoomError::NotAMember)?;
        // With a stream, the next member of this name may be known already.
        if self.by_name.get(&member.person.name) == Some(&id) {
            self.by_name.remove(&member.person.name);
        }
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
        self.by_id.get(&token.member()).filter(|member| member.has(token))
    }

    /// The member with this name, in any spelling.
    pub(super) fn by_name(&self, name: &str) -> Option<&Member<O>> {
        self.by_name.get(folded(name).as_str()).and_then(|id| self.by_id.get(id))
    }

    /// The members whose owners are known, and for which `stays` is false.
    pub(super) fn except(&self, stays: impl Fn(&Name, &O) -> bool) -> Vec<MemberId> {
        let goes =
            |member: &&Member<O>| member.owner().is_some_and(|owner| !stays(&member.person.name, owner));
        self.by_id.values().filter(goes).map(|member| member.person.id).collect()
    }

    pub(super) fn people(&self) -> impl Iterator<Item = &Person> {
        self.by_id.values().map(|member| &member.person)
    }

    /// The members with a stream at this server.
    pub(super) fn listening(&self) -> impl Iterator<Item = &Person> {
        self.by_id.values().filter(|member| member.is_listening()).map(|member| &member.person)
    }

    /// The members that have been away for too long.
    pub(super) fn expired(&self, now: Instant) -> Vec<MemberId> {
        self.by_id.iter().filter(|(_, member)| member.has_expired(now)).map(|(&id, _)| id).collect()
    }
}
