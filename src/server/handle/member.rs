//! Which member of the chat room sends a request: members send a token.

use crate::chat::error::RoomError;
use crate::chat::event::Uploader;
use crate::chat::member::Person;
use crate::chat::token::MemberToken;
use crate::http::request::Head;
use crate::http::status::Status;
use crate::own_paths::MEMBER_FIELD;
use crate::server::chat::state::ChatState;
use crate::server::error_response::bad_request;
use crate::server::request::ClientAddress;
use crate::server::response::Response;
use crate::server::state::State;

/// The uploader: the member whose token is in the request, or else the client's address.
pub(super) fn uploader(head: &Head<'_, '_>, state: &State, client: ClientAddress) -> Uploader {
    let member = state.chat.as_ref().and_then(|chat| of(head, chat).ok());
    member.map_or_else(|| Uploader::Address(client.to_string()), Uploader::Member)
}

/// The member whose token is in the request: 403 without a valid one, 400 if it is where older clients put it.
pub(super) fn of(head: &Head<'_, '_>, chat: &ChatState) -> Result<Person, Response> {
    match head.fields.text(MEMBER_FIELD) {
        Some(token) => chat.room().authenticate(token).cloned().ok_or(RoomError::NotAMember),
        None if is_of_older_client(head) => {
            return Err(bad_request(format_args!(
                "the chat takes the token in the header {MEMBER_FIELD} (update the client)"
            )));
        }
        None => Err(RoomError::NotAMember),
    }
    .map_err(|error| room_error(&error))
}

/// Whether the token is where it was before `Authorization` was for accounts.
fn is_of_older_client(head: &Head<'_, '_>) -> bool {
    let scheme = head.fields.text("Authorization").and_then(|value| value.split_once(' '));
    scheme.is_some_and(|(scheme, token)| {
        scheme.eq_ignore_ascii_case("Bearer") && MemberToken::parse(token.trim()).is_some()
    })
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
