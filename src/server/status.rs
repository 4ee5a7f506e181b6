//! What the server says of itself: the paths below `/.wharf/`.

use super::answer::Answer;
use super::chat;
use super::refusal::not_found;
use super::route::Routed;
use super::state::State;
use crate::http::request::{Head, Method};
use crate::http::status::Status;
use crate::http::target::PathAndQuery;
use crate::net::peer::Peer;

/// The answer to a request for one of the server's own names.
pub fn answer(
    head: &Head<'_, '_>,
    target: PathAndQuery<'_>,
    state: &State,
    peer: Peer,
) -> Result<Routed, Answer> {
    if let Some(call) = target.raw().strip_prefix("/.wharf/chat/") {
        return chat::answer(head, target, call, state, peer);
    }
    match (target.raw(), head.method) {
        ("/.wharf/health", Method::Get | Method::Head) => {
            Ok(Routed::Answer(Answer::text(Status::OK, "ok\n").with("Cache-Control", "no-store")))
        }
        ("/.wharf/health", _) => {
            let allow = "GET, HEAD";
            Err(Answer::text(Status::METHOD_NOT_ALLOWED, format_args!("allowed here: {allow}\n"))
                .with("Allow", allow))
        }
        _ => Err(not_found()),
    }
}
