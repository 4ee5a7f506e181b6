//! The response to `GET /path?sha256`: the file's SHA-256, and the `ETag` of its version.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use crate::folder::OpenFile;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::validators::EntityTag;
use crate::server::handled::Handled;
use crate::server::hashes::{Hash, HashError, HashLookup, Hashing};
use crate::server::media;
use crate::server::receive::{Job, JobOutcome};
use crate::server::representation::tag;
use crate::server::request::ClientAddress;
use crate::server::response::Response;
use crate::server::state::State;

/// The query parameter.
pub(crate) const PARAMETER: &str = "sha256";

/// When to retry if no hash is available now, in seconds.
const RETRY_AFTER: u32 = 2;

/// Returns the hash of a file that has just been opened, or the job that computes it.
pub(crate) fn answer(open: OpenFile, client: ClientAddress, state: &State) -> Handled {
    let version = open.facts.version;
    let now = SystemTime::now();
    match state.digests.find(open, now, client.key()) {
        HashLookup::Yes(hash) => Handled::Respond(tell(hash, tag(&version, true))),
        // The tag depends on whether the version was settled at the first read, not at the time of the response.
        HashLookup::NotYet(hashing) => Handled::Work(job(hashing, tag(&version, version.is_settled(now)))),
        HashLookup::TooMany => {
            Handled::Respond(not_now("too many files are being hashed; try again later\n"))
        }
    }
}

/// The job that computes one slice, and queues itself again for the rest.
fn job(hashing: Arc<Mutex<Hashing>>, tag: Option<EntityTag<'static>>) -> Job {
    Box::new(move |state, _| {
        let answer = match state.digests.proceed(&hashing) {
            Some(Ok(hash)) => tell(hash, tag),
            Some(Err(HashError::Changed)) => {
                not_now("the file changed while it was being hashed; try again\n")
            }
            Some(Err(HashError::Unreadable(kind))) => {
                log::error!("cannot hash a file: {kind}");
                Response::text(Status::INTERNAL_SERVER_ERROR, "the server cannot read the file\n")
            }
            None if state.stop.asked().is_some() => not_now("the server is shutting down\n"),
            None => return JobOutcome::Again(job(hashing, tag)),
        };
        JobOutcome::Respond(answer, None)
    })
}

fn tell(hash: Hash, tag: Option<EntityTag<'static>>) -> Response {
    let head = Head::new(Status::OK).field("Cache-Control", "no-cache");
    let head = match tag {
        Some(tag) => head.field("ETag", tag),
        None => head,
    };
    Response::bytes(head, media::TEXT, format!("{hash}\n").into_bytes())
}

fn not_now(why: &str) -> Response {
    Response::text(Status::SERVICE_UNAVAILABLE, why).with("Retry-After", RETRY_AFTER)
}
