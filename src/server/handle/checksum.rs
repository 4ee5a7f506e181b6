//! The response to `GET /path?sha256`: the file's SHA-256, and the `ETag` of its version.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use crate::folder::OpenFile;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::validators::{EntityTag, Validators};
use crate::server::handle::conditions::{Conditions, judge};
use crate::server::handled::Handled;
use crate::server::hashes::{Hash, HashError, HashLookup, Hashing};
use crate::server::media;
use crate::server::receive::{Job, JobOutcome};
use crate::server::representation::tag;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The query parameter.
pub(crate) const PARAMETER: &str = "sha256";

/// When to retry if no hash is available now, in seconds.
const RETRY_AFTER: u32 = 2;

/// Returns the hash of a file that has just been opened, or the job that computes it.
pub(crate) fn answer(request: &Request<'_, '_, '_>, open: OpenFile, state: &State) -> Handled {
    let version = open.facts.version;
    let now = SystemTime::now();
    let fields = request.head.fields;
    match state.digests.find(open, now, request.client.key()) {
        HashLookup::Yes(hash) => Handled::Respond(tell(hash, tag(&version, true).as_ref(), fields.iter())),
        // The tag depends on whether the version was settled at the first read, not at the time of the response.
        HashLookup::NotYet(hashing) => {
            Handled::Work(job(hashing, tag(&version, version.is_settled(now)), Conditions::of(fields)))
        }
        HashLookup::TooMany => {
            Handled::Respond(not_now("too many files are being hashed; try again later\n"))
        }
    }
}

/// The job that computes one slice, and queues itself again for the rest.
fn job(hashing: Arc<Mutex<Hashing>>, tag: Option<EntityTag<'static>>, conditions: Conditions) -> Job {
    Box::new(move |state, _| {
        let answer = match state.digests.proceed(&hashing) {
            Some(Ok(hash)) => tell(hash, tag.as_ref(), conditions.iter()),
            Some(Err(HashError::Changed)) => {
                not_now("the file changed while it was being hashed; try again\n")
            }
            Some(Err(HashError::Unreadable(kind))) => {
                log::error!("cannot hash a file: {kind}");
                Response::text(Status::INTERNAL_SERVER_ERROR, "the server cannot read the file\n")
            }
            None if state.stop.asked().is_some() => not_now("the server is shutting down\n"),
            None => return JobOutcome::Again(job(hashing, tag, conditions)),
        };
        JobOutcome::Respond(answer, None)
    })
}

/// The response with the hash, unless a precondition among these fields fails.
fn tell<'a>(
    hash: Hash,
    tag: Option<&EntityTag<'static>>,
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Response {
    let head = |status| {
        let head = Head::new(status).field("Cache-Control", "no-cache");
        match tag {
            Some(tag) => head.field("ETag", tag),
            None => head,
        }
    };
    let validators = Validators { etag: tag.cloned(), last_modified: None };
    match judge(fields, &validators, || head(Status::NOT_MODIFIED)) {
        Ok(()) => Response::bytes(head(Status::OK), media::TEXT, format!("{hash}\n").into_bytes()),
        Err(response) => response,
    }
}

fn not_now(why: &str) -> Response {
    Response::text(Status::SERVICE_UNAVAILABLE, why).with("Retry-After", RETRY_AFTER)
}
