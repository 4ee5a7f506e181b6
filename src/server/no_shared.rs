//! A build without shared rooms: each server has its own.

use std::time::Duration;

#[cfg(feature = "accounts")]
use crate::accounts::attempts::{AttemptResult, GuessHash};
#[cfg(feature = "accounts")]
use crate::accounts::records::{ClusterChange, ClusterError, ClusterNews, ClusterRecords, ClusterRevision};
use crate::blocking::Blocking;
use crate::chat::epoch::Epoch;
use crate::chat::event::EventKind;
use crate::chat::member::{MemberId, Person};
use crate::chat::shared::entry::ReadEntry;
use crate::chat::shared::record::TokenHash;
use crate::chat::shared::walk::{Batch, StreamWalk};
use crate::chat::stream_id::StreamId;
#[cfg(feature = "accounts")]
use crate::server::client_key::ClientKey;
use crate::server::store_error::StoreError;

/// No address.
#[derive(Debug, Clone, Copy)]
pub enum SharedAddress {}

/// No store.
#[derive(Debug)]
pub(super) enum SharedStore {}

/// No connection.
#[derive(Debug)]
pub(super) enum StreamReader<'s> {
    #[allow(dead_code, reason = "there is no store")]
    Never(&'s SharedStore, std::convert::Infallible),
}

/// Nothing waits.
#[derive(Debug)]
pub(super) struct Unsent {
    pub notices: std::collections::VecDeque<EventKind>,
    pub dropped: u64,
    pub leaving: std::collections::BTreeMap<MemberId, Person>,
    pub seen: std::collections::HashMap<MemberId, Person>,
}

/// A member in a store.
#[derive(Debug, Clone)]
pub(super) struct StoredMember {
    pub person: Person,
    pub account: Option<String>,
    pub tokens: Vec<TokenHash>,
}

/// The result of joining.
#[derive(Debug)]
#[allow(dead_code, reason = "nobody joins")]
pub(super) enum Joined {
    Yes,
    Taken(Option<StoredMember>),
    Full,
}

impl SharedStore {
    pub(super) fn open(address: SharedAddress, _: Blocking<'_>) -> Result<Self, StoreError> {
        match address {}
    }

    pub(super) fn is_paused(&self) -> bool {
        match *self {}
    }

    pub(super) fn was_tried(&self) -> bool {
        match *self {}
    }

    pub(super) fn pause(&self) -> bool {
        match *self {}
    }

    pub(super) fn resume(&self) -> bool {
        match *self {}
    }

    pub(super) fn announce(&self, _: EventKind) {
        match *self {}
    }

    pub(super) fn leave_later(&self, _: Person) {
        match *self {}
    }

    pub(super) fn has_seen(&self, _: &Person) {
        match *self {}
    }

    pub(super) fn wait(&self, _: Duration) -> Option<Unsent> {
        match *self {}
    }

    pub(super) fn pass(&self, _: Duration) -> bool {
        match *self {}
    }

    pub(super) fn put_back(&self, _: Unsent) {
        match *self {}
    }

    pub(super) fn end(&self) {
        match *self {}
    }

    pub(super) fn has_ended(&self) -> bool {
        match *self {}
    }

    pub(super) fn complain(&self, _: &StoreError) {
        match *self {}
    }

    pub(super) fn reader(&self, _: Blocking<'_>) -> Result<StreamReader<'_>, StoreError> {
        match *self {}
    }

    pub(super) fn join(&self, _: &StoredMember, _: Blocking<'_>) -> Result<Joined, StoreError> {
        match *self {}
    }

    pub(super) fn add_token(&self, _: &Person, _: TokenHash, _: Blocking<'_>) -> Result<bool, StoreError> {
        match *self {}
    }

    pub(super) fn member(
        &self,
        _: MemberId,
        _: TokenHash,
        _: Blocking<'_>,
    ) -> Result<Option<StoredMember>, StoreError> {
        match *self {}
    }

    pub(super) fn leave(&self, _: &Person, _: Blocking<'_>) -> Result<(), StoreError> {
        match *self {}
    }

    pub(super) fn leave_if_lapsed(&self, _: &Person, _: Blocking<'_>) -> Result<bool, StoreError> {
        match *self {}
    }

    pub(super) fn say(&self, _: EventKind, _: Blocking<'_>) -> Result<StreamId, StoreError> {
        match *self {}
    }

    pub(super) fn tell(&self, _: &EventKind, _: Blocking<'_>) -> Result<(), StoreError> {
        match *self {}
    }

    pub(super) fn renew_names(&self, _: &[Person], _: Blocking<'_>) -> Result<(), StoreError> {
        match *self {}
    }

    pub(super) fn without_names(&self, _: &[Person], _: Blocking<'_>) -> Result<Vec<Person>, StoreError> {
        match *self {}
    }

    pub(super) fn look(&self, _: Blocking<'_>) -> Result<(), StoreError> {
        match *self {}
    }
}

impl StreamReader<'_> {
    pub(super) fn read(
        &mut self,
        _: &StreamWalk<ReadEntry>,
        _: Blocking<'_>,
    ) -> Result<Batch<ReadEntry>, StoreError> {
        match *self {
            Self::Never(_, never) => match never {},
        }
    }

    pub(super) fn renew(&mut self, _: Option<Epoch>, _: Blocking<'_>) -> Result<(), StoreError> {
        match *self {
            Self::Never(_, never) => match never {},
        }
    }

    pub(super) fn begin(&mut self, _: Blocking<'_>) -> Result<(), StoreError> {
        match *self {
            Self::Never(_, never) => match never {},
        }
    }

    pub(super) fn members(&mut self, _: Blocking<'_>) -> Result<Vec<StoredMember>, StoreError> {
        match *self {
            Self::Never(_, never) => match never {},
        }
    }

    pub(super) fn fill(&mut self, _: &mut StoredMember, _: Blocking<'_>) -> Result<(), StoreError> {
        match *self {
            Self::Never(_, never) => match never {},
        }
    }
}

/// No records.
#[cfg(feature = "accounts")]
#[derive(Debug)]
pub enum StoredRecords {}

#[cfg(feature = "accounts")]
#[allow(missing_docs)]
impl StoredRecords {
    pub fn new(address: SharedAddress, _: &str) -> Self {
        match address {}
    }
}

#[cfg(feature = "accounts")]
impl ClusterRecords for StoredRecords {
    fn read(&self, _: Option<&ClusterRevision>, _: Blocking<'_>) -> Result<ClusterNews, ClusterError> {
        match *self {}
    }

    fn change(
        &self,
        _: &ClusterRevision,
        _: &[ClusterChange],
        _: Blocking<'_>,
    ) -> Result<Option<ClusterRevision>, ClusterError> {
        match *self {}
    }
}

/// No attempts.
#[cfg(feature = "accounts")]
#[derive(Debug)]
pub enum StoredAttempts {}

/// An attempt, which no other server hears of.
#[cfg(feature = "accounts")]
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredAttempt {
    pub client: ClientKey,
    pub guess: GuessHash,
    pub result: AttemptResult,
}

/// Nothing is heard.
#[cfg(feature = "accounts")]
#[derive(Debug)]
pub(super) struct HeardAttempts {
    pub attempts: Vec<(StoredAttempt, u64)>,
    pub last: String,
    pub is_full: bool,
}

#[cfg(feature = "accounts")]
#[allow(missing_docs)]
impl StoredAttempts {
    pub fn new(address: SharedAddress, _: &str) -> Self {
        match address {}
    }

    pub(super) fn hash_key(&self) -> [u8; 32] {
        match *self {}
    }

    pub(super) fn send(&self, _: &[(StoredAttempt, Duration)], _: Blocking<'_>) -> Result<(), StoreError> {
        match *self {}
    }

    pub(super) fn read(&self, _: &str, _: Blocking<'_>) -> Result<HeardAttempts, StoreError> {
        match *self {}
    }
}
