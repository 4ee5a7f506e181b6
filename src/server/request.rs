//! A request as gates and handlers see it.

use std::fmt;
use std::net::SocketAddr;

use crate::access::Principal;
use crate::http::request::{Head, Method};
use crate::http::target::PathAndQuery;
use crate::net::peer::Peer;
use crate::path::SharePath;
use crate::server::client_key::{self, ClientKey};

/// A request on its way to its handler.
pub(super) struct Request<'a, 'h, 'b> {
    /// Its head.
    pub head: &'a Head<'h, 'b>,
    /// Its method, one of those that its route has.
    pub method: Method,
    /// Its target, encoded, with its query.
    pub target: PathAndQuery<'b>,
    /// The path in the folder that the target names; the root for the server's own paths.
    pub path: SharePath,
    /// What follows the route's prefix in the target: the token of an upload, the name of an asset. Empty elsewhere.
    pub rest: &'b str,
    /// The user that it acts for.
    pub principal: Principal,
    /// The client.
    pub client: ClientAddress,
}

/// The client of a request, which limits, logs and handlers go by. The client gate finds it. It need not be the peer of
/// the connection: a proxy sends the requests of many clients over one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClientAddress(Peer);

impl ClientAddress {
    /// The client is the peer itself.
    pub(super) fn of_peer(peer: Peer) -> Self {
        Self(peer)
    }

    /// Its address in the network; `None` for a program at a Unix-domain socket.
    pub(super) fn in_network(self) -> Option<SocketAddr> {
        match self.0 {
            Peer::Inet(address) => Some(address),
            Peer::Unix(_) => None,
        }
    }

    /// The key under which its limits are counted.
    pub(super) fn key(self) -> ClientKey {
        client_key::of(self.0)
    }

    /// The key as text, for the folder: the owner of an unfinished upload.
    pub(super) fn key_text(self) -> String {
        client_key::as_text(self.key())
    }
}

/// As the log names it.
impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
