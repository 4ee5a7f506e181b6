//! The links of a user, below `/.wharf/links`.
//!
//! ```text
//! POST   links      {"path":"/b/","for":"2d","uses":5,"drop":true,"password":"…"}  -> 201, and the link, which is shown once
//!                   and "qr":true                                                  -> its QR code too
//! GET    links                                                                     -> a list, without the links themselves
//! DELETE links/ID   DELETE links/all
//! ```

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::access::{Principal, Right, Rights};
use crate::accounts::password::{Password, PasswordHash};
use crate::accounts::records::{NewLink, Purpose, Record, RecordScope, WallTime};
use crate::blocking::Blocking;
use crate::folder::Node;
use crate::http::status::Status;
use crate::own_paths;
use crate::path::SharePath;
use crate::server::address;
use crate::server::disk::Disk;
use crate::server::error_response::{bad_request, not_found, of_read_error};
use crate::server::gate::authorise;
use crate::server::handle::{json, record};
use crate::server::handled::Handled;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The word for all links, instead of an id.
const ALL: &str = "all";

/// The rights that no link has: links are not for making links, and the chat room is not in a folder.
const NEVER: Rights = Rights::SHARE.with(Rights::OF_SERVER);

/// The rights that a link to a file may have.
const OF_FILE: Rights = Rights::of(&[Right::Read, Right::Replace]);

/// A link that a request asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedLink {
    path: String,
    #[serde(rename = "for")]
    life: String,
    uses: Option<NonZeroU32>,
    #[serde(default)]
    drop: bool,
    password: Option<String>,
    /// Whether the response also has the QR code of the link, as an SVG: no later response contains the link's address.
    #[serde(default)]
    qr: bool,
    /// The default is to list and read or, for a drop link, to add.
    rights: Option<String>,
}

/// `POST links`: makes a link.
pub(crate) fn add(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let user = record::owner(request, state)?;
    let principal = request.principal.clone();
    let root = address::to_hand_on(request, state).unwrap_or_else(|| state.base.directory());
    json::receive(request, record::accounts(state)?, move |wanted: WantedLink, state, disk| {
        let has_code = wanted.qr;
        let link = wanted.checked(&principal, state, disk)?;
        let issued = record::accounts(state)?.add_link(&user, &link, disk);
        let issued = issued.map_err(|error| record::refuse(&error))?;
        log::info!("{} made the link {}", user.name, issued.record.id);
        let mut shown = shown(&issued.record, WallTime::now());
        let path = Zeroizing::new(format!("{}{}", own_paths::LINK, *issued.secret.text()));
        let link = format!("{}{}", root.trim_end_matches('/'), *path);
        if let Some(code) = has_code.then(|| qr_code(&link)).flatten() {
            shown["qr"] = Value::from(code);
        }
        shown["link"] = Value::from(link);
        Ok(json::response(Status::CREATED, &shown))
    })
}

/// `GET links`: lists the user's links.
pub(crate) fn list(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    record::list(request, is_link, shown, state)
}

/// `DELETE links/ID` and `DELETE links/all`: ends one link, or all of the user's links.
pub(crate) fn remove(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let id = match request.rest {
        ALL => None,
        id => Some(id.parse().map_err(|_| not_found())?),
    };
    record::end(request, is_link, id, state)
}

impl WantedLink {
    /// The link to be made, if the principal may share its target, and has all of the link's rights now.
    fn checked(self, principal: &Principal, state: &State, disk: Blocking<'_>) -> Result<NewLink, Response> {
        let path = record::path(&self.path)?;
        authorise::require_all(Rights::SHARE, principal, &path, state)?;
        let is_file = is_file(principal, &path, state, disk)?;
        let rights = self.rights(is_file)?;
        authorise::require_all(rights, principal, &path, state)?;
        let expires = record::expiry(&self.life)?;
        let password = self.password.map(|password| {
            PasswordHash::of(&Password::new(password.into_bytes()), disk).map_err(bad_request)
        });
        let (scope, is_drop) = (RecordScope { path, rights }, self.drop);
        Ok(NewLink { scope, expires, uses: self.uses, is_drop, password: password.transpose()? })
    }

    /// The link's rights. A link to a folder must have the right to list, unless it only takes files: otherwise nobody
    /// could use it.
    fn rights(&self, is_file: bool) -> Result<Rights, Response> {
        let list = Rights::of(&[Right::List]);
        let wanted = match &self.rights {
            Some(rights) => record::rights(rights)?.without(Rights::SHARE),
            None if self.drop => Rights::of(&[Right::Add]),
            None if is_file => Rights::of(&[Right::Read]),
            None => Rights::VIEW,
        };
        let problem = if wanted.has_any(NEVER) {
            "a link cannot have the right share, chat or admin"
        } else if self.drop && is_file {
            "a link that only takes files needs a folder"
        } else if self.drop && wanted != Rights::of(&[Right::Add]) {
            "a link that only takes files must have `add` as its only right"
        } else if is_file && !OF_FILE.has_all(wanted) {
            "a link to a file can have the rights read and replace"
        } else if is_file && !wanted.has(Right::Read) {
            "a link to a file needs the right read"
        } else if !is_file && !self.drop && !wanted.has_all(list) {
            "a link to a folder needs the right list"
        } else {
            return Ok(wanted);
        };
        Err(bad_request(problem))
    }
}

/// The QR code of an address, in a build that draws them.
#[cfg(feature = "qr")]
fn qr_code(address: &str) -> Option<String> {
    crate::qr::svg(address)
}

/// No QR code.
#[cfg(not(feature = "qr"))]
fn qr_code(_: &str) -> Option<String> {
    None
}

/// Whether a file, and not a folder, is at this path. Fails if nothing is there.
fn is_file(
    principal: &Principal,
    path: &SharePath,
    state: &State,
    disk: Blocking<'_>,
) -> Result<bool, Response> {
    let grant = authorise::grant(principal, path, state)?;
    match state.folder.open(&grant, disk).map_err(|error| of_read_error(&error))? {
        Node::File(_) => Ok(true),
        Node::Directory { .. } => Ok(false),
    }
}

fn is_link(record: &Record) -> bool {
    matches!(record.purpose, Purpose::Link { .. })
}

fn shown(record: &Record, now: WallTime) -> Value {
    let Purpose::Link { scope, uses_left, is_drop, password } = &record.purpose else { return Value::Null };
    let mut shown = record::shown(record, scope, now);
    shown["drop"] = Value::from(*is_drop);
    shown["uses_left"] = Value::from(*uses_left);
    shown["password"] = Value::from(password.is_some());
    shown
}
