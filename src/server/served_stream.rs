//! What the broadcaster sends to a connection: the events of the chat room, or the changes in a directory.

use std::sync::Arc;

use crate::server::accounts::credential::Credential;
use crate::server::chat::state::{EventStream, NextBytes};
use crate::server::directory_changes::Follower;
use crate::server::request::ClientAddress;

/// A stream of events. Dropping it ends the subscription.
#[derive(Debug)]
pub(crate) enum ServedStream {
    Room(EventStream),
    Directory(Follower),
}

impl ServedStream {
    /// The client that listens.
    pub(crate) fn client(&self) -> ClientAddress {
        match self {
            Self::Room(events) => events.client(),
            Self::Directory(follower) => follower.client(),
        }
    }

    /// Binds it to the credential of its request.
    pub(crate) fn bind(&mut self, credential: Option<Arc<Credential>>) {
        match self {
            Self::Room(events) => events.credential = credential,
            Self::Directory(follower) => follower.credential = credential,
        }
    }

    /// Whether its client may still listen.
    pub(crate) fn may_go_on(&self) -> bool {
        match self {
            Self::Room(events) => events.may_go_on(),
            Self::Directory(follower) => follower.may_go_on(),
        }
    }

    /// What comes next.
    pub(crate) fn next(&mut self) -> NextBytes {
        match self {
            Self::Room(events) => events.next(),
            Self::Directory(follower) => follower.next(),
        }
    }
}
