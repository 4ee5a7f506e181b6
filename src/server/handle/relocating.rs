//! What MOVE and COPY do once their heads are read: the grant for the new name, and the response.

use crate::access::{Grant, Principal, ToWrite};
use crate::blocking::Blocking;
use crate::chat::event::Uploader;
use crate::folder::{Moved, NewName, Saved, TrashId};
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::target::encode_path;
use crate::path::SharePath;
use crate::printable::Printable;
use crate::server::announce;
use crate::server::client_key::ClientKey;
use crate::server::dav::{self, UnlockedPlace};
use crate::server::gate::authorise;
use crate::server::handle::destination::Relocation;
use crate::server::handle::member;
use crate::server::intent::{IntendedChange, Intent};
use crate::server::media;
use crate::server::remover::{self, Displaced, RemovingClient};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// What the head of a MOVE or COPY says.
pub(super) struct Relocating {
    pub relocation: Relocation,
    pub from: SharePath,
    pub principal: Principal,
    pub client: ClientKey,
    removing: RemovingClient,
    by: Uploader,
}

impl Relocating {
    pub(super) fn of(relocation: Relocation, request: &Request<'_, '_, '_>, state: &State) -> Self {
        Self {
            relocation,
            from: request.path.clone(),
            principal: request.principal.clone(),
            client: request.client.key(),
            removing: remover::of(request, state),
            by: member::uploader(request, state),
        }
    }

    /// Takes the form of the new name that exists already, if only the other Unicode form does.
    pub(super) fn find_stored_form(&mut self, state: &State, disk: Blocking<'_>) {
        if let Some(stored) = dav::stored_form(&self.relocation.to, &self.principal, state, disk) {
            // The name of the source may get the other form.
            if stored != self.from {
                self.relocation.to = stored;
            }
        }
    }

    /// The grant for the new name. Refused where the client may only add files: the response to a move or copy says which
    /// directories exist there.
    pub(super) fn target(&self, state: &State) -> Result<Grant<'_, ToWrite>, Response> {
        let target = authorise::grant::<ToWrite>(&self.principal, &self.relocation.to, state)?;
        if !target.hides_names() {
            return Ok(target);
        }
        let text =
            "moving or copying needs more than the right to add files there (send the file with PUT)\n";
        Err(Response::text(Status::FORBIDDEN, text))
    }

    /// The place of the new name. Fails if a lock forbids that.
    pub(super) fn unlocked_target(
        &self,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<UnlockedPlace, Response> {
        Ok(dav::ensure_unlocked(&self.replacing(&self.relocation.to), state, disk)?)
    }

    /// The place of the source, from which something is about to be moved. Fails if a lock forbids that.
    pub(super) fn unlocked_source(
        &self,
        target: &UnlockedPlace,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<UnlockedPlace, Response> {
        Ok(target.also(&self.replacing(&self.from), state, disk)?)
    }

    fn replacing<'a>(&'a self, path: &'a SharePath) -> IntendedChange<'a> {
        let tokens = &self.removing.tokens;
        IntendedChange { path, intent: Intent::Replace, tokens, principal: &self.principal }
    }

    /// The new name, with the grant for it.
    pub(super) fn new_name<'a>(&'a self, to: &'a Grant<'_, ToWrite>) -> NewName<'a> {
        NewName { to, conflict: self.relocation.conflict, remover: &self.removing.remover }
    }

    /// Announces a move; returns the response.
    pub(super) fn moved(&self, moved: &Moved, state: &State) -> Response {
        announce::moved(&self.by, moved, state);
        let response = respond("moved to", moved.told(), moved.is_directory, moved.created);
        self.remember(response, moved.created, moved.kept)
    }

    /// Announces a copy; returns the response.
    pub(super) fn copied(&self, saved: &Saved, is_directory: bool, state: &State) -> Response {
        announce::copied(&self.by, saved, is_directory, state);
        let response = respond("copied to", saved.told(), is_directory, saved.created);
        self.remember(response, saved.created, saved.kept)
    }

    fn remember(&self, response: Response, created: bool, kept: Option<TrashId>) -> Response {
        self.removing.remember(response, Displaced::replaced(created, kept))
    }
}

/// The response, with the new location if the name is new.
fn respond(done: &str, path: &SharePath, is_directory: bool, created: bool) -> Response {
    if !created {
        return Response::empty(Head::new(Status::NO_CONTENT));
    }
    // RFC 4918 §5.2: the URL of a directory ends in a slash.
    let slash = if is_directory { "/" } else { "" };
    let location = format!("/{}{slash}", encode_path(path.as_bytes()));
    let head = Head::new(Status::CREATED).field("Location", location);
    let line = format!("{done} {}{slash}\n", Printable(path.as_bytes()));
    Response::bytes(head, media::TEXT, line.into_bytes())
}
