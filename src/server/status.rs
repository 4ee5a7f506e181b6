//! What the server says of itself: the paths below `/.wharf/`.

use super::answer::Answer;
use super::error_response::{cross_site, not_found};
use super::resumable;
use super::route::Routed;
use super::state::State;
use super::{address, assets, chat};
use crate::http::request::{Head, Method};
use crate::http::status::Status;
use crate::http::target::PathAndQuery;
use crate::net::peer::Peer;
use crate::stop::StopReason;

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
    if target.raw().starts_with(assets::BELOW) {
        return match head.method {
            Method::Get | Method::Head => assets::answer(target.raw(), head.fields).map(Routed::Answer),
            _ => Err(not_allowed("GET, HEAD")),
        };
    }
    if let Some(token) = target.raw().strip_prefix(resumable::PREFIX) {
        return resumable::answer(head, token, state, peer);
    }
    match (target.raw(), head.method) {
        ("/.wharf/health", Method::Get | Method::Head) => {
            Ok(Routed::Answer(Answer::text(Status::OK, "ok\n").with("Cache-Control", "no-store")))
        }
        ("/.wharf/qr.svg", Method::Get | Method::Head) => {
            address::code(head, peer, state).map(Routed::Answer)
        }
        ("/.wharf/health" | "/.wharf/qr.svg", _) => Err(not_allowed("GET, HEAD")),
        ("/.wharf/exit", Method::Post) => leave(head, state, peer).map(Routed::Answer),
        ("/.wharf/exit", _) => Err(not_allowed("POST")),
        _ => Err(not_found()),
    }
}

fn not_allowed(allow: &str) -> Answer {
    Answer::text(Status::METHOD_NOT_ALLOWED, format_args!("method not allowed (allowed: {allow})\n"))
        .with("Allow", allow)
}

/// Leaves, if a client may ask for that.
fn leave(head: &Head<'_, '_>, state: &State, peer: Peer) -> Result<Answer, Answer> {
    if !state.allow_exit {
        let text = "remote shutdown is disabled (start the server with --allow-exit)\n";
        return Err(Answer::text(Status::FORBIDDEN, text));
    }
    if !state.allowed_hosts.may_write(head.host, head.fields) {
        return Err(cross_site());
    }
    log::info!("{peer} requested a shutdown");
    state.stop.ask(StopReason::Client);
    Ok(Answer::text(Status::OK, "the server is shutting down\n"))
}
