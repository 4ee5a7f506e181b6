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

/// A session, a token or a link. What it may do also depends on its user: see [`Record::is_of`].
#[derive(Clone, Debug)]
pub struct Record {
    /// The public id.
    pub id: RecordId,
    /// The user that it acts for, or that made the link.
    pub user: UserName,
    /// When it was made.
    pub created: WallTime,
    /// When it expires: from then on, it gives no access.
    pub expires: WallTime,
    /// Its kind, with the data that only this kind has.
    pub purpose: Purpose,
    /// How it ended, for a link or token that is kept only for lists and for the link's page.
    pub end: Option<RecordEnd>,
    pub(super) digest: SecretDigest,
    pub(super) version: UserVersion,
    /// What has been noticed since the record was read.
    pub(super) notes: RecordNotes,
}

/// The kind of a record.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// The session of a user, with all of their rights.
    Session {
        /// When it was last used, according to the file; [`Record::last_used`] may be newer.
        last_used: WallTime,
    },
    /// A session that was started by using a link. It has the link's rights.
    Visit {
        /// The link.
        link: RecordId,
        /// The path that it opens, and the rights there.
        scope: RecordScope,
        /// Whether it only takes files.
        is_drop: bool,
    },
    /// A token.
    Token {
        /// The name that its user gave it, unique among the user's tokens.
        name: TokenName,
        /// The path that it opens, and the rights there.
        scope: RecordScope,
    },
    /// A link.
    Link {
        /// The path that it opens, and the rights there.
        scope: RecordScope,
        /// How many times it can still be used; `None` for any number.
        uses_left: Option<u32>,
        /// Whether it only takes files.
        is_drop: bool,
        /// The hash of its password.
        password: Option<PasswordHash>,
    },
}

/// A part of a user's rights. The user may have fewer rights by now, so both have to be checked.
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
    /// When the end was noticed.
    pub at: WallTime,
    /// Whether it was revoked; otherwise it expired.
    pub is_revoked: bool,
}

/// A session to be started.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewSession {
    /// The session that the same browser had before the login; it ends.
    pub replaces: Option<RecordId>,
    /// Whether many people share this account and its password: then it may have more sessions.
    pub is_shared: bool,
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its name.
    pub name: TokenName,
    /// The path that it opens, and the rights there. The caller checks that the user has these rights.
    pub scope: RecordScope,
    /// When it expires.
    pub expires: WallTime,
}

/// A link to be made.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// The path that it opens, and the rights there. The caller checks that the user has these rights and
    /// that the path exists.
    pub scope: RecordScope,
    /// When it expires.
    pub expires: WallTime,
    /// How many times it can be used; `None` for any number.
    pub uses: Option<NonZeroU32>,
    /// Whether it only takes files.
    pub is_drop: bool,
    /// The hash of its password.
    pub password: Option<PasswordHash>,
}

/// What requests have noticed about a record. It is written with the next change.
#[derive(Debug, Default)]
pub(super) struct RecordNotes {
    /// The last use, in seconds since 1970; zero if it is not newer than the one in the file.
    last_used: AtomicU64,
    /// Whether it was once found expired: then it stays expired even if the clock is set back.
    has_expired: AtomicBool,
}

impl Record {
    /// Whether this user may use it: it was made for this user, and the user is not disabled. A session ends when the
    /// user's password is changed. A token or link ends when the user is removed, even if another user gets the name
    /// later.
    pub fn is_of(&self, user: &UserLine) -> bool {
        self.user == user.name && !user.is_disabled && self.version == self.purpose.version_of(user)
    }

    /// Fails if the record is not valid at the time `now`.
    pub fn check(&self, now: WallTime) -> Result<(), Unusable> {
        match (&self.end, &self.purpose) {
            (Some(RecordEnd { is_revoked: true, .. }), _) => Err(Unusable::Revoked),
            (None, Purpose::Link { uses_left: Some(0), .. }) => Err(Unusable::UsedUp),
            _ if self.has_expired(now) => Err(Unusable::Expired),
            _ => Ok(()),
        }
    }

    /// When it was last used, if it is a user's session.
    pub fn last_used(&self) -> Option<WallTime> {
        match self.purpose {
            Purpose::Session { last_used } => Some(last_used.max(self.notes.last_used())),
            _ => None,
        }
    }

    /// Notes that a session is used. This makes no system call: [`Records::refresh`](super::Records::refresh)
    /// writes the note.
    pub fn touch(&self, now: WallTime) {
        if self.last_used().is_some_and(|last| now.since(last) >= TOUCH_INTERVAL) {
            self.notes.last_used.fetch_max(now.as_secs(), Ordering::Relaxed);
        }
    }

    /// The path that it opens, and the rights there; `None` for a user's session, which has all of the user's
    /// rights.
    pub fn scope(&self) -> Option<&RecordScope> {
        match &self.purpose {
            Purpose::Session { .. } => None,
            Purpose::Visit { scope, .. } | Purpose::Token { scope, .. } | Purpose::Link { scope, .. } => {
                Some(scope)
            }
        }
    }

    /// Whether it has expired, now or at an earlier check.
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

    /// The last use, if it is newer than the one in the file.
    pub(super) fn noted_use(&self) -> Option<WallTime> {
        match self.purpose {
            Purpose::Session { last_used } => Some(self.notes.last_used()).filter(|noted| *noted > last_used),
            _ => None,
        }
    }

    /// Whether the record has to be changed or removed: it has expired but is not marked as expired yet, or it is no
    /// longer needed.
    pub(super) fn is_due(&self, now: WallTime) -> bool {
        match self.end {
            None => self.has_expired(now),
            Some(_) => self.is_forgotten(now),
        }
    }

    /// Whether a record that has ended is no longer needed.
    pub(super) fn is_forgotten(&self, now: WallTime) -> bool {
        let is_kept = matches!(self.purpose, Purpose::Token { .. } | Purpose::Link { .. });
        let is_over = |end: RecordEnd| !is_kept || now.since(end.at) > KEPT;
        self.end.is_some_and(is_over)
    }
}

impl Purpose {
    /// How its secret is used.
    pub fn secret_use(&self) -> SecretUse {
        match self {
            Self::Session { .. } | Self::Visit { .. } => SecretUse::Session,
            Self::Token { .. } => SecretUse::Token,
            Self::Link { .. } => SecretUse::Link,
        }
    }

    /// The version of the user's line on which the record depends.
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

    /// Adds the notes of another copy of the record.
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
