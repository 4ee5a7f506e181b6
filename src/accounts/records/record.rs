//! A record: a session, a token or a link.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::id::RecordId;
use super::limits::{CLOCK_SLACK, KEPT, SESSION_IDLE, SESSION_LIFE, TOUCH_INTERVAL};
use super::secret::{SecretDigest, SecretUse};
use super::time::WallTime;
use super::token_name::TokenName;
use super::unusable::Unusable;
use super::version::UserVersion;
use crate::access::Rights;
use crate::accounts::file::UserLine;
use crate::accounts::name::UserName;
use crate::accounts::password::PasswordHash;
use crate::path::SharePath;

/// A session, a token or a link. What it may do depends on its user too: see [`Record::is_of`].
#[derive(Clone, Debug)]
pub struct Record {
    /// The public id.
    pub id: RecordId,
    /// The user that it acts for, or that has given the link.
    pub user: UserName,
    /// When it was made.
    pub created: WallTime,
    /// From then on, it opens nothing.
    pub expires: WallTime,
    /// What it is.
    pub purpose: Purpose,
    /// How it ended, of a link or token that is only kept for lists and for the link's page.
    pub end: Option<RecordEnd>,
    pub(super) digest: SecretDigest,
    pub(super) version: UserVersion,
    /// What was noticed since the record was read.
    pub(super) notes: RecordNotes,
}

/// What a record is.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// The session of a user, with all of their rights.
    Session {
        /// When it was last used, as far as the file says; [`Record::last_used`] is newer.
        last_used: WallTime,
    },
    /// The session that a use of a link has started. It has what the link had.
    Visit {
        /// The link.
        link: RecordId,
        /// Where it leads, and with which rights.
        scope: RecordScope,
        /// Whether it only takes files.
        is_drop: bool,
    },
    /// A token.
    Token {
        /// The name that its user has given it. No other token of this user has it.
        name: TokenName,
        /// Where it leads, and with which rights.
        scope: RecordScope,
    },
    /// A link.
    Link {
        /// Where it leads, and with which rights.
        scope: RecordScope,
        /// How often it can still be used; `None` for any number of times.
        uses_left: Option<u32>,
        /// Whether it only takes files.
        is_drop: bool,
        /// The hash of its password.
        password: Option<PasswordHash>,
    },
}

/// A part of what a user may do. They may have fewer rights there by now: both have to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordScope {
    /// The folder or file.
    pub path: SharePath,
    /// The rights.
    pub rights: Rights,
}

/// How and when a link or token ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordEnd {
    /// When that was noticed.
    pub at: WallTime,
    /// Whether it was revoked; else it has expired.
    pub is_revoked: bool,
}

/// A session to be started.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewSession {
    /// The session that the same browser had before the login. It ends.
    pub replaces: Option<RecordId>,
    /// Whether many people are this user, with one password. Then the user may have more sessions.
    pub is_shared: bool,
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its name.
    pub name: TokenName,
    /// Where it leads, and with which rights. The caller checks that the user has them.
    pub scope: RecordScope,
    /// When it expires.
    pub expires: WallTime,
}

/// A link to be made.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// Where it leads, and with which rights. The caller checks that the user has them, and that the path exists.
    pub scope: RecordScope,
    /// When it expires.
    pub expires: WallTime,
    /// How often it can be used; `None` for any number of times.
    pub uses: Option<NonZeroU32>,
    /// Whether it only takes files.
    pub is_drop: bool,
    /// The hash of its password.
    pub password: Option<PasswordHash>,
}

/// What requests have noticed of a record. It is written with the next change.
#[derive(Debug, Default)]
pub(super) struct RecordNotes {
    /// The last use, in seconds; zero if it is not newer than the one in the file.
    last_used: AtomicU64,
    /// It had expired at some time, so it stays expired when the clock is set back.
    has_expired: AtomicBool,
}

impl Record {
    /// Whether the user may use it: it was made for them, and they are not disabled. A session ends with the user's password,
    /// a token or link when the user was removed, also if another one has got the name since.
    pub fn is_of(&self, user: &UserLine) -> bool {
        self.user == user.name && !user.is_disabled && self.version == self.purpose.version_of(user)
    }

    /// Fails if it opens nothing at this time.
    pub fn check(&self, now: WallTime) -> Result<(), Unusable> {
        match (&self.end, &self.purpose) {
            (Some(RecordEnd { is_revoked: true, .. }), _) => Err(Unusable::Revoked),
            (None, Purpose::Link { uses_left: Some(0), .. }) => Err(Unusable::UsedUp),
            _ if self.has_expired(now) => Err(Unusable::Expired),
            _ => Ok(()),
        }
    }

    /// When it was last used, if it is the session of a user.
    pub fn last_used(&self) -> Option<WallTime> {
        match self.purpose {
            Purpose::Session { last_used } => Some(last_used.max(self.notes.last_used())),
            _ => None,
        }
    }

    /// Notes that a session is used. It costs no system call: [`Records::refresh`](super::Records::refresh) writes it.
    pub fn touch(&self, now: WallTime) {
        if self.last_used().is_some_and(|last| now.since(last) >= TOUCH_INTERVAL) {
            self.notes.last_used.fetch_max(now.as_secs(), Ordering::Relaxed);
        }
    }

    /// Where it leads, and with which rights; the session of a user has none of its own.
    pub fn scope(&self) -> Option<&RecordScope> {
        match &self.purpose {
            Purpose::Session { .. } => None,
            Purpose::Visit { scope, .. } | Purpose::Token { scope, .. } | Purpose::Link { scope, .. } => {
                Some(scope)
            }
        }
    }

    /// Whether it has expired, now or when it was asked before.
    pub(super) fn has_expired(&self, now: WallTime) -> bool {
        let is_idle = || self.last_used().is_some_and(|last| now.since(last) >= SESSION_IDLE);
        let is_session = matches!(self.purpose, Purpose::Session { .. } | Purpose::Visit { .. });
        let is_impossible = || is_session && self.expires.since(now) > SESSION_LIFE + CLOCK_SLACK;
        if self.end.is_some() || self.notes.has_expired() {
            return true;
        }
        let has_expired = now >= self.expires || is_idle() || is_impossible();
        if has_expired {
            self.notes.has_expired.store(true, Ordering::Relaxed);
        }
        has_expired
    }

    /// A last use that is newer than the one in the file.
    pub(super) fn noted_use(&self) -> Option<WallTime> {
        match self.purpose {
            Purpose::Session { last_used } => Some(self.notes.last_used()).filter(|noted| *noted > last_used),
            _ => None,
        }
    }

    /// Whether it has to be changed or removed: it has expired, and was not marked so yet, or is needed no longer.
    pub(super) fn is_due(&self, now: WallTime) -> bool {
        match self.end {
            None => self.has_expired(now),
            Some(_) => self.is_forgotten(now),
        }
    }

    /// Whether a record that has ended is needed no longer.
    pub(super) fn is_forgotten(&self, now: WallTime) -> bool {
        let is_kept = matches!(self.purpose, Purpose::Token { .. } | Purpose::Link { .. });
        let is_over = |end: RecordEnd| !is_kept || now.since(end.at) > KEPT;
        self.end.is_some_and(is_over)
    }
}

impl Purpose {
    /// What its secret is used for.
    pub fn secret_use(&self) -> SecretUse {
        match self {
            Self::Session { .. } | Self::Visit { .. } => SecretUse::Session,
            Self::Token { .. } => SecretUse::Token,
            Self::Link { .. } => SecretUse::Link,
        }
    }

    /// The version of the user's line that it depends on.
    pub(super) fn version_of(&self, user: &UserLine) -> UserVersion {
        match self {
            Self::Session { .. } => UserVersion::of_password(user),
            Self::Visit { .. } | Self::Token { .. } | Self::Link { .. } => UserVersion::of_account(user),
        }
    }
}

impl RecordNotes {
    pub(super) fn last_used(&self) -> WallTime {
        WallTime::from_secs(self.last_used.load(Ordering::Relaxed))
    }

    pub(super) fn has_expired(&self) -> bool {
        self.has_expired.load(Ordering::Relaxed)
    }

    /// Adds those of another copy of the record.
    pub(super) fn add(&self, other: &Self) {
        self.last_used.fetch_max(other.last_used.load(Ordering::Relaxed), Ordering::Relaxed);
        self.has_expired.fetch_or(other.has_expired(), Ordering::Relaxed);
    }
}

impl Clone for RecordNotes {
    fn clone(&self) -> Self {
        let clone = Self::default();
        clone.add(self);
        clone
    }
}
