//! Which member of the chat room sends a request: members send a token.

use crate::chat::error::RoomError;
use crate::chat::event::Uploader;
use crate::chat::member::Person;
use crate::chat::name::Name;
use crate::chat::shared::record::TokenHash;
use crate::chat::token::MemberToken;
use crate::http::request::Head;
use crate::http::status::Status;
use crate::own_paths::MEMBER_FIELD;
use crate::server::chat::state::{ChatState, is_same_owner, now};
use crate::server::disk::Disk;
use crate::server::error_response::bad_request;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::shared::SharedStore;
use crate::server::state::State;
use crate::server::store_error::StoreError;

/// While a shared room is paused.
const PAUSED: &str = "the chat is paused (try again later)\n";

/// When a client should try again: a store that restarts is there again within seconds.
const RETRY_SECONDS: u64 = 2;

/// The uploader: the member whose token is in the request, or the user, or else the client's address.
pub(super) fn uploader(request: &Request<'_, '_, '_>, state: &State) -> Uploader {
    let member = state.chat.as_ref().and_then(|chat| known(request, chat).ok().flatten());
    let member = member.map(|person| person.name);
    let user = || request.principal.person().filter(|_| state.names_users());
    member
        .or_else(|| user().and_then(|user| Name::of_user(&user.name).ok()))
        .map_or_else(|| Uploader::Address(request.client.to_string()), Uploader::Named)
}

/// The member whose token is in the request: 403 without a valid token, 400 if the token is in the field that older
/// clients use. A user's token is valid only together with the user's credentials, and only while the account is
/// unchanged.
///
/// In a shared room, the store has to be asked for a token that this server does not know. It returns `None` if this thread
/// may not wait for that.
pub(super) fn of(
    request: &Request<'_, '_, '_>,
    chat: &ChatState,
    disk: &mut Disk,
    state: &State,
) -> Result<Option<Person>, Response> {
    let known = known(request, chat)?;
    let Some(shared) = chat.shared() else {
        return known.map(Some).ok_or_else(|| room_error(&RoomError::NotAMember));
    };
    if let Some(person) = known {
        shared.has_seen(&person);
        return Ok(Some(person));
    }
    let token = request.head.fields.text(MEMBER_FIELD).and_then(MemberToken::parse);
    let Some(token) = token else { return Err(room_error(&RoomError::NotAMember)) };
    ensure_follows(shared)?;
    let Some(disk) = disk.may_wait_long() else { return Ok(None) };
    let hash = TokenHash::of(&token);
    let stored = shared.member(token.member(), hash, disk).map_err(|error| store_error(&error, shared))?;
    let found = stored.and_then(|member| Some((state.owner_of(member.account.as_deref())?, member.person)));
    let Some((owner, person)) = found else { return Err(room_error(&RoomError::NotAMember)) };
    let is_own = is_same_owner(&owner, request.principal.account());
    chat.room().accept(&person, (hash, owner), Some(request.client.key()), now());
    if is_own { Ok(Some(person)) } else { Err(room_error(&RoomError::NotAMember)) }
}

/// The member whose token is in the request, as far as this server knows.
fn known(request: &Request<'_, '_, '_>, chat: &ChatState) -> Result<Option<Person>, Response> {
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
    Ok(own.map(|(person, _)| person.clone()))
}

/// Refuses what needs the store, while a shared room is paused.
pub(super) fn ensure_follows(shared: &SharedStore) -> Result<(), Response> {
    if shared.is_paused() { Err(unavailable(PAUSED)) } else { Ok(()) }
}

/// The response to an error of the store of a shared room. The log says more.
pub(super) fn store_error(error: &StoreError, shared: &SharedStore) -> Response {
    shared.complain(error);
    unavailable(match error {
        StoreError::Unavailable(_) => PAUSED,
        StoreError::Refused(_) => "the chat cannot save this now (try again later)\n",
        StoreError::Unconfirmed(_) => {
            "this may or may not have been delivered (look before you send it again)\n"
        }
    })
}

fn unavailable(text: &str) -> Response {
    Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", RETRY_SECONDS)
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
