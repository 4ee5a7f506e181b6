//! Discards one entry of the trash, or all entries that the visitor may discard.

use serde_json::json;

use crate::blocking::Blocking;
use crate::folder::TrashId;
use crate::http::status::Status;
use crate::http::urlencoded;
use crate::server::disk::Disk;
use crate::server::error_response::{self, bad_request, not_found};
use crate::server::handle::json;
use crate::server::handle::trash::respond::{after_body, ensure_kept, head, refuse, respond, to_page};
use crate::server::handle::trash::visitor::TrashVisitor;
use crate::server::handled::Handled;
use crate::server::receive::{Job, JobOutcome};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// Which entries are discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Discarded {
    One(TrashId),
    All,
}

/// Emptying the trash: a job in pieces. Between two pieces, other jobs run; after each piece, the job ends if its
/// client has disconnected. The next sweep removes the content of the entries that were discarded.
struct Emptying<R> {
    visitor: TrashVisitor,
    /// How many entries were discarded.
    count: usize,
    /// The entry before which the next piece begins.
    rest: Option<TrashId>,
    /// Makes the response from the count.
    respond: R,
}

/// `DELETE trash/ID`: discards an entry.
pub(crate) fn discard(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let visitor = TrashVisitor::of(request, state)?;
    let id = TrashId::parse(request.rest).ok_or_else(not_found)?;
    respond(request, move |state, disk| {
        visitor.discard(id, state, disk)?;
        Ok(Response::empty(head(Status::NO_CONTENT)))
    })
}

/// `DELETE trash`: discards all entries that the client may discard.
pub(crate) fn empty(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let visitor = TrashVisitor::of(request, state)?;
    let respond = |count| json::response(Status::OK, &json!({ "count": count }));
    after_body(request, move |_, state, disk| Emptying::begin(visitor, respond)(state, disk))
}

/// `POST trash`: the form of the page, which has no other methods.
pub(crate) fn form(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let visitor = TrashVisitor::of(request, state)?;
    after_body(request, move |form, state, disk| {
        let response = match Discarded::of(&form) {
            Some(Discarded::All) => return Emptying::begin(visitor, |_| to_page())(state, disk),
            Some(Discarded::One(id)) => visitor.discard(id, state, disk).map(|()| to_page()),
            None => Err(bad_request("the form must say what is discarded: discard=all, or discard=ID")),
        };
        JobOutcome::Respond(response.unwrap_or_else(|refused| refused), None)
    })
}

impl TrashVisitor {
    /// Discards an entry.
    fn discard(&self, id: TrashId, state: &State, disk: Blocking<'_>) -> Result<(), Response> {
        let (whose, judge) = (self.whose(state)?, state.access.judge(&self.principal));
        ensure_kept(id, state)?;
        state.folder.discard(&id, whose, &judge, disk).map_err(|error| refuse(&error))?;
        // The content is still on the disk.
        state.sweep_trash_soon();
        Ok(())
    }
}

impl<R: FnOnce(usize) -> Response + Send + 'static> Emptying<R> {
    /// The job that discards all entries that the visitor may discard.
    fn begin(visitor: TrashVisitor, respond: R) -> Job {
        Self { visitor, count: 0, rest: None, respond }.job()
    }

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
            return Err(error_response::shutting_down());
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
