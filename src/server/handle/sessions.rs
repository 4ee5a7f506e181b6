//! `/.wharf/sessions`: the sessions of a user, each with a button that ends it.

use crate::accounts::records::RecordId;
use crate::blocking::Blocking;
use crate::http::status::Status;
use crate::http::urlencoded;
use crate::own_paths;
use crate::server::disk::Disk;
use crate::server::error_response::bad_request;
use crate::server::handle::{account, posted};
use crate::server::handled::Handled;
use crate::server::pages::SessionsPage;
use crate::server::receive::JobOutcome;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The largest form, in bytes: it has only an id.
const FORM_LIMIT: usize = 256;

/// Which sessions a form ends.
#[derive(Clone, Copy)]
enum Ended {
    One(RecordId),
    /// All sessions of the user except the browser's.
    Others,
}

/// Lists the sessions.
pub(crate) fn page(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let accounts = account::accounts(request, state)?;
    let user = account::user(request, accounts)?;
    let page = SessionsPage {
        root: &request.target.to_root(),
        user: &user.name,
        sessions: &accounts.sessions(user).map_err(account::failed)?,
        own: account::session(request, accounts, state),
    };
    let (head, text) = page.framed(account::head(Status::OK));
    Ok(Handled::Respond(Response::new(head, text.into_bytes())))
}

/// Ends one session, or all others.
pub(crate) fn end(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let accounts = account::accounts(request, state)?.clone();
    let user = account::user(request, &accounts)?.clone();
    let (own, client) = (account::session(request, &accounts, state), request.client);
    let of_server = accounts.clone();
    let then = move |form: Vec<u8>, _: &State, disk: Blocking<'_>| {
        let Some(ended) = Ended::of(&form) else {
            return JobOutcome::Respond(bad_request("the form must say which session ends"), None);
        };
        let ends = |id| match ended {
            Ended::One(one) => id == one,
            Ended::Others => Some(id) != own,
        };
        let response = match accounts.end_sessions(&user, ends, disk) {
            Ok(count) => {
                log::info!("{client} ended {count} sessions of {}", user.name);
                account::see_other(own_paths::SESSIONS)
            }
            Err(error) => account::failed(error),
        };
        JobOutcome::Respond(response, None)
    };
    posted::receive(request.head, FORM_LIMIT, account::with_body(&of_server, Box::new(then)))
}

impl Ended {
    /// `end=ID` or `end=others`.
    fn of(form: &[u8]) -> Option<Self> {
        let value = urlencoded::field(form, "end")?;
        match &*value {
            b"others" => Some(Self::Others),
            id => std::str::from_utf8(id).ok()?.parse().ok().map(Self::One),
        }
    }
}
