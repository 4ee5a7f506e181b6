//! The answer to POST and PUT: whether the body is wanted, and what is said once it is saved.
//!
//! Everything that can be judged from the head is judged here, before a byte of the body is read and before `100
//! Continue` is sent; so a client that is refused need not send what it has.

use std::time::SystemTime;

use super::answer::Answer;
use super::chat;
use super::client_key;
use super::disk::Disk;
use super::error_response::{self, bad_request};
use super::form::FormUpload;
use super::media;
use super::receiving::{BodySink, JobOutcome, Receiving};
use super::representation::validators;
use super::resumable::{self, Beginning};
use super::route::{FolderRequest, Routed};
use super::state::State;
use crate::chat::event::Uploader;
use crate::folder::{self, Guard, Incoming, Node, Plan, Saved};
use crate::http::body::Framing;
use crate::http::conditional::{self, Action, Verdict};
use crate::http::multipart::{self, BoundaryError};
use crate::http::request::{Head, Method};
use crate::http::response;
use crate::http::resumable::{Announced, UploadKind};
use crate::http::status::Status;
use crate::http::target::encode_path;

/// What an upload that can be gone on with remembers of the request that began it: the answer differs.
pub const PUT: &str = "PUT";
const POST: &str = "POST";

/// A file that is being uploaded as the whole body.
#[derive(Debug)]
pub struct FileUpload {
    incoming: Incoming,
    guard: Guard,
    is_put: bool,
    by: Uploader,
}

/// Decides whether the body is wanted.
pub fn begin(request: FolderRequest<'_, '_, '_>, disk: &mut Disk, state: &State) -> Result<Routed, Answer> {
    if !disk.may_wait(state) {
        return Ok(Routed::NeedsDisk);
    }
    let head = request.head;
    let kind = if request.target.ends_with_slash() { UploadKind::Plain } else { UploadKind::of(head) };
    if let UploadKind::ResumableWithInterim(announced) | UploadKind::Resumable(announced) = kind {
        return begin_resumable(
            request,
            announced,
            matches!(kind, UploadKind::ResumableWithInterim(_)),
            state,
        );
    }
    let size = length(head)?;
    refuse_what_is_not_the_content(head)?;
    if request.target.ends_with_slash() {
        return begin_form(request, size, state);
    }
    let incoming = state.folder.receive(&request.path, size).map_err(|error| error_response::of(&error))?;
    let guard = guard(&request, state)?;
    let is_put = head.method == Method::Put;
    let upload =
        Box::new(FileUpload { incoming, guard, is_put, by: chat::uploader(head, state, request.peer) });
    Ok(Routed::Receive(Box::new(Receiving::new(head.framing, BodySink::File(upload)))))
}

/// An upload that can be gone on with: what the folder says to it is found out by a job.
fn begin_resumable(
    request: FolderRequest<'_, '_, '_>,
    announced: Announced,
    is_told: bool,
    state: &State,
) -> Result<Routed, Answer> {
    let head = request.head;
    refuse_what_is_not_the_content(head)?;
    let guard = guard(&request, state)?;
    let memo = if head.method == Method::Put { PUT } else { POST };
    let by = chat::uploader(head, state, request.peer);
    let owner = client_key::as_text(request.peer);
    let plan = Plan { path: request.path, length: announced.length, guard, owner, memo: memo.to_owned() };
    let framing = head.framing;
    Ok(Routed::Work(resumable::begin(Beginning { plan, announced, is_told, framing, by })))
}

/// The body of an upload that was to be one that can be gone on with, and cannot.
pub fn plain(
    plan: &Plan,
    size: Option<u64>,
    framing: Framing,
    by: Uploader,
    state: &State,
) -> Result<Receiving, Answer> {
    let incoming = state.folder.receive(&plan.path, size).map_err(|error| error_response::of(&error))?;
    let upload = FileUpload { incoming, guard: plan.guard, is_put: plan.memo == PUT, by };
    Ok(Receiving::new(framing, BodySink::File(Box::new(upload))))
}

/// A form is sent to a directory; so is what was meant for a file whose name is missing.
fn begin_form(
    request: FolderRequest<'_, '_, '_>,
    size: Option<u64>,
    state: &State,
) -> Result<Routed, Answer> {
    let head = request.head;
    let content_type = head.fields.get("Content-Type").unwrap_or_default();
    let boundary = match multipart::boundary(content_type) {
        Ok(boundary) if head.method == Method::Post => boundary,
        Err(error @ (BoundaryError::Missing | BoundaryError::Invalid)) => return Err(bad_request(error)),
        _ => {
            let text = "that is a directory; add the name of the file (/directory/file)\n";
            return Err(Answer::text(Status::CONFLICT, text));
        }
    };
    let form = FormUpload::begin(request, &boundary, size, state)?;
    Ok(Routed::Receive(Box::new(Receiving::new(head.framing, BodySink::Form(Box::new(form))))))
}

/// How long the body is, if that is told; one that is neither told nor chunked cannot be received.
fn length(head: &Head<'_, '_>) -> Result<Option<u64>, Answer> {
    match head.framing {
        Framing::Sized(length) => Ok(Some(length)),
        Framing::Chunked => Ok(None),
        Framing::Empty | Framing::UntilClose if head.fields.get("Content-Length").is_some() => Ok(Some(0)),
        Framing::Empty | Framing::UntilClose => Err(Answer::text(
            Status::LENGTH_REQUIRED,
            "an upload needs Content-Length or chunked transfer coding\n",
        )),
    }
}

/// A part of a file (RFC 9110 §14.5), or one that is packed (§8.4): saved as they are, they would be something else.
pub fn refuse_what_is_not_the_content(head: &Head<'_, '_>) -> Result<(), Answer> {
    if head.fields.get("Content-Range").is_some() {
        return Err(bad_request("Content-Range is not supported in uploads (send the whole file)"));
    }
    let is_packed =
        head.fields.list("Content-Encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    if is_packed {
        let text = "Content-Encoding is not supported in uploads (send the file unencoded)\n";
        return Err(Answer::text(Status::UNSUPPORTED_MEDIA_TYPE, text));
    }
    Ok(())
}

/// Judges the preconditions, and says what must still be true at the commit.
fn guard(request: &FolderRequest<'_, '_, '_>, state: &State) -> Result<Guard, Answer> {
    let preconditions = conditional::gather(request.head.fields.iter());
    if !preconditions.guard_a_write() {
        return Ok(Guard::None);
    }
    let current = match state.folder.open(&request.path) {
        Ok(Node::File(open)) => Some(open.facts),
        Ok(Node::Directory { .. }) | Err(folder::Error::NotFound) => None,
        Err(error) => return Err(error_response::of(&error)),
    };
    let now = SystemTime::now();
    let validators = current.map(|facts| validators(&facts, now));
    if conditional::evaluate(&preconditions, Action::Modify, validators.as_ref()) != Verdict::Proceed {
        return Err(error_response::of(&folder::Error::Changed));
    }
    match current.map(|facts| facts.version) {
        None => Ok(Guard::MustBeNew),
        Some(version) if version.is_settled(now) => Ok(Guard::MustBe(version)),
        Some(_) if preconditions.only_ask_for_existence() => Ok(Guard::MustExist),
        // The commit could not tell whether it is still the same.
        Some(_) => Err(error_response::of(&folder::Error::Changed)),
    }
}

impl FileUpload {
    /// Takes the next bytes.
    pub fn write(&mut self, content: &[u8]) -> Result<(), folder::Error> {
        self.incoming.write(content)
    }

    /// Gives the file its name, and says so.
    pub fn commit(self: Box<Self>, state: &State) -> JobOutcome {
        let Self { incoming, guard, is_put, by } = *self;
        match incoming.commit(guard) {
            Ok(saved) => {
                let kept = state.saved(&by, &saved);
                JobOutcome::Answer(tell(&saved, is_put), kept)
            }
            Err(error) => JobOutcome::Answer(error_response::of(&error), None),
        }
    }
}

/// What a client is told of its upload: POST as text, PUT by status (RFC 9110 §9.3.4).
pub fn tell(saved: &Saved, is_put: bool) -> Answer {
    let location = format!("/{}", encode_path(saved.path.as_bytes()));
    let status = match (is_put, saved.created) {
        (true, true) => Status::CREATED,
        (true, false) => Status::NO_CONTENT,
        (false, _) => Status::OK,
    };
    let head = response::Head::new(status).field("Content-Location", location);
    if status == Status::NO_CONTENT {
        return Answer::empty(head);
    }
    Answer::bytes(head, media::TEXT, line(saved).into_bytes())
}

/// A line that says what was saved.
pub fn line(saved: &Saved) -> String {
    format!("saved {} ({} bytes)\n", crate::printable::Printable(saved.path.as_bytes()), saved.size)
}
