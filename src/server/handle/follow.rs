//! `GET /directory/?changes`: an event stream that says when the directory has changed (WHATWG HTML §9.2).
//!
//! Such a stream only keeps a page current, so it does not keep an idle server from exiting.

use crate::access::{Grant, ToList};
use crate::http::event_stream::HEARTBEAT;
use crate::http::request::Method;
use crate::http::status::Status;
use crate::server::handle::chat::stream_head;
use crate::server::request::Request;
use crate::server::response::{Response, Then};
use crate::server::served_stream::ServedStream;
use crate::server::state::State;

/// The parameter that asks for the stream.
const PARAMETER: &str = "changes";

/// When a client that follows too many directories may try again, in seconds. Until then, its pages ask for the listing.
const RETRY_AFTER: u32 = 30;

/// Whether the request asks for the stream.
pub(super) fn is_wanted(request: &Request<'_, '_, '_>) -> bool {
    request.target.parameter(PARAMETER).is_some()
}

/// The stream. It begins with a comment, so that proxies pass on the head at once.
pub(super) fn respond(
    request: &Request<'_, '_, '_>,
    directory: &Grant<'_, ToList>,
    state: &State,
) -> Response {
    if request.method == Method::Head {
        return Response::empty(stream_head());
    }
    let judge = state.access.judge(&request.principal);
    let Some(follower) = state.changes.follow(directory.path().clone(), judge, request.client) else {
        let text = "too many clients follow directories; try again later\n";
        return Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", RETRY_AFTER);
    };
    Response {
        head: stream_head(),
        content: HEARTBEAT.to_vec().into(),
        then: Then::Subscribe(Box::new(ServedStream::Directory(follower))),
    }
}
