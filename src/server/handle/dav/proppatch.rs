//! The response to PROPPATCH (RFC 4918 §9.2): all changes of properties, or none.

use std::time::{Duration, SystemTime};

use crate::access::{Grant, ToChangeProperties};
use crate::blocking::Blocking;
use crate::dav::multistatus::{self, PropStat};
use crate::dav::proppatch::PropertyChange;
use crate::dav::{LiveProperty, PropertyName, Proppatch};
use crate::folder::{EntryKind, PropertyError, Remover};
use crate::http::date::Date;
use crate::http::status::Status;
use crate::server::dav;
use crate::server::dav::hrefs::Hrefs;
use crate::server::disk::Disk;
use crate::server::error_response::of_read_error;
use crate::server::gate::authorise;
use crate::server::handle::dav::stored::StoredProperties;
use crate::server::handle::dav::{MAX_BODY, refuse_body, xml};
use crate::server::handle::posted;
use crate::server::handled::Handled;
use crate::server::intent::{IntendedChange, Intent};
use crate::server::moment::Moment;
use crate::server::receive::{AfterBody, JobOutcome};
use crate::server::remover;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The namespace of the properties that Windows Explorer sets.
const MICROSOFT: &str = "urn:schemas-microsoft-com:";

/// What a client wants to become of a property.
enum Wish {
    /// It is stored as it is.
    Store,
    /// It is the time of the last change.
    Time(SystemTime),
    /// The server computes it.
    Protected,
    /// Its value cannot be what it should be.
    Invalid,
}

/// Checks the head, and receives the body.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let (path, principal) = (request.path.clone(), request.principal.clone());
    let (hrefs, client) = (Hrefs::of(request, state), remover::of(request, state));
    let then = AfterBody::Work(Box::new(move |body, state, disk| {
        let answer = Proppatch::parse(&body).map_err(|error| refuse_body(&error)).and_then(|patch| {
            authorise::ensure_current(&principal, state)?;
            let grant = authorise::grant::<ToChangeProperties>(&principal, &path, state)?;
            let found = state.folder.describe(&grant, disk).map_err(|error| of_read_error(&error))?;
            let change = IntendedChange {
                path: &path,
                intent: Intent::Describe,
                tokens: &client.tokens,
                principal: &principal,
            };
            let _unlocked = dav::ensure_unlocked(&change, state, disk)?;
            let href = hrefs.path(&path, found.kind == EntryKind::Directory);
            apply(&patch, &grant, &href, &client.remover, state, disk)
        });
        JobOutcome::Respond(answer.unwrap_or_else(|refused| refused), None)
    }));
    posted::receive(request.head, MAX_BODY, then)
}

fn apply(
    patch: &Proppatch,
    grant: &Grant<'_, ToChangeProperties>,
    href: &str,
    by: &Remover,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Response, Response> {
    let wishes: Vec<_> = patch.changes.iter().map(|change| (change, Wish::of(change))).collect();
    if wishes.iter().any(|(_, wish)| matches!(wish, Wish::Protected | Wish::Invalid)) {
        return Ok(refused(&wishes, href));
    }
    let mut times =
        wishes.iter().filter_map(|(_, wish)| if let Wish::Time(time) = wish { Some(*time) } else { None });
    let modified = times.next_back();
    let stored: Vec<_> =
        wishes.iter().filter(|(_, wish)| matches!(wish, Wish::Store)).map(|(change, _)| *change).collect();
    let change = |before: Option<&[u8]>| {
        if stored.is_empty() {
            return None;
        }
        let mut properties = StoredProperties::parse(before);
        for change in &stored {
            properties.apply(change);
        }
        Some(properties.to_bytes())
    };
    let status = match state.folder.change_properties(grant, change, modified, by, disk) {
        Ok(()) => "200 OK",
        Err(PropertyError::NoRoom) => "507 Insufficient Storage",
        Err(PropertyError::Other(error)) => return Err(of_read_error(&error)),
    };
    state.cache.invalidate(Moment::now());
    let names = names(wishes.iter().map(|(change, _)| change.name()));
    Ok(respond(href, [PropStat { status, properties: &names, error: "" }]))
}

/// The response if a property cannot be changed: the others are not changed either (§9.2.1).
fn refused(wishes: &[(&PropertyChange, Wish)], href: &str) -> Response {
    let of = |is_wanted: fn(&Wish) -> bool| {
        names(wishes.iter().filter(|(_, wish)| is_wanted(wish)).map(|(change, _)| change.name()))
    };
    let protected = of(|wish| matches!(wish, Wish::Protected));
    let invalid = of(|wish| matches!(wish, Wish::Invalid));
    let others = of(|wish| matches!(wish, Wish::Store | Wish::Time(_)));
    let stats = [
        ("403 Forbidden", &protected, "<D:cannot-modify-protected-property/>"),
        ("409 Conflict", &invalid, ""),
        ("424 Failed Dependency", &others, ""),
    ];
    let stats = stats.into_iter().filter(|(_, names, _)| !names.is_empty());
    respond(href, stats.map(|(status, properties, error)| PropStat { status, properties, error }))
}

fn respond<'p>(href: &str, stats: impl IntoIterator<Item = PropStat<'p>>) -> Response {
    let mut body = multistatus::BEFORE.to_owned();
    multistatus::write_response(href, stats, &mut body);
    body.push_str(multistatus::BEHIND);
    xml(Status::MULTI_STATUS, body)
}

fn names<'n>(all: impl Iterator<Item = &'n PropertyName>) -> String {
    let mut xml = String::new();
    all.for_each(|name| multistatus::write_name(name, &mut xml));
    xml
}

impl Wish {
    fn of(change: &PropertyChange) -> Self {
        let name = change.name();
        // rclone and Nextcloud's clients set the first, and Explorer sets the second.
        let is_time = name.is_dav("lastmodified")
            || &*name.namespace == MICROSOFT && &*name.local == "Win32LastModifiedTime";
        match (change, LiveProperty::of(name)) {
            (PropertyChange::Set(element), None) if is_time => {
                time(element.text().trim()).map_or(Self::Invalid, Self::Time)
            }
            (_, None | Some(LiveProperty::DisplayName)) => Self::Store,
            (_, Some(_)) => Self::Protected,
        }
    }
}

/// A time as a date of HTTP, or in seconds since 1970.
fn time(text: &str) -> Option<SystemTime> {
    if let Ok(seconds) = text.parse() {
        return SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    }
    Date::parse(text.as_bytes()).map(SystemTime::from)
}
