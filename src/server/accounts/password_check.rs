//! A password that has to be checked, and what it opens.

use zeroize::Zeroizing;

use super::users::Users;
use crate::accounts::attempts::Guess;
use crate::accounts::password::Password;
use crate::accounts::records::RecordId;
use crate::server::jobs::fair_permits::FairPermit;
use crate::server::request::ClientAddress;

/// How many checks may wait from addresses from which their user has never logged in. Each takes some 40 ms,
/// so a check from a known address waits a few seconds at most, however many addresses send guesses. One
/// address gets at most half of the places.
pub(super) const STRANGERS: usize = 128;

/// A password that has to be checked.
#[derive(Debug)]
pub(in crate::server) struct PasswordCheck {
    pub of: PasswordOwner,
    pub password: Password,
    pub client: ClientAddress,
    /// Its place among the checks of strangers, until it is done.
    _place: Option<FairPermit>,
}

/// What a password opens.
#[derive(Debug)]
pub(in crate::server) enum PasswordOwner {
    /// The account of this name.
    User(Zeroizing<String>),
    /// The link with this public id.
    Link(RecordId),
}

impl PasswordCheck {
    pub(in crate::server) fn new(of: PasswordOwner, password: Password, client: ClientAddress) -> Self {
        Self { of, password, client, _place: None }
    }

    /// With a place among the checks of strangers.
    pub(super) fn with_place(self, place: FairPermit) -> Self {
        Self { _place: Some(place), ..self }
    }
}

impl PasswordOwner {
    /// How failures for this owner are counted.
    pub(super) fn guess<'c>(&'c self, users: &'c Users) -> Guess<'c> {
        match self {
            Self::User(name) => users.guess(name),
            Self::Link(id) => Guess::Link(id.as_str()),
        }
    }
}
