//! What the handlers about accounts share.

use crate::access::User;
use crate::accounts::records::{ChangeError, RecordId};
use crate::blocking::Blocking;
use crate::folder;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::server::accounts::{Accounts, PasswordCheck};
use crate::server::cookie::Cookie;
use crate::server::error_response::{self, not_found};
use crate::server::gate::authenticate;
use crate::server::handled::Handled;
use crate::server::password_verdict::PasswordVerdict;
use crate::server::receive::{AfterBody, BodyJob, CheckOutcome, Job, JobOutcome};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The accounts of the server, if it has any. Handlers of passwords and secrets call this: it fails if anybody on the
/// network path could read the request or the response.
pub(super) fn accounts<'s>(
    request: &Request<'_, '_, '_>,
    state: &'s State,
) -> Result<&'s Accounts, Response> {
    let accounts = state.accounts.as_ref().ok_or_else(not_found)?;
    if request.method.is_safe() && !authenticate::is_private(request.client, request.scheme, accounts) {
        return Err(Response::text(Status::FORBIDDEN, "logging in needs TLS (use https://)\n"));
    }
    authenticate::ensure_private(request.client, request.scheme, accounts)?;
    Ok(accounts)
}

/// The user of a request with the user's own credentials. A client with a link or a token may not change the account.
/// With one password for everybody, users cannot be distinguished, so there is no user.
pub(super) fn user<'r>(request: &'r Request<'_, '_, '_>, accounts: &Accounts) -> Result<&'r User, Response> {
    if accounts.are_shared() {
        return Err(not_found());
    }
    let user = request.principal.user();
    let user = user.ok_or_else(|| error_response::of(&folder::Error::Unauthenticated))?;
    if request.principal.scope().is_some() {
        let text = "a link or a token cannot change the account (log in with a name and a password)\n";
        return Err(Response::text(Status::FORBIDDEN, text));
    }
    Ok(user)
}

/// The session that the cookie of a request belongs to.
pub(super) fn session(request: &Request<'_, '_, '_>, accounts: &Accounts, state: &State) -> Option<RecordId> {
    let cookie = Cookie::of_request(request, &state.base);
    let secret = cookie.find(request.head.fields).ok().flatten()?;
    accounts.session_id(secret)
}

/// Queues the check of a password, which then makes the response. If the verdict is already known, the response is made
/// immediately.
pub(super) fn check_password(
    accounts: &Accounts,
    check: PasswordCheck,
    then: impl FnOnce(&PasswordVerdict, &State, Blocking<'_>) -> CheckOutcome + Send + 'static,
    state: &State,
    disk: Blocking<'_>,
) -> JobOutcome {
    match accounts.admit(check) {
        Ok(check) => JobOutcome::CheckPassword(check, Box::new(then)),
        Err(verdict) => then(&verdict, state, disk).into(),
    }
}

/// Makes a response that changes records: at once if they are on the disk, and in a job of its own if they are in the store that
/// servers share, which may take seconds to respond.
pub(super) fn change_records(
    accounts: &Accounts,
    change: impl FnOnce(&State, Blocking<'_>) -> Response + Send + 'static,
    state: &State,
    disk: Blocking<'_>,
) -> CheckOutcome {
    if accounts.share_records() {
        CheckOutcome::AskStore(Box::new(move |state, disk| JobOutcome::Respond(change(state, disk), None)))
    } else {
        CheckOutcome::Respond(change(state, disk))
    }
}

/// A job that changes records.
pub(super) fn changing_records(accounts: &Accounts, job: Job) -> Handled {
    if accounts.share_records() { Handled::AskStore(job) } else { Handled::Save(job) }
}

/// A job that takes a body and changes records.
pub(super) fn with_body(accounts: &Accounts, job: BodyJob) -> AfterBody {
    if accounts.share_records() { AfterBody::AskStore(job) } else { AfterBody::Work(job) }
}

/// The head of a response that no cache may keep.
pub(super) fn head(status: Status) -> Head {
    Head::new(status).field("Cache-Control", "no-store")
}

/// A redirect to a path of this server, which is requested with GET.
pub(super) fn see_other(path: &str) -> Response {
    Response::empty(head(Status::SEE_OTHER).field("Location", path))
}

/// The response if the records cannot be changed.
pub(super) fn failed(error: impl Into<ChangeError>) -> Response {
    let error = error.into();
    log::error!("cannot change the sessions: {error}");
    if let ChangeError::Cluster(_) = error {
        return error_response::records_unavailable();
    }
    Response::text(Status::INTERNAL_SERVER_ERROR, "internal error; see the server's log\n")
}
