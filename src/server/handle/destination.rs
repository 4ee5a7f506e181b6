//! What the heads of MOVE and COPY have in common: the destination, and what happens to an existing entry
//! there.

use crate::folder::{self, Error, Guard, IfTaken, Named};
use crate::http::conditional;
use crate::http::destination::{Depth, Destination, Overwrite};
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::destination;
use crate::server::error_response::{self, bad_request};
use crate::server::handle::conditions::{self, Conditions};
use crate::server::handle::posted;
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
        Ok(Self {
            to: destination::find(&destination, request, state)?,
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
