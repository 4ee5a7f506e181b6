//! Which answer a request gets: by whom it is asked, what it names, and what is to be done with that.

use super::answer::Answer;
use super::disk::Disk;
use super::error_response::{bad_request, cross_site, not_found};
use super::receiving::{Job, Receiving};
use super::state::State;
use super::{files, resumable, status, upload};
use crate::folder::SharePath;
use crate::http::body::Framing;
use crate::http::request::{Expectation, Head, Method};
use crate::http::response;
use crate::http::status::Status;
use crate::http::target::{PathAndQuery, Target};
use crate::net::peer::Peer;

/// The methods that are taken here, for `Allow`.
const ALLOWED: &str = "GET, HEAD, POST, PUT, OPTIONS";

/// The first segment of the paths that are the server's own.
const OWN: &[u8] = b".wharf";

/// What a request leads to.
pub enum Routed {
    /// This answer.
    Answer(Answer),
    /// The body is wanted first.
    Receive(Box<Receiving>),
    /// Something that takes its time.
    Work(Job),
    /// Nothing yet: the disk has to be waited for, which this thread may not do.
    NeedsDisk,
}

/// A request for something in the folder, as the files that answer it see it.
pub struct FolderRequest<'a, 'h, 'b> {
    /// The request's head.
    pub head: &'a Head<'h, 'b>,
    /// What it names, encoded, with its query.
    pub target: PathAndQuery<'b>,
    /// What it names, checked.
    pub path: SharePath,
    /// Who asks.
    pub peer: Peer,
}

/// Finds the answer.
pub fn route(head: &Head<'_, '_>, state: &State, peer: Peer, disk: &mut Disk) -> Routed {
    find(head, state, peer, disk).unwrap_or_else(Routed::Answer)
}

/// Whether a request brings something for the folder, and not for the server itself.
pub fn is_upload(head: &Head<'_, '_>) -> bool {
    let is_ours = |target: PathAndQuery<'_>| {
        target.raw().starts_with("/.wharf/") && !target.raw().starts_with(resumable::PREFIX)
    };
    head.framing != Framing::Empty && !head.target.path().is_some_and(is_ours)
}

fn find(head: &Head<'_, '_>, state: &State, peer: Peer, disk: &mut Disk) -> Result<Routed, Answer> {
    if !state.allowed_hosts.takes(peer, head.host, head.fields) {
        return Err(misdirected(head));
    }
    if head.expectation == Expectation::Other {
        return Err(Answer::text(
            Status::EXPECTATION_FAILED,
            "unsupported expectation (only 100-continue is supported)\n",
        ));
    }
    match head.method {
        Method::NotAllowed => return Err(not_allowed()),
        Method::Unknown => return Err(Answer::text(Status::NOT_IMPLEMENTED, "unknown method\n")),
        Method::Options if head.target == Target::Asterisk => return Err(options(state)),
        _ => {}
    }
    let target = head.target.path().ok_or_else(|| bad_request("this method needs a path as its target"))?;
    let segments: Vec<_> = target.segments().collect::<Result<_, _>>().map_err(bad_request)?;
    if segments.iter().find(|segment| !segment.is_empty()).is_some_and(|first| **first == *OWN) {
        return status::answer(head, target, state, peer);
    }
    let path = SharePath::from_segments(segments).map_err(bad_request)?;
    let request = FolderRequest { head, target, path, peer };
    match head.method {
        Method::Get | Method::Head => files::answer(&request, disk, state),
        Method::Post | Method::Put if state.allowed_hosts.may_write(head.host, head.fields) => {
            upload::begin(request, disk, state)
        }
        Method::Post | Method::Put => Err(cross_site()),
        Method::Options => Err(options(state)),
        Method::Patch | Method::Delete => Err(not_allowed()),
        Method::NotAllowed | Method::Unknown => Err(not_found()),
    }
}

/// Answers with what can be done (RFC 9110 §9.3.7).
fn options(state: &State) -> Answer {
    let head = response::Head::new(Status::NO_CONTENT).field("Allow", ALLOWED);
    Answer::empty(resumable::offer(head, state))
}

fn not_allowed() -> Answer {
    Answer::text(Status::METHOD_NOT_ALLOWED, format_args!("method not allowed (allowed: {ALLOWED})\n"))
        .with("Allow", ALLOWED)
}

/// The name that the client knows this server by is not one of its own (RFC 9110 §15.5.20).
fn misdirected(head: &Head<'_, '_>) -> Answer {
    let host = head.host.unwrap_or("");
    let text =
        format_args!("unknown host {host} (to accept it, start the server with --host NAME)\n").to_string();
    Answer::text(Status::MISDIRECTED_REQUEST, text)
}
