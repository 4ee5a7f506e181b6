//! The chat room over HTTP, below `/.wharf/chat/`.
//!
//! ```text
//! POST join       user=NAME   -> {"user":"NAME","token":"…"}, and the token as a cookie
//! GET  events                 -> the event stream, from Last-Event-ID on
//! GET  messages   ?since=ID   -> new events, for clients that poll
//! POST messages   ?to=NAME    -> 202
//! POST leave
//! ```
//!
//! A member sends its token with each request but the first, in the cookie or as `Authorization: Bearer TOKEN`. No
//! token is ever logged: the access log contains only request lines.

use std::sync::Arc;

use serde_json::json;

use crate::chat::member::Person;
use crate::chat::name::Name;
use crate::chat::text::{MAX_TEXT, MessageText};
use crate::chat::token::Secret;
use crate::http::event_stream;
use crate::http::request::Head;
use crate::http::response;
use crate::http::status::Status;
use crate::http::urlencoded;
use crate::printable;
use crate::server::chat::events;
use crate::server::chat::state::{ChatState, may_see, now};
use crate::server::disk::Disk;
use crate::server::error_response::{bad_request, not_found};
use crate::server::handle::member::{self, room_error};
use crate::server::handle::posted;
use crate::server::handled::Handled;
use crate::server::random;
use crate::server::receive::AfterBody;
use crate::server::request::{ClientAddress, Request, Scheme};
use crate::server::response::{Response, Then};
use crate::server::state::State;

/// The largest body with only a name, in bytes.
const NAME_BODY_LIMIT: usize = 1024;

/// `POST join`: a new member.
pub(crate) fn join(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let (chat, cookie) = (Arc::clone(chat(state)?), member::cookie_name(request.head.host));
    // A cookie that was set over TLS must not be sent without it.
    let secure = if request.scheme == Some(Scheme::Https) { "; Secure" } else { "" };
    let attributes = format!("Path={}; HttpOnly; SameSite=Strict{secure}", state.base.directory());
    let client = request.client;
    receive(request.head, NAME_BODY_LIMIT, move |body, _| admit(&chat, body, &cookie, &attributes, client))
}

/// `GET events`: the event stream of a member.
pub(crate) fn events(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    subscribe(request, chat(state)?, state).map(Handled::Respond)
}

/// `GET messages`: what is new, for a client that polls.
pub(crate) fn poll(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let chat = chat(state)?;
    let person = member::of(request.head, chat)?;
    let since = request.target.parameter("since").filter(|id| !id.is_empty());
    let judge = state.access.judge(&request.principal);
    let polled = chat
        .room()
        .poll(person.id, since, now(), |path| may_see(&judge, path))
        .map_err(|error| room_error(&error))?;
    Ok(Handled::Respond(json_response(&events::polled(&polled, &state.base))))
}

/// `POST messages`: a message to all, or to one member.
pub(crate) fn say(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let chat = Arc::clone(chat(state)?);
    let person = member::of(request.head, &chat)?;
    let to = request.target.parameter("to").map(decoded);
    receive(request.head, MAX_TEXT, move |body, _| post(&chat, &person, to.as_deref(), body))
}

/// `POST leave`: the member leaves.
pub(crate) fn leave(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let chat = Arc::clone(chat(state)?);
    let (person, client) = (member::of(request.head, &chat)?, request.client);
    receive(request.head, NAME_BODY_LIMIT, move |_, _| dismiss(&chat, &person, client))
}

/// The chat, if it is enabled.
fn chat(state: &State) -> Result<&Arc<ChatState>, Response> {
    state.chat.as_ref().ok_or_else(not_found)
}

/// Receives a small body, which may be empty, and calls `then` with it.
fn receive(
    head: &Head<'_, '_>,
    limit: usize,
    then: impl FnOnce(&[u8], &State) -> Response + Send + 'static,
) -> Result<Handled, Response> {
    posted::receive(head, limit, AfterBody::Respond(Box::new(then)))
}

fn admit(chat: &ChatState, body: &[u8], cookie: &str, attributes: &str, client: ClientAddress) -> Response {
    let Some(name) = field(body, "user") else { return bad_request("the body must be user=NAME") };
    let name = match Name::new(&name) {
        Ok(name) => name,
        Err(error) => return bad_request(error),
    };
    let joined = chat.room().join(name.clone(), Secret::new(random::bytes()), client.key(), now());
    let token = match joined {
        Ok(token) => token.expose(),
        Err(error) => return room_error(&error),
    };
    chat.wake();
    log::info!("{client} joined the chat as {name}");
    let cookie = format!("{cookie}={token}; {attributes}");
    json_response(&json!({"user": name.as_str(), "token": token})).with("Set-Cookie", cookie)
}

fn subscribe(
    request: &Request<'_, '_, '_>,
    chat: &Arc<ChatState>,
    state: &State,
) -> Result<Response, Response> {
    let who = member::of(request.head, chat)?;
    let last = request.head.fields.text("Last-Event-ID").filter(|id| !id.is_empty());
    let judge = state.access.judge(&request.principal);
    let opened = chat.subscribe(who, last, request.client, judge, state.idle.begin());
    let (events, first) = opened.map_err(|error| room_error(&error))?;
    let head = response::Head::new(Status::OK)
        .field("Content-Type", event_stream::CONTENT_TYPE)
        .field("Cache-Control", "no-store")
        // Otherwise nginx would buffer events.
        .field("X-Accel-Buffering", "no")
        .field("X-Content-Type-Options", "nosniff");
    Ok(Response { head, content: first.into(), then: Then::Subscribe(Box::new(events)) })
}

fn post(chat: &ChatState, who: &Person, to: Option<&str>, body: &[u8]) -> Response {
    let text = match MessageText::new(body) {
        Ok(text) => text,
        Err(error) => return bad_request(error),
    };
    let mut room = chat.room();
    let said = match to {
        Some(to) => room.say_to(who.id, to, text, now()),
        None => room.say(who.id, text, now()),
    };
    drop(room);
    match said {
        Ok(id) => {
            chat.wake();
            let head = response::Head::new(Status::ACCEPTED).field("Content-Type", "application/json");
            let bytes = json!({"id": id.to_string()}).to_string().into_bytes();
            Response::new(head, bytes)
        }
        Err(error) => room_error(&error),
    }
}

fn dismiss(chat: &ChatState, who: &Person, client: ClientAddress) -> Response {
    let left = chat.room().leave(who.id, now());
    match left {
        Ok(who) => {
            chat.wake();
            log::info!("{client} left the chat as {}", who.name);
            Response::empty(response::Head::new(Status::NO_CONTENT))
        }
        Err(error) => room_error(&error),
    }
}

fn field(body: &[u8], name: &str) -> Option<String> {
    urlencoded::field(body, name).map(|value| text(&value))
}

fn decoded(value: &str) -> String {
    text(&urlencoded::decode(value.as_bytes()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json_response(value: &serde_json::Value) -> Response {
    let head = response::Head::new(Status::OK).field("Cache-Control", "no-store");
    Response::bytes(head, "application/json", printable::json(&value.to_string()).into_owned().into_bytes())
}
