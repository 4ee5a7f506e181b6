//! A zip: first the walk, as a job, then the response, with its length, an `ETag` and ranges.

use super::common::{self, too_many};
use super::frozen::{CannotFreeze, Freezing, Frozen};
use super::zip_source::ZipSource;
use crate::access::{Grant, Judge, ToList};
use crate::archive::zip::ENTRIES_LIMIT;
use crate::blocking::Blocking;
use crate::http::range::content_range::{content_range, unsatisfied};
use crate::http::range::{Selection, Span};
use crate::http::request::Method;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::validators::Validators;
use crate::server::content::{Chunk, Content};
use crate::server::error_response::of_read_error;
use crate::server::handle::conditions::{Conditions, judge, select};
use crate::server::handled::Handled;
use crate::server::jobs::fair_permits::FairPermit;
use crate::server::receive::{Job, JobOutcome};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// What is kept from the request until the walk is done.
#[derive(Debug)]
struct ZipRequest {
    /// The head of the response, without validators.
    head: Head,
    conditions: Conditions,
    /// Whether ranges apply: only GET has them (RFC 9110 §14.2).
    has_ranges: bool,
    /// Decides which files the client may read.
    judge_entry: Judge,
    /// Returned when the last byte has been sent.
    permit: FairPermit,
}

/// The job that makes a zip of this name.
pub(super) fn answer(
    request: &Request<'_, '_, '_>,
    directory: &Grant<'_, ToList>,
    head: Head,
    name: Vec<u8>,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Handled, Response> {
    let client = request.client.key();
    let permit = state.archives.take(client).ok_or_else(too_many)?;
    let judge_entry = state.access.judge(&request.principal);
    let walk =
        state.folder.walk(directory, judge_entry.clone(), disk).map_err(|error| of_read_error(&error))?;
    let freezing = Freezing::new(name, request.path.as_bytes().len(), walk, client);
    let has_ranges = request.method == Method::Get;
    let conditions = Conditions::of(request.head.fields);
    Ok(Handled::Work(job(freezing, ZipRequest { head, conditions, has_ranges, judge_entry, permit })))
}

/// The job that walks for one slice, and queues itself again for the rest.
fn job(mut freezing: Freezing, request: ZipRequest) -> Job {
    Box::new(move |state, disk| {
        let response = match freezing.proceed(&state.zip_memory, disk) {
            Ok(Some(frozen)) => of_frozen(frozen, request, state),
            Ok(None) if state.stop.asked().is_some() => {
                Response::text(Status::SERVICE_UNAVAILABLE, "the server is shutting down\n")
            }
            Ok(None) => return JobOutcome::Again(job(freezing, request)),
            Err(error) => of_error(&error),
        };
        JobOutcome::Respond(response, None)
    })
}

fn of_error(error: &CannotFreeze) -> Response {
    match error {
        CannotFreeze::TooLarge => {
            let text =
                format!("the folder has more than {ENTRIES_LIMIT} entries, too many for a zip (try ?tar)\n");
            Response::text(Status::CONTENT_TOO_LARGE, text)
        }
        CannotFreeze::NoMemory => too_many(),
        CannotFreeze::Folder(error) => of_read_error(error),
    }
}

fn of_frozen(frozen: Frozen, request: ZipRequest, state: &State) -> Response {
    respond(frozen, request, state).unwrap_or_else(|response| response)
}

fn respond(frozen: Frozen, request: ZipRequest, state: &State) -> Result<Response, Response> {
    let ZipRequest { head, conditions, has_ranges, judge_entry, permit } = request;
    let validators = Validators { etag: frozen.etag.clone(), last_modified: None };
    let with_tag = |head: Head| match &frozen.etag {
        Some(etag) => head.field("ETag", etag),
        None => head,
    };
    judge(conditions.iter(), &validators, || with_tag(common::head(Status::NOT_MODIFIED)))?;
    let length = frozen.layout.length();
    let selection =
        if has_ranges { select(&conditions.iter(), &validators, length) } else { Selection::Whole };
    let head = with_tag(head).field("Accept-Ranges", "bytes");
    let (head, span) = match selection {
        Selection::One(span) => {
            let head = head.with_status(Status::PARTIAL_CONTENT);
            (head.field("Content-Range", content_range(span, length)), Some(span))
        }
        Selection::Unsatisfiable => {
            let text = format_args!("range not satisfiable: the zip has {length} bytes\n").to_string();
            let response = Response::text(Status::RANGE_NOT_SATISFIABLE, text);
            return Err(response.with("Content-Range", unsatisfied(length)));
        }
        // Several ranges would open the same files again and again; a server may ignore them (RFC 9110 §14.2).
        Selection::Whole | Selection::Many(_) => (head, Span::new(0, length, length)),
    };
    let source = span.map(|span| ZipSource::new(frozen, span, judge_entry, state, permit));
    Ok(Response::new(
        head,
        source.map_or_else(Content::default, |source| Chunk::source(source, &state.chores).into()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Error;

    #[test]
    fn each_error_has_its_status() {
        let table = [
            (CannotFreeze::TooLarge, Status::CONTENT_TOO_LARGE),
            (CannotFreeze::NoMemory, Status::SERVICE_UNAVAILABLE),
            (CannotFreeze::Folder(Error::NotDirectory), Status::NOT_FOUND),
        ];
        for (error, status) in table {
            assert_eq!(of_error(&error).head.status(), status, "{error:?}");
        }
    }
}
