//! Uploads that outlive their connections: begun by POST or PUT of a target, gone on with at `/.wharf/uploads/TOKEN`.
//!
//! The rules of the wire are `http::resumable`'s, what has arrived is the folder's. Whatever is asked here may have to
//! wait for the disk, or for a commit: so it is all done in jobs.
//!
//! Who knows the token may go on. A page of another site may not, as with any other write.

use std::time::{Duration, Instant, SystemTime};

use super::answer::Answer;
use super::error_response::{self, cross_site, not_found};
use super::interim::Interim;
use super::receiving::{BodySink, Job, JobOutcome, Receiving};
use super::route::Routed;
use super::state::State;
use super::{chat, random, upload};
use crate::chat::event::Uploader;
use crate::folder::{Appending, Ended, Error, LIFETIME, Piece, Plan, Standing, UploadError, UploadToken};
use crate::http::body::Framing;
use crate::http::request::{Head as Request, Method};
use crate::http::response::Head;
use crate::http::resumable::{
    Announced, Append, COMPLETE, INTEROP, INTEROP_VERSION, LENGTH, LIMIT, Limits, OFFSET, PARTIAL_UPLOAD,
    UploadProblem, boolean,
};
use crate::http::status::Status;
use crate::net::peer::Peer;

/// Where uploads are gone on with; the token stands behind it.
pub const PREFIX: &str = crate::own_paths::UPLOADS;

/// What can be done with an upload.
const ALLOWED: &str = "GET, HEAD, PATCH, DELETE, OPTIONS";

/// When to try again where there are too many unfinished uploads, in seconds.
const RETRY_AFTER: u32 = 60;

/// The body of a request that brings a piece of an upload.
#[derive(Debug)]
pub struct ResumableUpload {
    appending: Appending,
    /// Where the upload is gone on with, if this request has begun it.
    begun: Option<String>,
    by: Uploader,
}

/// What a request that begins an upload brings along.
pub struct Beginning {
    /// What is to become of it.
    pub plan: Plan,
    /// What the request says of its content.
    pub announced: Announced,
    /// Whether the client is sent an interim response with the place where it can be resumed.
    pub is_told: bool,
    /// How its content is framed.
    pub framing: Framing,
    /// Who sends it.
    pub by: Uploader,
}

/// The job that begins an upload. Where there is no room for one more that can be gone on with, one that comes as a
/// whole is taken as any other.
pub fn begin(beginning: Beginning) -> Job {
    Box::new(move |state| {
        let Beginning { plan, announced, is_told, framing, by } = beginning;
        let token = UploadToken::new(random::bytes());
        let location = format!("{PREFIX}{token}");
        match state.folder.begin_upload(token, plan.clone(), piece(announced)) {
            Ok(appending) => {
                let begun = Some(location.clone());
                let sink = BodySink::Resumable(Box::new(ResumableUpload { appending, begun, by }));
                let receiving = Receiving::new(framing, sink);
                JobOutcome::Receive(Box::new(if is_told {
                    receiving.with(Interim::new(resumption(&location, state), Instant::now()))
                } else {
                    receiving
                }))
            }
            Err(UploadError::TooMany) if announced.completes => {
                match upload::plain(&plan, announced.size, framing, by, state) {
                    Ok(receiving) => JobOutcome::Receive(Box::new(receiving)),
                    Err(answer) => JobOutcome::Answer(answer, None),
                }
            }
            Err(error) => JobOutcome::Answer(refuse(error, 0, state), None),
        }
    })
}

/// Finds the answer to a request for an upload; `token` is what stands behind [`PREFIX`].
pub fn answer(head: &Request<'_, '_>, token: &str, state: &State, peer: Peer) -> Result<Routed, Answer> {
    let token = UploadToken::parse(token).ok_or_else(not_found)?;
    let is_write = matches!(head.method, Method::Patch | Method::Delete);
    if is_write && !state.allowed_hosts.may_write(head.host, head.fields) {
        return Err(cross_site());
    }
    match head.method {
        // A cache that is asked with HEAD may ask with GET, as Varnish does; what it hears has no content in any case.
        Method::Get | Method::Head => Ok(Routed::Work(job(move |state| stand(&token, state)))),
        Method::Delete => Ok(Routed::Work(job(move |state| cancel(&token, state)))),
        Method::Patch => append(head, token, state, peer),
        Method::Options => {
            let head = Head::new(Status::NO_CONTENT).field("Allow", ALLOWED);
            Err(Answer::empty(offer(head, state)))
        }
        _ => {
            let text = format_args!("allowed here: {ALLOWED}\n").to_string();
            Err(Answer::text(Status::METHOD_NOT_ALLOWED, text).with("Allow", ALLOWED))
        }
    }
}

/// Says in an answer to OPTIONS that uploads can be gone on with (§4.1.4 of the draft).
pub fn offer(head: Head, state: &State) -> Head {
    if state.folder.rules().read_only {
        return head;
    }
    head.field("Accept-Patch", PARTIAL_UPLOAD).field(LIMIT, limits(LIFETIME, state))
}

fn job(act: impl FnOnce(&State) -> Answer + Send + 'static) -> Job {
    Box::new(move |state| JobOutcome::Answer(act(state), None))
}

/// How far an upload is (§4.3).
fn stand(token: &UploadToken, state: &State) -> Answer {
    match state.folder.upload(token) {
        Ok(standing) => {
            let head = with_standing(Head::new(Status::NO_CONTENT), standing);
            let head = head.field(LIMIT, limits(left(standing), state));
            Answer::empty(head).with("Cache-Control", "no-store")
        }
        Err(error) => refuse(error, 0, state).with("Cache-Control", "no-store"),
    }
}

/// Throws an upload away (§4.5).
fn cancel(token: &UploadToken, state: &State) -> Answer {
    match state.folder.cancel_upload(token) {
        Ok(()) => Answer::empty(Head::new(Status::NO_CONTENT)),
        Err(error) => refuse(error, 0, state),
    }
}

/// Goes on with an upload (§4.4).
fn append(head: &Request<'_, '_>, token: UploadToken, state: &State, peer: Peer) -> Result<Routed, Answer> {
    upload::refuse_what_is_not_the_content(head)?;
    let Append { offset, announced } =
        Append::of(head).map_err(|error| Answer::text(error.status(), format_args!("{error}\n")))?;
    let (framing, by) = (head.framing, chat::uploader(head, state, peer));
    Ok(Routed::Work(Box::new(move |state| {
        match state.folder.append(&token, offset, piece(announced)) {
            Ok(appending) => {
                let sink = BodySink::Resumable(Box::new(ResumableUpload { appending, begun: None, by }));
                JobOutcome::Receive(Box::new(Receiving::new(framing, sink)))
            }
            // Content beyond the end is a matter of lengths, none at all one of completeness.
            Err(UploadError::Complete(standing)) if announced.size != Some(0) => {
                let answer = problem(UploadProblem::InconsistentLength);
                JobOutcome::Answer(answer_with(answer, standing), None)
            }
            Err(error) => JobOutcome::Answer(refuse(error, offset, state), None),
        }
    })))
}

impl ResumableUpload {
    /// Takes the next bytes.
    pub fn write(&mut self, content: &[u8], state: &State) -> Result<(), Answer> {
        self.appending.write(content).map_err(|error| refuse(error, 0, state))
    }

    /// The body has ended: the upload waits for more, or gets its name.
    pub fn finish(self, state: &State) -> JobOutcome {
        let Self { appending, begun, by } = self;
        match appending.end() {
            Ok(Ended::Paused(standing)) => JobOutcome::Answer(paused(standing, begun, state), None),
            Ok(Ended::Saved(saved, memo)) => {
                let kept = state.saved(&by, &saved);
                let answer = upload::tell(&saved, memo == upload::PUT).with(COMPLETE, boolean(true));
                JobOutcome::Answer(answer, kept)
            }
            Err(error) => JobOutcome::Answer(refuse(error, 0, state), None),
        }
    }
}

/// More is to come: where to, for whom has begun the upload (§4.2), and from where on.
fn paused(standing: Standing, begun: Option<String>, state: &State) -> Answer {
    let head = match begun {
        Some(location) => Head::new(Status::CREATED).field("Location", location),
        None => Head::new(Status::NO_CONTENT),
    };
    Answer::empty(with_standing(head.field(LIMIT, limits(standing.lifetime(), state)), standing))
}

/// The interim answer that says where an upload can be gone on with (§5).
fn resumption(location: &str, state: &State) -> Vec<u8> {
    let head = Head::new(Status::RESUMPTION_SUPPORTED)
        .field("Location", location)
        .field(LIMIT, limits(LIFETIME, state))
        .field(INTEROP, INTEROP_VERSION);
    let mut bytes = Vec::new();
    head.write(&mut bytes);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

fn piece(announced: Announced) -> Piece {
    let Announced { completes, size, length } = announced;
    Piece { completes, size, length }
}

fn with_standing(head: Head, standing: Standing) -> Head {
    let head = head.field(COMPLETE, boolean(standing.is_complete)).field(OFFSET, standing.offset);
    match standing.length {
        Some(length) => head.field(LENGTH, length),
        None => head,
    }
}

fn answer_with(answer: Answer, standing: Standing) -> Answer {
    Answer { head: with_standing(answer.head, standing), ..answer }
}

/// How long an upload is still kept.
fn left(standing: Standing) -> Duration {
    let age = SystemTime::now().duration_since(standing.modified).unwrap_or_default();
    standing.lifetime().saturating_sub(age)
}

fn limits(age: Duration, state: &State) -> Limits {
    Limits { max_size: state.folder.rules().max_upload, max_age: age.as_secs() }
}

/// What is said of an upload that cannot be begun or gone on with; `offset` is where the client wanted to.
fn refuse(error: UploadError, offset: u64, state: &State) -> Answer {
    match error {
        UploadError::Folder(error @ Error::TooLarge { .. }) => {
            error_response::of(&error).with(LIMIT, limits(LIFETIME, state))
        }
        UploadError::Folder(error) => error_response::of(&error),
        // All of it came: to send it again would not help (§4.4).
        UploadError::Refused(error) => error_response::of(&error).with(COMPLETE, boolean(true)),
        UploadError::Unknown => not_found(),
        UploadError::Mismatch(standing) => {
            let mismatch = UploadProblem::MismatchingOffset { expected: standing.offset, provided: offset };
            answer_with(problem(mismatch), standing)
        }
        UploadError::Complete(standing) => answer_with(problem(UploadProblem::Completed), standing),
        UploadError::Inconsistent => problem(UploadProblem::InconsistentLength),
        UploadError::Superseded => Answer::text(Status::CONFLICT, format_args!("{error}\n")),
        UploadError::TooMany => Answer::text(Status::SERVICE_UNAVAILABLE, format_args!("{error}\n"))
            .with("Retry-After", RETRY_AFTER),
    }
}

fn problem(problem: UploadProblem) -> Answer {
    let head = Head::new(problem.status());
    Answer::bytes(head, "application/problem+json", problem.to_json().into_bytes())
}
