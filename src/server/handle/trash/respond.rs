//! What the responses about the trash have in common.

use std::time::SystemTime;

use crate::blocking::Blocking;
use crate::folder::{Error, TrashId};
use crate::http::response::Head;
use crate::http::status::Status;
use crate::own_paths;
use crate::server::error_response;
use crate::server::handle::posted;
use crate::server::handled::Handled;
use crate::server::receive::{AfterBody, JobOutcome};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The largest body, in bytes: a form with an id.
const FORM_LIMIT: usize = 256;

/// Receives the body, which is a form or empty, and then works on a thread that may wait for the disk.
pub(super) fn after_body(
    request: &Request<'_, '_, '_>,
    work: impl FnOnce(Vec<u8>, &State, Blocking<'_>) -> JobOutcome + Send + 'static,
) -> Result<Handled, Response> {
    posted::receive(request.head, FORM_LIMIT, AfterBody::Work(Box::new(work)))
}

/// Makes the response on a thread that may wait for the disk, and ignores the body.
pub(super) fn respond(
    request: &Request<'_, '_, '_>,
    make: impl FnOnce(&State, Blocking<'_>) -> Result<Response, Response> + Send + 'static,
) -> Result<Handled, Response> {
    after_body(request, move |_, state, disk| {
        JobOutcome::Respond(make(state, disk).unwrap_or_else(|refused| refused), None)
    })
}

/// The head of a response that nothing may store.
pub(super) fn head(status: Status) -> Head {
    Head::new(status).field("Cache-Control", "no-store")
}

/// Redirects a browser to the page of the trash.
pub(super) fn to_page() -> Response {
    Response::empty(head(Status::SEE_OTHER).field("Location", own_paths::TRASH))
}

/// Whether an entry has not expired. An expired entry exists until the next sweep.
pub(super) fn is_kept(id: TrashId, state: &State) -> bool {
    let age = SystemTime::now().duration_since(id.time()).unwrap_or_default();
    state.folder.rules().trash.is_some_and(|time| age < time)
}

pub(super) fn ensure_kept(id: TrashId, state: &State) -> Result<(), Response> {
    if is_kept(id, state) { Ok(()) } else { Err(refuse(&Error::NotFound)) }
}

pub(super) fn refuse(error: &Error) -> Response {
    match error {
        Error::NotFound => {
            let text = "there is no such entry in the trash (it was restored or discarded, or has expired)\n";
            Response::text(Status::NOT_FOUND, text)
        }
        error => error_response::of(error),
    }
}
