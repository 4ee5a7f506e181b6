//! The tokens of a user, below `/.wharf/tokens`.
//!
//! ```text
//! POST   tokens      {"name":"backup","path":"/b/","rights":"add","for":"90d"}  -> 201, and the token, which is shown once
//! GET    tokens                                                                 -> a list, without the tokens themselves
//! DELETE tokens/ID
//! ```

use serde::Deserialize;
use serde_json::Value;

use crate::access::{Principal, Rights};
use crate::accounts::records::{NewToken, Purpose, Record, RecordScope, WallTime};
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::disk::Disk;
use crate::server::error_response::{bad_request, not_found};
use crate::server::gate::authorise;
use crate::server::handle::{json, record};
use crate::server::handled::Handled;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// How long a token lasts unless the request says so: long enough for a program that runs each month.
const LIFE: &str = "90d";

/// A token that a request asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedToken {
    name: String,
    /// The default is the root.
    path: Option<String>,
    /// The default is all rights that the user has at the path.
    rights: Option<String>,
    #[serde(rename = "for")]
    life: Option<String>,
}

/// `POST tokens`: makes a token.
pub(crate) fn add(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let user = record::owner(request, state)?;
    let principal = request.principal.clone();
    json::receive(request, record::accounts(state)?, move |wanted: WantedToken, state, disk| {
        let token = wanted.checked(&principal, state)?;
        let issued = record::accounts(state)?.add_token(&user, &token, disk);
        let issued = issued.map_err(|error| record::refuse(&error))?;
        log::info!("{} made the token {} ({})", user.name, name(&issued.record), issued.record.id);
        let mut shown = shown(&issued.record, WallTime::now());
        shown["token"] = Value::from(issued.secret.text().as_str());
        Ok(json::response(Status::CREATED, &shown))
    })
}

/// `GET tokens`: lists the user's tokens.
pub(crate) fn list(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    record::list(request, is_token, shown, state)
}

/// `DELETE tokens/ID`: ends a token.
pub(crate) fn remove(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let id = request.rest.parse().map_err(|_| not_found())?;
    record::end(request, is_token, Some(id), state)
}

impl WantedToken {
    /// The token to be made, if the principal has all of the token's rights now.
    fn checked(self, principal: &Principal, state: &State) -> Result<NewToken, Response> {
        let name = self.name.parse().map_err(bad_request)?;
        let path = self.path.map_or(Ok(SharePath::root()), |path| record::path(&path))?;
        let rights = match self.rights {
            Some(rights) => record::rights(&rights)?,
            None => state.access.rights(principal, &path),
        };
        if rights == Rights::NONE {
            return Err(Response::text(Status::FORBIDDEN, "you have no rights there\n"));
        }
        authorise::require_all(rights, principal, &path, state)?;
        let expires = record::expiry(self.life.as_deref().unwrap_or(LIFE))?;
        Ok(NewToken { name, scope: RecordScope { path, rights }, expires })
    }
}

fn is_token(record: &Record) -> bool {
    matches!(record.purpose, Purpose::Token { .. })
}

fn name(record: &Record) -> &str {
    match &record.purpose {
        Purpose::Token { name, .. } => name.as_str(),
        Purpose::Session { .. } | Purpose::Visit { .. } | Purpose::Link { .. } => "",
    }
}

fn shown(record: &Record, now: WallTime) -> Value {
    let Some(scope) = record.scope() else { return Value::Null };
    let mut shown = record::shown(record, scope, now);
    shown["name"] = Value::from(name(record));
    shown
}
