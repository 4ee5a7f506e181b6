//! What was removed or replaced, below `/.wharf/trash`, and how it comes back.
//!
//! ```text
//! GET    trash  ?before=ID     -> the entries that the client may see, the newest first: JSON, or a page
//! DELETE trash                 -> {"count":3}: all of them are gone
//! POST   trash                    the same and the next but one, for a page without a script: discard=all, discard=ID
//! POST   trash/ID/restore      -> 200, and where it is now
//! DELETE trash/ID              -> 204
//! POST   undo                  -> as restore, for the newest entry of the client that can be restored
//! ```
//!
//! A client without an account is known by a cookie; see [`remover`](crate::server::remover).

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::access::Principal;
use crate::blocking::Blocking;
use crate::chat::event::Uploader;
use crate::folder::{Error, TrashId, TrashItem, Whose};
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::target::encode_path;
use crate::http::urlencoded;
use crate::own_paths;
use crate::path::SharePath;
use crate::server::announce;
use crate::server::disk::Disk;
use crate::server::error_response::{self, bad_request, not_found};
use crate::server::gate::authorise;
use crate::server::handle::{json, member, posted};
use crate::server::handled::Handled;
use crate::server::link_view::LinkView;
use crate::server::listing::timestamp;
use crate::server::pages::{self, TrashPage};
use crate::server::receive::{AfterBody, Job, JobOutcome};
use crate::server::remover::TrashOwner;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The most entries in a response as JSON, and on a page.
const IN_JSON: usize = 1000;
const ON_PAGE: usize = 100;

/// A response as JSON ends early once its entries take this many bytes, as it is kept in memory while it is sent.
const JSON_LIMIT: usize = 256 * 1024;

/// The largest body, in bytes: a form with an id.
const FORM_LIMIT: usize = 256;

/// How many entries an undo tries to restore, as long as they cannot be.
const UNDO_TRIES: usize = 100;

/// When to retry if the server is shutting down, in seconds.
const RETRY_AFTER: u32 = 5;

/// What follows the id in the path that restores an entry.
const RESTORE: &str = "/restore";

/// The client of a request about the trash.
struct Visitor {
    owner: TrashOwner,
    principal: Principal,
    link: Option<Arc<LinkView>>,
    by: Uploader,
    /// Whether it is a browser that has sent a form, or opens a page.
    wants_page: bool,
    /// The relative path from the requested path to the root.
    root: String,
}

/// Which entries are discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Discarded {
    One(TrashId),
    All,
}

/// Emptying the trash: a job in pieces. Between two of them other jobs run, and after each it ends if its client has gone; the
/// next sweep then removes what was discarded until then.
struct Emptying<R> {
    visitor: Visitor,
    /// How many entries were discarded.
    count: usize,
    /// Where the next piece begins.
    rest: Option<TrashId>,
    /// Makes the response from the count.
    respond: R,
}

/// Entries of the trash, and whether there are more that are older.
struct Found {
    items: Vec<TrashItem>,
    has_more: bool,
}

/// `GET trash`: the entries.
pub(crate) fn list(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let visitor = Visitor::of(request, state)?;
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

/// `POST trash/ID/restore`: moves an entry back to its place.
pub(crate) fn restore(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let visitor = Visitor::of(request, state)?;
    let id = request.rest.strip_suffix(RESTORE).and_then(TrashId::parse).ok_or_else(not_found)?;
    receive(request, move |_, state, disk| visitor.restore(id, state, disk))
}

/// `POST undo`: moves the client's newest entry back to its place. If that is impossible, tries the next newest.
pub(crate) fn undo(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let owner = TrashOwner::own(request, state);
    let visitor = Visitor { owner, ..Visitor::of(request, state)? };
    receive(request, move |_, state, disk| visitor.undo(state, disk))
}

/// `DELETE trash/ID`: discards an entry.
pub(crate) fn discard(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let visitor = Visitor::of(request, state)?;
    let id = TrashId::parse(request.rest).ok_or_else(not_found)?;
    receive(request, move |_, state, disk| {
        visitor.discard(id, state, disk)?;
        Ok(Response::empty(head(Status::NO_CONTENT)))
    })
}

/// `DELETE trash`: discards all entries that the client may discard.
pub(crate) fn empty(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let visitor = Visitor::of(request, state)?;
    let respond = |count| json::response(Status::OK, &json!({ "count": count }));
    let work = move |_: Vec<u8>, state: &State, disk: Blocking<'_>| {
        Emptying { visitor, count: 0, rest: None, respond }.job()(state, disk)
    };
    posted::receive(request.head, FORM_LIMIT, AfterBody::Work(Box::new(work)))
}

/// `POST trash`: the form of the page, which has no other methods.
pub(crate) fn form(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let visitor = Visitor::of(request, state)?;
    let work = move |form: Vec<u8>, state: &State, disk: Blocking<'_>| {
        let response = match Discarded::of(&form) {
            Some(Discarded::All) => {
                return Emptying { visitor, count: 0, rest: None, respond: |_| to_page() }.job()(state, disk);
            }
            Some(Discarded::One(id)) => visitor.discard(id, state, disk).map(|()| to_page()),
            None => Err(bad_request("the form must say what is discarded: discard=all, or discard=ID")),
        };
        JobOutcome::Respond(response.unwrap_or_else(|refused| refused), None)
    };
    posted::receive(request.head, FORM_LIMIT, AfterBody::Work(Box::new(work)))
}

/// Receives the body, which is empty but for a form, and makes the response on a thread that may wait for the disk.
fn receive(
    request: &Request<'_, '_, '_>,
    then: impl FnOnce(Vec<u8>, &State, Blocking<'_>) -> Result<Response, Response> + Send + 'static,
) -> Result<Handled, Response> {
    let work = move |body: Vec<u8>, state: &State, disk: Blocking<'_>| {
        JobOutcome::Respond(then(body, state, disk).unwrap_or_else(|refused| refused), None)
    };
    posted::receive(request.head, FORM_LIMIT, AfterBody::Work(Box::new(work)))
}

impl Visitor {
    /// The client of this request, if there is a trash.
    fn of(request: &Request<'_, '_, '_>, state: &State) -> Result<Self, Response> {
        let rules = state.folder.rules();
        if rules.read_only {
            return Err(error_response::of(&Error::ReadOnly));
        }
        if rules.trash.is_none() {
            let text = "the trash is off: what is removed is gone (the server runs with --trash off)\n";
            return Err(Response::text(Status::NOT_FOUND, text));
        }
        let is_json = request.target.parameter("json").is_some();
        Ok(Self {
            owner: TrashOwner::of(request, state),
            principal: request.principal.clone(),
            link: request.link.clone(),
            by: member::uploader(request, state),
            wants_page: pages::are_wanted(request.head.fields) && !is_json,
            root: request.target.to_root(),
        })
    }

    /// The entries that it may see, the newest first.
    fn find(
        &self,
        most: usize,
        mut before: Option<TrashId>,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<Found, Error> {
        let (mut items, limit) = (Vec::new(), most + 1);
        if let Some(whose) = self.owner.whose() {
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
        }
        let has_more = items.len() > most;
        items.truncate(most);
        Ok(Found { items, has_more })
    }

    /// Whether an entry that belongs to it is within reach: that of a token is a part of what its user may see.
    fn may_see(&self, path: &SharePath) -> bool {
        self.principal.scope().is_none_or(|scope| path.is_below(&scope.path))
    }

    /// Restores the newest entry that can be restored. If none can, the response says why the newest cannot.
    fn undo(&self, state: &State, disk: Blocking<'_>) -> Result<Response, Response> {
        let (mut before, mut refusal) = (None, None);
        for _ in 0..UNDO_TRIES {
            let found = self.find(1, before, state, disk).map_err(|error| error_response::of(&error))?;
            let Some(TrashItem { id, .. }) = found.items.into_iter().next() else { break };
            match self.restore(id, state, disk) {
                // That of another entry may have another outcome.
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

    /// Discards an entry.
    fn discard(&self, id: TrashId, state: &State, disk: Blocking<'_>) -> Result<(), Response> {
        let (whose, judge) = (self.whose(state)?, state.access.judge(&self.principal));
        ensure_kept(id, state)?;
        state.folder.discard(&id, whose, &judge, disk).map_err(|error| refuse(&error))?;
        // The content is still on the disk.
        state.sweep_trash_soon();
        Ok(())
    }

    /// Whose entries it may restore and discard, if its account has not changed since.
    fn whose(&self, state: &State) -> Result<Whose<'_>, Response> {
        authorise::ensure_current(&self.principal, state)?;
        self.owner.whose().ok_or_else(|| refuse(&Error::NotFound))
    }

    /// A path as the client sees it, as text: `/a/b`, and `/a/b/` for a directory.
    fn shown(&self, path: &SharePath, is_directory: bool) -> String {
        let shown = self.link.as_ref().map(|link| link.shown(path));
        let path = String::from_utf8_lossy(shown.as_ref().unwrap_or(path).as_bytes()).into_owned();
        format!("/{path}{}", if is_directory { "/" } else { "" })
    }

    /// The entries as JSON.
    fn json(&self, found: Found) -> Response {
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
    fn page(&self, found: &Found, state: &State) -> Response {
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

impl<R: FnOnce(usize) -> Response + Send + 'static> Emptying<R> {
    /// The job that discards one piece, and queues itself again for the rest.
    fn job(mut self) -> Job {
        Box::new(move |state, disk| {
            let response = match self.step(state, disk) {
                Ok(true) => return JobOutcome::Again(self.job()),
                Ok(false) => (self.respond)(self.count),
                Err(refused) => refused,
            };
            if self.count > 0 {
                // The content is still on the disk.
                state.sweep_trash_soon();
            }
            JobOutcome::Respond(response, None)
        })
    }

    /// Discards one piece; returns whether there is more.
    fn step(&mut self, state: &State, disk: Blocking<'_>) -> Result<bool, Response> {
        if state.stop.asked().is_some() {
            let text = "the server is shutting down\n";
            return Err(Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", RETRY_AFTER));
        }
        let Ok(whose) = self.visitor.whose(state) else { return Ok(false) };
        let judge = state.access.judge(&self.visitor.principal);
        let emptied = state.folder.empty_trash(whose, self.rest, &judge, disk);
        let emptied = emptied.map_err(|error| error_response::of(&error))?;
        self.count += emptied.count;
        self.rest = emptied.rest;
        Ok(self.rest.is_some())
    }
}

impl Discarded {
    /// `discard=all` or `discard=ID`.
    fn of(form: &[u8]) -> Option<Self> {
        match &*urlencoded::field(form, "discard")? {
            b"all" => Some(Self::All),
            id => std::str::from_utf8(id).ok().and_then(TrashId::parse).map(Self::One),
        }
    }
}

/// The head of a response that nothing may store.
fn head(status: Status) -> Head {
    Head::new(status).field("Cache-Control", "no-store")
}

/// Leads a browser back to the page.
fn to_page() -> Response {
    Response::empty(head(Status::SEE_OTHER).field("Location", own_paths::TRASH))
}

/// Whether an entry has not expired; it may not be swept yet.
fn is_kept(id: TrashId, state: &State) -> bool {
    let age = SystemTime::now().duration_since(id.time()).unwrap_or_default();
    state.folder.rules().trash.is_some_and(|time| age < time)
}

fn ensure_kept(id: TrashId, state: &State) -> Result<(), Response> {
    if is_kept(id, state) { Ok(()) } else { Err(refuse(&Error::NotFound)) }
}

fn refuse(error: &Error) -> Response {
    match error {
        Error::NotFound => {
            let text = "there is no such entry in the trash (it was restored or discarded, or has expired)\n";
            Response::text(Status::NOT_FOUND, text)
        }
        error => error_response::of(error),
    }
}
