//! A request as gates and handlers see it.

use crate::access::Principal;
use crate::http::request::{Head, Method};
use crate::http::target::PathAndQuery;
use crate::net::peer::Peer;
use crate::path::SharePath;

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
    /// On whose behalf it acts.
    pub principal: Principal,
    /// The client.
    pub peer: Peer,
}
