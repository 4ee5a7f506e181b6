//! Moves entries of the trash back to their places.

use serde_json::json;

use crate::blocking::Blocking;
use crate::folder::{TrashId, TrashItem};
use crate::http::status::Status;
use crate::http::target::encode_path;
use crate::server::announce;
use crate::server::dav;
use crate::server::disk::Disk;
use crate::server::error_response::{self, not_found};
use crate::server::handle::json;
use crate::server::handle::trash::respond::{ensure_kept, refuse, respond, to_page};
use crate::server::handle::trash::visitor::TrashVisitor;
use crate::server::handled::Handled;
use crate::server::intent::{IntendedChange, Intent};
use crate::server::remover::TrashOwner;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// How many entries an undo tries to restore until one of them can be restored.
const UNDO_TRIES: usize = 100;

/// The text after the id in the path that restores an entry.
const RESTORE: &str = "/restore";

/// `POST trash/ID/restore`: moves an entry back to its place.
pub(crate) fn restore(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let visitor = TrashVisitor::of(request, state)?;
    let id = request.rest.strip_suffix(RESTORE).and_then(TrashId::parse).ok_or_else(not_found)?;
    respond(request, move |state, disk| visitor.restore(id, state, disk))
}

/// `POST undo`: moves the client's newest entry back to its place. If that is impossible, tries the next newest.
pub(crate) fn undo(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let visitor = TrashVisitor::of_owner(TrashOwner::own(request, state), request, state)?;
    respond(request, move |state, disk| visitor.undo(state, disk))
}

impl TrashVisitor {
    /// Restores the newest entry that can be restored. If none can, the response says why the newest cannot.
    fn undo(&self, state: &State, disk: Blocking<'_>) -> Result<Response, Response> {
        let (mut before, mut refusal) = (None, None);
        for _ in 0..UNDO_TRIES {
            let found = self.find(1, before, state, disk).map_err(|error| error_response::of(&error))?;
            let Some(TrashItem { id, .. }) = found.items.into_iter().next() else { break };
            match self.restore(id, state, disk) {
                // Another entry may still be restorable.
                Err(refused) if (400..500).contains(&refused.head.status().code()) => {
                    refusal.get_or_insert(refused);
                }
                other => return other,
            }
            before = Some(id);
        }
        let nothing = || Response::text(Status::NOT_FOUND, "there is nothing to undo\n");
        Err(refusal.unwrap_or_else(nothing))
    }

    fn restore(&self, id: TrashId, state: &State, disk: Blocking<'_>) -> Result<Response, Response> {
        let whose = self.whose(state)?;
        ensure_kept(id, state)?;
        let path = state.folder.path_of_trash(&id, whose, disk).map_err(|error| refuse(&error))?;
        let (tokens, principal) = (&self.tokens, &self.principal);
        let change = IntendedChange { path: &path, intent: Intent::Replace, tokens, principal };
        let _unlocked = dav::ensure_unlocked(&change, state, disk)?;
        let restored = state.folder.restore(&id, whose, &state.access.judge(&self.principal), disk);
        let restored = restored.map_err(|error| refuse(&error))?;
        announce::restored(&self.by, &restored, state);
        if self.wants_page {
            return Ok(to_page());
        }
        let slash = if restored.is_directory { "/" } else { "" };
        let location = format!("/{}{slash}", encode_path(restored.path.as_bytes()));
        let path = self.shown(&restored.path, restored.is_directory);
        Ok(json::response(Status::OK, &json!({ "path": path })).with("Location", location))
    }
}
