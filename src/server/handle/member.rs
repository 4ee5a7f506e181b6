//! Which member of the chat room sends a request: members send a token.

use crate::chat::error::RoomError;
use crate::chat::event::Uploader;
use crate::chat::member::Person;
use crate::chat::name::Name;
use crate::chat::token::MemberToken;
use crate::http::request::Head;
use crate::http::status::Status;
use crate::own_paths::MEMBER_FIELD;
use crate::server::chat::state::{ChatState, is_same_owner};
use crate::server::error_response::bad_request;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The uploader: the member whose token is in the request, or the user, or else the client's address.
pub(super) fn uploader(request: &Request<'_, '_, '_>, state: &State) -> Uploader {
    let member = state.chat.as_ref().and_then(|chat| of(request, chat).ok()).map(|person| person.name);
    let user = || request.principal.person().filter(|_| state.names_users());
    member
        .or_else(|| user().and_then(|user| Name::of_user(&user.name).ok()))
        .map_or_else(|| Uploader::Address(request.client.to_string()), Uploader::Named)
}

/// The member whose token is in the request: 403 without a valid token, 400 if the token is in the field that older
/// clients use. A user's token is valid only together with the user's credentials, and only while the account is
/// unchanged.
pub(super) fn of(request: &Request<'_, '_, '_>, chat: &ChatState) -> Result<Person, Response> {
    let head = request.head;
    let Some(token) = head.fields.text(MEMBER_FIELD) else {
        return Err(if is_of_older_client(head) {
            bad_request(format_args!(
                "the chat takes the token in the header {MEMBER_FIELD} (update the client)"
            ))
        } else {
            room_error(&RoomError::NotAMember)
        });
    };
    let room = chat.room();
    let member = room.authenticate(token);
    let own = member.filter(|(_, owner)| is_same_owner(owner, request.principal.account()));
    own.map(|(person, _)| person.clone()).ok_or_else(|| room_error(&RoomError::NotAMember))
}

/// Whether the token is in `Authorization`, where it was before accounts used that field.
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
