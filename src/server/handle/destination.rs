//! What the heads of MOVE and COPY have in common: the destination, and what happens to an existing entry
//! there.

use crate::folder::{self, Error, Guard, IfTaken, Named};
use crate::http::conditional;
use crate::http::destination::{Depth, Destination, Overwrite};
use crate::http::request::is_host;
use crate::http::status::Status;
use crate::http::target::PathAndQuery;
use crate::path::SharePath;
use crate::server::error_response::{self, bad_request, not_found};
use crate::server::handle::conditions::{self, Conditions};
use crate::server::handle::posted;
use crate::server::link_view::LinkStage;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// What a MOVE or COPY asks for.
#[derive(Debug)]
pub(super) struct Relocation {
    /// The path in the folder that the destination names.
    pub to: SharePath,
    /// What happens to an existing entry there.
    pub conflict: IfTaken,
    /// How much of a directory is moved or copied.
    pub depth: Depth,
    /// Whether the target ends in a slash, so that it must be a directory.
    pub needs_directory: bool,
    /// The field by which the client forbids replacing anything, if it has sent one.
    unless_taken: Option<&'static str>,
    /// The preconditions, which apply to the source.
    conditions: Conditions,
}

impl Relocation {
    /// Reads the head.
    pub(super) fn of(request: &Request<'_, '_, '_>, state: &State) -> Result<Self, Response> {
        let head = request.head;
        posted::ensure_no_body(request)?;
        let destination = Destination::of(head.fields).map_err(bad_request)?;
        let overwrite = Overwrite::of(head.fields).map_err(bad_request)?;
        let depth = Depth::of(head.fields).map_err(bad_request)?;
        let must_be_new = head.fields.all("If-None-Match").any(|value| value == b"*");
        let unless_taken = match overwrite {
            Overwrite::Forbidden => Some("Overwrite is F"),
            Overwrite::Allowed => must_be_new.then_some("If-None-Match is *"),
        };
        let conflict = if unless_taken.is_some() { IfTaken::Refuse } else { IfTaken::Replace };
        check_authority(&destination, request, state)?;
        Ok(Self {
            to: locate(request, destination.path, state)?,
            conflict,
            unless_taken,
            depth,
            needs_directory: request.target.ends_with_slash(),
            conditions: Conditions::of(head.fields),
        })
    }

    /// Whether there are preconditions, so that the source has to be examined first.
    pub(super) fn has_conditions(&self) -> bool {
        self.conditions.iter().next().is_some()
    }

    /// Checks the preconditions on the source, and returns the condition that must still hold when it is moved.
    /// `If-None-Match: *` is not among these preconditions: it applies to the destination.
    pub(super) fn guard(&self, source: Named) -> Result<Guard, Response> {
        let fields = self.conditions.iter();
        let fields =
            fields.filter(|(name, value)| *value != b"*" || !name.eq_ignore_ascii_case("If-None-Match"));
        conditions::guard(&conditional::gather(fields), source)
    }

    /// The response to an error of the folder. A taken name is a failed precondition, if the client has made
    /// it a precondition.
    pub(super) fn refuse(&self, error: &folder::Error) -> Response {
        match (error, self.unless_taken) {
            (Error::Exists, Some(why)) => {
                let text = format_args!("something of that name exists, and {why} (choose another name)\n");
                Response::text(Status::PRECONDITION_FAILED, text.to_string())
            }
            (error, _) => error_response::of(error),
        }
    }
}

/// The path in the folder that a path or URI of the server names.
#[cfg(feature = "dav")]
pub(crate) fn find(
    destination: &Destination<'_>,
    request: &Request<'_, '_, '_>,
    state: &State,
) -> Result<SharePath, Response> {
    check_authority(destination, request, state)?;
    locate(request, destination.path, state)
}

/// The path that the field `Destination` of a request names, if it names one.
#[cfg(feature = "dav")]
pub(crate) fn path(request: &Request<'_, '_, '_>, state: &State) -> Option<SharePath> {
    find(&Destination::of(request.head.fields).ok()?, request, state).ok()
}

/// Refuses a destination on another server.
fn check_authority(
    destination: &Destination<'_>,
    request: &Request<'_, '_, '_>,
    state: &State,
) -> Result<(), Response> {
    let Some(authority) = destination.authority else { return Ok(()) };
    if !is_host(authority) {
        return Err(bad_request("the Destination has an invalid host"));
    }
    if state.allowed_hosts.is_where_asked(authority, request.head.host) {
        return Ok(());
    }
    let text = "the Destination is on another server (send its path alone, or the host of the request)\n";
    Err(Response::text(Status::BAD_GATEWAY, text))
}

/// The path in the folder for a path as the client sees it: below the base, and below the link of the
/// request.
fn locate(
    request: &Request<'_, '_, '_>,
    path: PathAndQuery<'_>,
    state: &State,
) -> Result<SharePath, Response> {
    let outside = |directory: &str| {
        bad_request(format_args!(
            "the Destination is outside of what is shared (it must begin with {directory})"
        ))
    };
    let path = path.below(state.base.as_str()).ok_or_else(|| outside(&state.base.directory()))?;
    let link = request.link.as_deref().filter(|link| link.stage == LinkStage::Inside);
    let path = match link {
        // The address of the link is a secret, which the client knows.
        Some(link) => path.below(&link.prefix).ok_or_else(|| outside("the address of the link"))?,
        None => path,
    };
    let invalid = |error: &dyn std::fmt::Display| bad_request(format_args!("invalid Destination: {error}"));
    let mut below = SharePath::root();
    for segment in path.segments() {
        let segment = segment.map_err(|error| invalid(&error))?;
        below.push(&segment).map_err(|error| invalid(&error))?;
    }
    match link {
        Some(link) => link.inside(&below).map_err(|error| invalid(&error))?.ok_or_else(not_found),
        None => Ok(below),
    }
}
