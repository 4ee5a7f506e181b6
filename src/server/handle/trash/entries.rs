//! The entries of the trash, as JSON and as a page.

use serde_json::{Value, json};

use crate::blocking::Blocking;
use crate::folder::{Error, TrashId, TrashItem};
use crate::http::status::Status;
use crate::server::disk::Disk;
use crate::server::error_response::{self, bad_request};
use crate::server::handle::json;
use crate::server::handle::trash::respond::{head, is_kept};
use crate::server::handle::trash::visitor::TrashVisitor;
use crate::server::handled::Handled;
use crate::server::listing::timestamp;
use crate::server::pages::TrashPage;
use crate::server::receive::JobOutcome;
use crate::server::remover::TrashOwner;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The most entries in a response as JSON, and on a page.
const IN_JSON: usize = 1000;
const ON_PAGE: usize = 100;

/// The maximum size of the entries in a JSON response, in bytes. The rest is left out, because the response is kept in
/// memory while it is sent.
const JSON_LIMIT: usize = 256 * 1024;

/// Entries of the trash, and whether there are older entries.
pub(super) struct VisibleEntries {
    pub(super) items: Vec<TrashItem>,
    has_more: bool,
}

/// `GET trash`: the entries.
pub(crate) fn list(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let visitor = TrashVisitor::of(request, state)?;
    let before = request.target.parameter("before").filter(|id| !id.is_empty());
    let parsed = before.map(|id| TrashId::parse(id).ok_or_else(|| bad_request("before must be an id")));
    let (before, is_page) = (parsed.transpose()?, visitor.wants_page);
    Ok(Handled::Work(Box::new(move |state, disk| {
        let most = if is_page { ON_PAGE } else { IN_JSON };
        let found = visitor.find(most, before, state, disk);
        let response =
            found.map(|found| if is_page { visitor.page(&found, state) } else { visitor.json(found) });
        JobOutcome::Respond(response.unwrap_or_else(|error| error_response::of(&error)), None)
    })))
}

impl TrashVisitor {
    /// The entries that the visitor may see, the newest first.
    pub(super) fn find(
        &self,
        most: usize,
        mut before: Option<TrashId>,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<VisibleEntries, Error> {
        let (mut items, limit) = (Vec::new(), most + 1);
        let Some(whose) = self.owner.whose() else { return Ok(VisibleEntries { items, has_more: false }) };
        loop {
            let next = state.folder.trash(whose, limit, before, disk)?;
            let (is_last, last) = (next.len() < limit, next.last().map(|item| item.id));
            let is_shown = |item: &TrashItem| self.may_see(&item.path) && is_kept(item.id, state);
            items.extend(next.into_iter().filter(is_shown));
            before = last;
            if is_last || items.len() >= limit {
                break;
            }
        }
        let has_more = items.len() > most;
        items.truncate(most);
        Ok(VisibleEntries { items, has_more })
    }

    /// The entries as JSON.
    fn json(&self, found: VisibleEntries) -> Response {
        let (mut items, mut has_more, mut length) = (Vec::new(), found.has_more, 0);
        for item in found.items {
            let path = self.shown(&item.path, item.is_directory);
            length += path.len();
            if length > JSON_LIMIT {
                has_more = true;
                break;
            }
            items.push(json!({
                "id": item.id.to_string(),
                "path": path,
                "size": item.size,
                "time": timestamp(item.time).to_string(),
                "principal": item.principal,
            }));
        }
        json::response(Status::OK, &json!({ "items": Value::Array(items), "more": has_more }))
            .with("Vary", "Accept")
    }

    /// The entries as a page.
    fn page(&self, found: &VisibleEntries, state: &State) -> Response {
        let items: Vec<_> =
            found.items.iter().map(|item| (item, self.shown(&item.path, item.is_directory))).collect();
        let page = TrashPage {
            root: &self.root,
            items: &items,
            user: self.principal.person().map(|user| &*user.name),
            kept_for: state.folder.rules().trash.unwrap_or_default(),
            names_users: self.owner == TrashOwner::Everybody,
            has_more: found.has_more,
        };
        let (head, text) = page.framed(head(Status::OK).field("Vary", "Accept"));
        Response::new(head, text.into_bytes())
    }
}
