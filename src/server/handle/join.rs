//! `POST /.wharf/chat/join`: a new member of the chat room, and the name that it gets.
//!
//! A user joins with the account's name, and is one member with one token on all devices. Nobody else gets that name,
//! in any spelling, even while the user is away. Others choose a free name. So do users of a shared password, because
//! they do not have their own names.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::json;

use crate::access::User;
use crate::blocking::Blocking;
use crate::chat::error::RoomError;
use crate::chat::member::{MemberId, Person};
use crate::chat::name::Name;
use crate::chat::shared::record::TokenHash;
use crate::chat::token::{MemberToken, Secret};
use crate::folding::folded;
use crate::http::status::Status;
use crate::server::chat::state::{ChatState, is_same_owner, now};
use crate::server::disk::Disk;
use crate::server::error_response::bad_request;
use crate::server::handle::chat::{self, NAME_BODY_LIMIT, Waits, field, json_response, receive};
use crate::server::handle::member::{ensure_follows, room_error, store_error};
use crate::server::handled::Handled;
use crate::server::random;
use crate::server::request::{ClientAddress, Request};
use crate::server::response::Response;
use crate::server::shared::{Joined, SharedStore, StoredMember};
use crate::server::state::State;

/// The client that wants to join.
struct Applicant {
    /// The user whose rights the client has.
    user: Option<Arc<User>>,
    /// Whether the client is that user, and the user has their own name.
    is_person: bool,
    client: ClientAddress,
}

/// `POST join`: a new member.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let chat = Arc::clone(chat::of(state)?);
    let principal = &request.principal;
    let is_person = principal.person().is_some() && state.names_users();
    let applicant = Applicant { user: principal.account().cloned(), is_person, client: request.client };
    receive(request.head, NAME_BODY_LIMIT, &Arc::clone(&chat), move |body, state, waits| {
        admit(&chat, body, &applicant, state, waits).unwrap_or_else(|refused| refused)
    })
}

fn admit(
    chat: &ChatState,
    body: &[u8],
    applicant: &Applicant,
    state: &State,
    waits: Waits<'_>,
) -> Result<Response, Response> {
    let asked = field(body, "user");
    let person = applicant.user.as_ref().filter(|_| applicant.is_person);
    let name = match (person, asked.as_deref()) {
        (Some(user), asked) => name_of(user, asked)?,
        (None, Some(asked)) => Name::new(asked).map_err(bad_request)?,
        (None, None) => return Err(bad_request("the body must be user=NAME")),
    };
    let token = match waits {
        Some((shared, disk)) => shared_token(chat, &name, applicant, state, (shared, disk))?,
        None => token(chat, &name, applicant, state)?,
    };
    Ok(json_response(&json!({"user": name.as_str(), "token": token.expose()})))
}

/// The name of a user. The request may state this name or leave it out. A different name is refused, because the client
/// would expect to get that name.
fn name_of(user: &User, asked: Option<&str>) -> Result<Name, Response> {
    let own = Name::of_user(&user.name).map_err(bad_request)?;
    match asked {
        Some(asked) if !asked.is_empty() && folded(asked) != own.folded() => {
            let text = format_args!("you are {own} here (join under this name)\n");
            Err(Response::text(Status::FORBIDDEN, text))
        }
        _ => Ok(own),
    }
}

fn token(
    chat: &ChatState,
    name: &Name,
    Applicant { user, is_person, client }: &Applicant,
    state: &State,
) -> Result<MemberToken, Response> {
    let mut room = chat.room();
    // The user may have changed since the request began. This is checked while the room is locked. When an account
    // changes, its members are removed from the room, so nobody may join for the old account after that.
    if !state.is_current(user.as_ref()) {
        return Err(just_changed());
    }
    let holder = room.holder(name).map(|(person, owner)| (person.id, is_same_owner(owner, user.as_ref())));
    match holder.filter(|_| *is_person) {
        Some((member, true)) => return room.token_again(member, now()).map_err(|error| room_error(&error)),
        // Another member had the name; it is now the user's.
        Some((member, false)) => drop(room.leave(member, now())),
        None => {}
    }
    let joined = if !is_person && state.is_name_of_user(name) {
        Err(room.refuse(name.clone(), client.key(), now()))
    } else {
        room.join(name.clone(), user.clone(), Secret::new(random::bytes()), client.key(), now())
    };
    drop(room);
    let token = joined.map_err(|error| room_error(&error))?;
    chat.wake();
    log::info!("{client} joined the chat as {name}");
    Ok(token)
}

/// The token of a new member of a shared room, or of another device of a present user.
fn shared_token(
    chat: &ChatState,
    name: &Name,
    Applicant { user, is_person, client }: &Applicant,
    state: &State,
    (shared, disk): (&SharedStore, Blocking<'_>),
) -> Result<MemberToken, Response> {
    ensure_follows(shared)?;
    if !is_person && state.is_name_of_user(name) {
        return Err(room_error(&chat.room().refuse(name.clone(), client.key(), now())));
    }
    chat.room().may_join(client.key(), now()).map_err(|error| room_error(&error))?;
    let person = Person { id: member_number(), name: name.clone() };
    let token = MemberToken::new(person.id, Secret::new(random::bytes()));
    let account = user.as_ref().map(|user| user.name.clone());
    let member = StoredMember { person, account, tokens: vec![TokenHash::of(&token)] };
    let failed = |error| store_error(&error, shared);
    // Two attempts: another member may have a name that is now the user's, or the user's own member may just leave.
    for _ in 0..2 {
        match shared.join(&member, disk).map_err(failed)? {
            Joined::Yes => return accepted(chat, member, token, (user, *client), (state, shared)),
            Joined::Full => return Err(room_error(&RoomError::RoomFull)),
            Joined::Taken(Some(holder)) if *is_person => {
                if holder.account == member.account {
                    let token = token.clone().of_member(holder.person.id);
                    let hash = TokenHash::of(&token);
                    if shared.add_token(&holder.person, hash, disk).map_err(failed)? {
                        let member = StoredMember { tokens: vec![hash], ..holder };
                        return accepted(chat, member, token, (user, *client), (state, shared));
                    }
                } else {
                    shared.leave(&holder.person, disk).map_err(failed)?;
                }
            }
            Joined::Taken(_) => break,
        }
    }
    Err(room_error(&RoomError::NameTaken(name.clone())))
}

/// Lets a token be valid at this server, unless the user has changed since the request began.
fn accepted(
    chat: &ChatState,
    member: StoredMember,
    token: MemberToken,
    (user, client): (&Option<Arc<User>>, ClientAddress),
    (state, shared): (&State, &SharedStore),
) -> Result<MemberToken, Response> {
    let mut room = chat.room();
    if !state.is_current(user.as_ref()) {
        shared.leave_later(member.person);
        return Err(just_changed());
    }
    log::info!("{client} joined the chat as {}", member.person.name);
    for hash in member.tokens {
        room.accept(&member.person, (hash, user.clone()), Some(client.key()), now());
    }
    Ok(token)
}

fn just_changed() -> Response {
    Response::text(Status::FORBIDDEN, "the account has just changed (try again)\n")
}

/// A number that no other server chooses: the time in milliseconds, and 20 random bits. Members are listed in its order.
fn member_number() -> MemberId {
    let since = now().wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let random = random::number() & 0xf_ffff;
    MemberId::new((since.as_millis() as u64) << 20 | random)
}
