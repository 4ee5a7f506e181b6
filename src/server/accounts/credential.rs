//! What a request has proved by its credentials. It is kept for everything that outlasts the request's head:
//!
//! - A connection keeps it: if the next request has the same credentials, and the accounts have not changed, nothing is
//!   hashed or looked up again.
//! - Responses, uploads and event streams in flight check whether it is still valid.

use std::fmt;
use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use super::Accounts;
use crate::access::{Principal, Scope};
use crate::accounts::records::{Purpose, Record, RecordScope, RecordSecret, SecretUse, WallTime};
use crate::server::request::Scheme;

/// The longest field value that a connection remembers: enough for a session or a token, and some cookies of other
/// servers.
const PRESENTED_LIMIT: usize = 1024;

/// No generation. A credential that was found at an unknown generation has to be checked before it counts as valid.
const NOT_YET: u64 = u64::MAX;

/// What a request has proved.
pub(in crate::server) struct Credential {
    accounts: Accounts,
    principal: Principal,
    /// The session or token.
    record: Option<Arc<Record>>,
    /// The link through which the request came, or the session that a use of the link has started.
    link: Option<Arc<Record>>,
    presented: Option<Presented>,
    /// The generation of the accounts in which the credential was found.
    found: u64,
    /// The last generation in which the credential was valid.
    held: AtomicU64,
}

/// The bytes of a request that identify its principal.
struct Presented {
    field: PresentedField,
    value: Zeroizing<Vec<u8>>,
}

/// Where they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) enum PresentedField {
    /// In the field `Authorization`.
    Authorization,
    /// In the only field `Cookie` of a request; the name of the cookie depends on the host and the scheme.
    Cookie { host: Option<Box<str>>, scheme: Option<Scheme> },
}

impl Credential {
    /// For a user that was authenticated without a session, token or link.
    pub(in crate::server) fn of_user(principal: &Principal, accounts: &Accounts) -> Arc<Self> {
        Arc::new(Self::new(principal.clone(), None, NOT_YET, accounts))
    }

    fn new(principal: Principal, record: Option<Arc<Record>>, found: u64, accounts: &Accounts) -> Self {
        let held = AtomicU64::new(found);
        Self { accounts: accounts.clone(), principal, record, link: None, presented: None, found, held }
    }

    /// For a request through a link, with or without its own credentials.
    pub(in crate::server) fn through_link(
        principal: &Principal,
        own: Option<&Self>,
        link: Option<Arc<Record>>,
        accounts: &Accounts,
    ) -> Arc<Self> {
        let record = own.and_then(|own| own.record.clone());
        Arc::new(Self { link, ..Self::new(principal.clone(), record, NOT_YET, accounts) })
    }

    /// The principal of the request.
    pub(in crate::server) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Lets the connection recognise the credential by these bytes.
    pub(in crate::server) fn presented(self, field: PresentedField, value: &[u8]) -> Self {
        let value = Zeroizing::new(value.to_vec());
        let presented = (value.len() <= PRESENTED_LIMIT).then_some(Presented { field, value });
        Self { presented, ..self }
    }

    /// Whether the connection keeps the credential for the next request.
    pub(in crate::server) fn is_remembered(&self) -> bool {
        self.presented.is_some()
    }

    /// The principal of a request with this value of `Authorization`, if the credential was found by the same value.
    pub(in crate::server) fn by_authorization(
        &self,
        value: &[u8],
        address: Option<IpAddr>,
    ) -> Option<Principal> {
        let presented = self.presented.as_ref()?;
        let is_same = presented.field == PresentedField::Authorization && are_equal(&presented.value, value);
        if is_same { self.again(address) } else { None }
    }

    /// The principal of a request with this value of its only `Cookie` field, if the credential was found by the same
    /// value.
    pub(in crate::server) fn by_cookie(
        &self,
        value: &[u8],
        host: Option<&str>,
        scheme: Option<Scheme>,
        address: Option<IpAddr>,
    ) -> Option<Principal> {
        let presented = self.presented.as_ref()?;
        let PresentedField::Cookie { host: known, scheme: known_scheme } = &presented.field else {
            return None;
        };
        let is_same =
            known.as_deref() == host && *known_scheme == scheme && are_equal(&presented.value, value);
        if is_same { self.again(address) } else { None }
    }

    /// The principal, unless the accounts have changed since: then it has to be looked up again.
    fn again(&self, address: Option<IpAddr>) -> Option<Principal> {
        if self.found != self.accounts.generation() {
            return None;
        }
        let (record, now) = (self.record.as_ref()?, WallTime::now());
        record.check(now).ok()?;
        record.touch(now);
        Some(self.principal.at(address))
    }

    /// Whether the user is unchanged, and the session, the token and the link are still valid. It takes no lock unless
    /// the accounts have changed since the last call.
    pub(in crate::server) fn holds(&self) -> bool {
        let (generation, now) = (self.accounts.generation(), WallTime::now());
        let mut records = self.record.iter().chain(&self.link);
        if self.held.load(Ordering::Relaxed) == generation {
            return records.all(|record| record.check(now).is_ok());
        }
        let is_user = self.principal.account().is_none_or(|user| self.accounts.is_current(user));
        let holds = is_user && records.all(|record| self.accounts.0.records.has(record, now));
        if holds {
            self.held.store(generation, Ordering::Relaxed);
        }
        holds
    }
}

impl Accounts {
    /// What the secret of a session proves. `None` if the secret is not valid.
    pub(in crate::server) fn of_session(&self, secret: &[u8], address: Option<IpAddr>) -> Option<Credential> {
        self.by_secret(&RecordSecret::parse(SecretUse::Session, secret)?, address)
    }

    /// What a token proves. `None` if the token is not valid.
    pub(in crate::server) fn of_token(&self, token: &str, address: Option<IpAddr>) -> Option<Credential> {
        self.by_secret(&RecordSecret::parse(SecretUse::Token, token.as_bytes())?, address)
    }

    fn by_secret(&self, secret: &RecordSecret, address: Option<IpAddr>) -> Option<Credential> {
        // Read before the look-up: a change in the meantime increments the generation.
        let (generation, now) = (self.generation(), WallTime::now());
        let record = self.0.records.find(secret, now).ok()?;
        let users = self.users();
        let account = users.find(record.user.as_str()).filter(|account| record.is_of(&account.line))?;
        record.touch(now);
        let user = Arc::clone(&account.user);
        let principal = match &record.purpose {
            Purpose::Session { .. } => Principal::of_user(user, address),
            Purpose::Token { scope: RecordScope { path, rights }, .. } => {
                let scope = Scope { path: path.clone(), rights: *rights, link: None };
                Principal::within(user, address, scope)
            }
            // The secrets of these records are only valid in the paths of links.
            Purpose::Visit { .. } | Purpose::Link { .. } => return None,
        };
        Some(Credential::new(principal, Some(record), generation, self))
    }
}

/// Whether both are equal. The time that this takes depends only on their lengths.
fn are_equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let difference =
        |one: &[u8; 16], other: &[u8; 16]| u128::from_ne_bytes(*one) ^ u128::from_ne_bytes(*other);
    let words = one.as_chunks().0.iter().zip(other.as_chunks().0);
    let differ = words.fold(0, |differ, (one, other)| black_box(differ | difference(one, other)));
    let rest = if let (Some(one), Some(other)) = (one.last_chunk(), other.last_chunk()) {
        // It overlaps the last word, which costs less than to compare byte by byte.
        difference(one, other)
    } else {
        let bytes = one.iter().zip(other);
        bytes.fold(0, |differ, (one, other)| black_box(differ | u128::from(one ^ other)))
    };
    differ | rest == 0
}

/// Leaves out the secrets.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("principal", &self.principal).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::are_equal;

    #[test]
    fn every_byte_counts() {
        let text = b"wharf_0123456789abcdef0";
        assert!(are_equal(text, text) && are_equal(b"", b""));
        for at in 0..text.len() {
            let mut other = *text;
            other[at] ^= 1;
            assert!(!are_equal(text, &other), "{at}");
            assert!(!are_equal(text, &text[..at]), "{at}");
        }
    }
}
