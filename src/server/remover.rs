//! Whom the trash remembers for what a request replaces, moves or removes.

use crate::folder::Remover;
use crate::net::peer::Peer;
use crate::server::client_key;
use crate::server::request::Request;

/// The client of this request.
pub(super) fn of(request: &Request<'_, '_, '_>) -> Remover {
    match request.principal.owner() {
        Some(owner) => Remover::of_owner(owner, request.principal.person().map(|user| user.name.clone())),
        None => Remover::at_address(request.client.key_text()),
    }
}

/// A client that can have neither an account nor a cookie.
pub(super) fn of_peer(peer: Peer) -> Remover {
    Remover::at_address(client_key::as_text(client_key::of(peer)))
}
