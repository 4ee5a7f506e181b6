//! What the handlers of tokens and links have in common.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::access::Rights;
use crate::accounts::file::UserLine;
use crate::accounts::records::{ChangeError, Record, RecordId, RecordScope, Refused, Unusable, WallTime};
use crate::blocking::Blocking;
use crate::folder;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::target::encode_path;
use crate::path::SharePath;
use crate::server::accounts::Accounts;
use crate::server::error_response::{self, bad_request, not_found};
use crate::server::handle::{account, json};
use crate::server::handled::Handled;
use crate::server::receive::{Job, JobOutcome};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The lifetime of a record that never expires.
const NEVER: &str = "never";

/// The accounts, if the server has any.
pub(super) fn accounts(state: &State) -> Result<&Accounts, Response> {
    state.accounts.as_ref().ok_or_else(not_found)
}

/// The user who sends the request, with the line of the users file.
fn user(request: &Request<'_, '_, '_>, state: &State) -> Result<UserLine, Response> {
    let text = "this server has no accounts (serve --users FILE)\n";
    let accounts = state.accounts.as_ref().ok_or_else(|| Response::text(Status::NOT_FOUND, text))?;
    let line = request.principal.person().and_then(|user| accounts.line_of(user));
    line.ok_or_else(|| error_response::of(&folder::Error::Unauthenticated))
}

/// The line of the user who sent the request, if they used their own credentials. A client with a token is refused: it
/// must not make, list or end a record that lasts longer than its token or is outside the token's path.
pub(super) fn owner(request: &Request<'_, '_, '_>, state: &State) -> Result<UserLine, Response> {
    let user = user(request, state)?;
    if request.principal.scope().is_some() {
        let text = "a token cannot manage tokens and links (log in with the password)\n";
        return Err(Response::text(Status::FORBIDDEN, text));
    }
    Ok(user)
}

/// The path that a request names, encoded as in a URL.
pub(super) fn path(named: &str) -> Result<SharePath, Response> {
    let decoded: Vec<u8> = percent_decode_str(named).collect();
    SharePath::parse(&decoded).map_err(bad_request)
}

/// The rights that a request names; fails if there are none.
pub(super) fn rights(named: &str) -> Result<Rights, Response> {
    match named.parse() {
        Ok(Rights::NONE) => Err(bad_request("no rights were named (name at least one)")),
        Ok(rights) => Ok(rights),
        Err(error) => Err(bad_request(error)),
    }
}

/// The time at which a record of this lifetime expires.
pub(super) fn expiry(time: &str) -> Result<WallTime, Response> {
    if time == NEVER {
        return Ok(WallTime::MAX);
    }
    match humantime::parse_duration(time) {
        Ok(time) if time >= Duration::from_secs(1) => Ok(WallTime::now().after(time)),
        Ok(_) => Err(bad_request("the time must be at least 1s (such as 12h or 30d)")),
        Err(error) => Err(bad_request(format_args!("the time {time:?}: {error} (such as 12h or 30d)"))),
    }
}

/// Lists the user's records of this kind.
pub(super) fn list(
    request: &Request<'_, '_, '_>,
    which: fn(&Record) -> bool,
    shown: fn(&Record, WallTime) -> Value,
    state: &State,
) -> Result<Handled, Response> {
    let user = owner(request, state)?;
    let records = accounts(state)?.records_of(&user, which).map_err(unavailable)?;
    let now = WallTime::now();
    let shown = records.iter().map(|record| shown(record, now)).collect();
    Ok(Handled::Respond(json::response(Status::OK, &Value::Array(shown))))
}

/// Ends the user's record of this kind with this id; without an id, all of the user's records of this kind.
pub(super) fn end(
    request: &Request<'_, '_, '_>,
    which: fn(&Record) -> bool,
    id: Option<RecordId>,
    state: &State,
) -> Result<Handled, Response> {
    let user = owner(request, state)?;
    let of_server = accounts(state)?;
    let work = move |state: &State, disk: Blocking<'_>| -> Result<Response, Response> {
        let which = |record: &Record| which(record) && id.is_none_or(|id| record.id == id);
        match accounts(state)?.revoke(&user, which, disk).map_err(|error| refuse(&error))? {
            0 if id.is_some() => Err(not_found()),
            _ => Ok(Response::empty(Head::new(Status::NO_CONTENT))),
        }
    };
    let job: Job = Box::new(move |state, disk| {
        JobOutcome::Respond(work(state, disk).unwrap_or_else(|refused| refused), None)
    });
    Ok(account::changing_records(of_server, job))
}

/// A record as lists show it, without its secret.
pub(super) fn shown(record: &Record, scope: &RecordScope, now: WallTime) -> Value {
    let state = match record.check(now) {
        Ok(()) => "valid",
        Err(Unusable::Expired) => "expired",
        Err(Unusable::UsedUp) => "used up",
        Err(Unusable::Revoked | Unusable::Unknown | Unusable::Unavailable) => "revoked",
    };
    json!({
        "id": record.id.as_str(),
        "path": format!("/{}", encode_path(scope.path.as_bytes())),
        "rights": scope.rights.list(),
        "created": record.created.to_string(),
        "expires": if record.expires == WallTime::MAX { NEVER.to_owned() } else { record.expires.to_string() },
        "state": state,
    })
}

/// The response if the records could not be changed.
pub(super) fn refuse(error: &ChangeError) -> Response {
    match error {
        ChangeError::Refused(Refused::Limit(limit)) => {
            Response::text(Status::FORBIDDEN, format_args!("{limit}\n"))
        }
        ChangeError::Refused(refused) => Response::text(Status::CONFLICT, format_args!("{refused}\n")),
        ChangeError::Cluster(error) => {
            log::error!("cannot change the sessions, tokens and links: {error}");
            error_response::records_unavailable()
        }
        ChangeError::Store(error) => {
            log::error!("cannot change the sessions, tokens and links: {error}");
            Response::text(Status::INTERNAL_SERVER_ERROR, "internal error; see the server's log\n")
        }
    }
}

/// The response if the records cannot be read.
fn unavailable(error: Unusable) -> Response {
    Response::text(Status::SERVICE_UNAVAILABLE, format_args!("{error} (see the server's log)\n"))
}
