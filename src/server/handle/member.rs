//! Which member of the chat room sends a request: members send a token.

use crate::chat::error::RoomError;
use crate::chat::event::Uploader;
use crate::chat::member::Person;
use crate::http::request::{Head, split_port};
use crate::http::status::Status;
use crate::server::chat::state::ChatState;
use crate::server::request::ClientAddress;
use crate::server::response::Response;
use crate::server::state::State;

/// The uploader: the member whose token is in the request, or else the client's address.
pub(super) fn uploader(head: &Head<'_, '_>, state: &State, client: ClientAddress) -> Uploader {
    let member = state.chat.as_ref().and_then(|chat| of(head, chat).ok());
    member.map_or_else(|| Uploader::Address(client.to_string()), Uploader::Member)
}

/// The member whose token is in the request: 401 without a token, 403 with an invalid one.
pub(super) fn of(head: &Head<'_, '_>, chat: &ChatState) -> Result<Person, Response> {
    let bearer = head.fields.text("Authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
    });
    let Some(token) = bearer.or_else(|| cookie(head)) else {
        let response = Response::text(Status::UNAUTHORIZED, "not in the room (join first)\n");
        return Err(response.with("WWW-Authenticate", "Bearer"));
    };
    let person = chat.room().authenticate(token).cloned();
    person.ok_or_else(|| room_error(&RoomError::NotAMember))
}

/// The token in the cookie (RFC 6265 §5.4).
fn cookie<'b>(head: &Head<'_, 'b>) -> Option<&'b str> {
    let name = cookie_name(head.host);
    let pairs = head
        .fields
        .all("Cookie")
        .filter_map(|line| std::str::from_utf8(line).ok())
        .flat_map(|line| line.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(given, token)| (given == name).then_some(token))
}

/// Cookies ignore ports, so the name contains the port, to tell servers on one host apart.
pub(super) fn cookie_name(host: Option<&str>) -> String {
    let (_, port) = split_port(host.unwrap_or(""));
    format!("wharf-{}", if port.is_empty() { "80" } else { port })
}

/// The response to an error of the chat room.
pub(super) fn room_error(error: &RoomError) -> Response {
    let status = match error {
        RoomError::NameTaken(_) => Status::CONFLICT,
        RoomError::RoomFull | RoomError::TooManyStreams(_) => Status::SERVICE_UNAVAILABLE,
        RoomError::NotAMember => Status::FORBIDDEN,
        RoomError::NoSuchUser => Status::NOT_FOUND,
        RoomError::TooFast { .. } | RoomError::PlaceFull | RoomError::EnoughStreams => {
            Status::TOO_MANY_REQUESTS
        }
    };
    let response = Response::text(status, format_args!("{error}\n"));
    match error {
        RoomError::TooFast { wait } => response.with("Retry-After", wait.as_secs() + 1),
        _ => response,
    }
}
