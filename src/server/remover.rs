//! The client that the trash records as the owner of files that a request replaces, moves or removes; and which entries
//! a client may see.
//!
//! A user or a link is remembered by name. A client without an account gets a cookie with the response to the
//! first request that removes or replaces something; without the cookie, it finds nothing in the trash.

use std::fmt;

use crate::access::{Right, Rights};
use crate::folder::{Remover, TrashId, Whose};
use crate::net::peer::Peer;
use crate::own_paths::TRASH_FIELD;
use crate::path::SharePath;
use crate::server::client_key;
use crate::server::cookie::Cookie;
use crate::server::lock_tokens::SubmittedTokens;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;
use crate::server::undo_secret::UndoSecret;

/// The client of a request that may replace, move or remove something.
#[derive(Debug)]
pub(super) struct RemovingClient {
    /// The client in the folder's terms.
    pub remover: Remover,
    /// The tokens of locks that it submits.
    pub tokens: SubmittedTokens,
    /// The cookie by which the server recognises an owner without an account.
    cookie: Option<UndoCookie>,
}

/// A cookie that is not printed.
struct UndoCookie {
    /// The value of `Set-Cookie`.
    set: String,
    /// Whether the cookie is new: the client has not sent it.
    is_new: bool,
}

/// What a request has removed or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Displaced {
    Nothing,
    /// Something that the trash does not keep.
    ForGood,
    /// This entry of the trash.
    Kept(TrashId),
}

/// Whose trash entries a client may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TrashOwner {
    /// The client's own entries.
    Owner(String),
    /// Everybody's entries.
    Everybody,
    /// No entries: nothing identifies the client.
    Nobody,
}

/// The client of this request.
pub(super) fn of(request: &Request<'_, '_, '_>, state: &State) -> RemovingClient {
    let tokens = SubmittedTokens::of(request);
    if let Some(owner) = request.principal.owner() {
        let name = request.principal.person().map(|user| user.name.clone());
        return RemovingClient { remover: Remover::of_owner(owner, name), tokens, cookie: None };
    }
    let at_address = Remover::at_address(request.client.key_text());
    let Some(time) = state.folder.rules().trash else {
        return RemovingClient { remover: at_address, tokens, cookie: None };
    };
    let known = secret(request, state);
    let is_new = known.is_none();
    let (secret, remover) = if let Some(secret) = known {
        let owner = secret.owner();
        (secret, Remover::with_cookie(owner, at_address.share))
    } else {
        // The client may never send the new secret, so its files count towards its address.
        let secret = UndoSecret::random();
        let owner = Some(secret.owner());
        (secret, Remover { owner, ..at_address })
    };
    let set = Cookie::for_undo(request, &state.base).set(&secret.text(), time);
    RemovingClient { remover, tokens, cookie: Some(UndoCookie { set, is_new }) }
}

/// A client that can have neither an account nor a cookie.
pub(super) fn of_peer(peer: Peer) -> Remover {
    Remover::at_address(client_key::as_text(client_key::of(peer)))
}

/// The secret in this request's cookie; `None` if there are two, since one may be somebody else's.
fn secret(request: &Request<'_, '_, '_>, state: &State) -> Option<UndoSecret> {
    let cookie = Cookie::for_undo(request, &state.base);
    UndoSecret::parse(cookie.find(request.head.fields).ok()??)
}

impl RemovingClient {
    /// The response, with the id of the entry if something was kept. A new cookie is sent once something was displaced.
    /// A kept entry renews the cookie, which lasts as long as the newest entry.
    pub(super) fn remember(&self, response: Response, displaced: Displaced) -> Response {
        let response = match displaced {
            Displaced::Kept(id) => response.with(TRASH_FIELD, id),
            Displaced::Nothing | Displaced::ForGood => response,
        };
        let Some(UndoCookie { set, is_new }) = &self.cookie else { return response };
        let is_set = match displaced {
            Displaced::Nothing => false,
            Displaced::ForGood => *is_new,
            Displaced::Kept(_) => true,
        };
        if is_set { response.with("Set-Cookie", set) } else { response }
    }
}

impl Displaced {
    /// A removed file, with the id of its entry if it is kept.
    pub(super) fn removed(kept: Option<TrashId>) -> Self {
        kept.map_or(Self::ForGood, Self::Kept)
    }

    /// The file that an operation has replaced: none if the operation `created` its target.
    pub(super) fn replaced(created: bool, kept: Option<TrashId>) -> Self {
        if created { Self::Nothing } else { Self::removed(kept) }
    }

    /// The result of both together: the newer entry of the trash, if there is one.
    pub(super) fn and(self, newer: Self) -> Self {
        match (self, newer) {
            (older, Self::Nothing) | (older @ Self::Kept(_), Self::ForGood) => older,
            (_, newer) => newer,
        }
    }
}

impl TrashOwner {
    /// Whose entries the client of this request may see, restore and discard.
    pub(super) fn of(request: &Request<'_, '_, '_>, state: &State) -> Self {
        let rights: Rights = state.access.rights(&request.principal, &SharePath::root());
        // Without `--allow`, a client that may stop the server has this right too. But it must not see what others have
        // removed.
        let is_admin = rights.has(Right::Admin) && request.principal.user().is_some();
        if is_admin { Self::Everybody } else { Self::own(request, state) }
    }

    /// The client's own entries, even if it may see those of other clients.
    pub(super) fn own(request: &Request<'_, '_, '_>, state: &State) -> Self {
        let by_cookie = || secret(request, state).map(|secret| secret.owner());
        request.principal.owner().or_else(by_cookie).map_or(Self::Nobody, Self::Owner)
    }

    /// The owner in the folder's terms; `None` if the client may see no entries.
    pub(super) fn whose(&self) -> Option<Whose<'_>> {
        match self {
            Self::Owner(owner) => Some(Whose::Owner(owner)),
            Self::Everybody => Some(Whose::Everybody),
            Self::Nobody => None,
        }
    }
}

impl fmt::Debug for UndoCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UndoCookie")
    }
}
