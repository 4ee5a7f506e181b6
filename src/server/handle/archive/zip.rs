//! A zip: first the walk, as a job, then the response, with its length, an `ETag` and ranges.

use super::chosen::{self, LONGEST_FORM};
use super::common::{self, too_many};
use super::frozen::{CannotFreeze, Freezing, Frozen};
use super::zip_source::ZipSource;
use std::ffi::OsString;

use crate::access::{Grant, Judge, ToList};
use crate::archive::zip::ENTRIES_LIMIT;
use crate::blocking::Blocking;
use crate::http::range::content_range::{content_range, unsatisfied};
use crate::http::range::{Selection, Span};
use crate::http::request::Method;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::validators::Validators;
use crate::server::client_key::ClientKey;
use crate::server::content::{Chunk, Content};
use crate::server::error_response::of_read_error;
use crate::server::gate::authorise;
use crate::server::handle::conditions::{Conditions, judge, select};
use crate::server::handle::posted;
use crate::server::handled::Handled;
use crate::server::jobs::fair_permits::FairPermit;
use crate::server::receive::{AfterBody, Job, JobOutcome};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// What is kept from the request until the walk is done.
#[derive(Debug)]
struct ZipRequest {
    /// The head of the response, without validators.
    head: Head,
    conditions: Conditions,
    method: Method,
    /// Decides which files the client may read.
    judge_entry: Judge,
    /// Returned when the last byte has been sent.
    permit: FairPermit,
}

impl ZipRequest {
    /// What this request says. Takes a permit.
    fn of(request: &Request<'_, '_, '_>, head: Head, state: &State) -> Result<Self, Response> {
        Ok(Self {
            head,
            conditions: Conditions::of(request.head.fields),
            method: request.method,
            judge_entry: state.access.judge(&request.principal),
            permit: state.archives.take(request.client.key()).ok_or_else(too_many)?,
        })
    }

    /// The job that makes a zip of this name, with all entries or with those that were chosen.
    fn begin(
        self,
        directory: &Grant<'_, ToList>,
        name: Vec<u8>,
        chosen: Option<Vec<OsString>>,
        client: ClientKey,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<Job, Response> {
        let judge_entry = self.judge_entry.clone();
        let walk = match chosen {
            None => state.folder.walk(directory, judge_entry, disk),
            Some(names) => state.folder.walk_chosen(directory, names, judge_entry, disk),
        };
        let walk = walk.map_err(|error| of_read_error(&error))?;
        Ok(job(Freezing::new(name, directory.path().as_bytes().len(), walk, client), self))
    }
}

/// The job that makes a zip of this name, with the entries that the query names, or with all.
pub(super) fn answer(
    request: &Request<'_, '_, '_>,
    directory: &Grant<'_, ToList>,
    head: Head,
    name: Vec<u8>,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Handled, Response> {
    let chosen = chosen::of_query(request.target)?;
    let zip = ZipRequest::of(request, head, state)?;
    Ok(Handled::Work(zip.begin(directory, name, chosen, request.client.key(), state, disk)?))
}

/// Receives a form with the names of entries, and then makes a zip of this name with them and those in the query. The
/// permit is taken first, so few forms are in memory at once.
pub(super) fn receive(
    request: &Request<'_, '_, '_>,
    head: Head,
    name: Vec<u8>,
    state: &State,
) -> Result<Handled, Response> {
    let directory = authorise::grant::<ToList>(&request.principal, &request.path, state)?.into_owned();
    let query = request.target.query().unwrap_or_default().as_bytes().to_vec();
    let zip = ZipRequest::of(request, head, state)?;
    let client = request.client.key();
    let then = move |form: Vec<u8>, state: &State, disk: Blocking<'_>| {
        let begun = chosen::of_form(&query, &form)
            .and_then(|chosen| zip.begin(&directory, name, Some(chosen), client, state, disk));
        begun.map_or_else(|response| JobOutcome::Respond(response, None), JobOutcome::Again)
    };
    posted::receive(request.head, LONGEST_FORM, AfterBody::Collect(Box::new(then)))
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
        CannotFreeze::Missing(name) => chosen::missing(name),
        CannotFreeze::NoMemory => too_many(),
        CannotFreeze::Folder(error) => of_read_error(error),
    }
}

fn of_frozen(frozen: Frozen, request: ZipRequest, state: &State) -> Response {
    respond(frozen, request, state).unwrap_or_else(|response| response)
}

fn respond(frozen: Frozen, request: ZipRequest, state: &State) -> Result<Response, Response> {
    let ZipRequest { head, conditions, method, judge_entry, permit } = request;
    let validators = Validators { etag: frozen.etag.clone(), last_modified: None };
    let with_tag = |head: Head| match &frozen.etag {
        Some(etag) => head.field("ETag", etag),
        None => head,
    };
    // The response to a form is not a representation of a URL, so nothing about it can be compared.
    if method != Method::Post {
        judge(conditions.iter(), &validators, || with_tag(common::head(Status::NOT_MODIFIED)))?;
    }
    let length = frozen.layout.length();
    let selection = match method {
        // Only GET has ranges (RFC 9110 §14.2).
        Method::Get => select(&conditions.iter(), &validators, length),
        _ => Selection::Whole,
    };
    let head = if method == Method::Post { head } else { with_tag(head).field("Accept-Ranges", "bytes") };
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
            (CannotFreeze::Missing("x".into()), Status::NOT_FOUND),
            (CannotFreeze::NoMemory, Status::SERVICE_UNAVAILABLE),
            (CannotFreeze::Folder(Error::NotDirectory), Status::NOT_FOUND),
        ];
        for (error, status) in table {
            assert_eq!(of_error(&error).head.status(), status, "{error:?}");
        }
    }
}
