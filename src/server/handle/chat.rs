//! The chat room over HTTP, below `/.wharf/chat/`.
//!
//! ```text
//! POST join       user=NAME   -> {"user":"NAME","token":"…"} (join.rs)
//! GET  events                 -> the event stream, from Last-Event-ID on
//! GET  messages   ?since=ID   -> new events, for clients that poll
//! POST messages   ?to=NAME    -> 202
//! POST leave
//! ```
//!
//! A member sends its token with each request but the first, in the header `Wharf-Member`. No token is ever logged: the
//! access log contains only request lines.

use std::sync::Arc;

use serde_json::json;

use crate::blocking::Blocking;
use crate::chat::id::EventId;
use crate::chat::member::Person;
use crate::chat::text::{MAX_TEXT, MessageText};
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
use crate::server::handle::member::{self, room_error, store_error};
use crate::server::handle::posted;
use crate::server::handled::Handled;
use crate::server::receive::{AfterBody, JobOutcome};
use crate::server::request::{ClientAddress, Request};
use crate::server::response::{Response, Then};
use crate::server::served_stream::ServedStream;
use crate::server::shared::SharedStore;
use crate::server::state::State;
use crate::server::store_error::StoreError;

/// The largest body with only a name, in bytes.
pub(super) const NAME_BODY_LIMIT: usize = 1024;

/// `GET events`: the event stream of a member.
pub(crate) fn events(
    request: &Request<'_, '_, '_>,
    disk: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let chat = of(state)?;
    let Some(who) = member::of(request, chat, disk, state)? else { return Ok(Handled::NeedsStore) };
    subscribe(request, who, chat, state).map(Handled::Respond)
}

/// `GET messages`: what is new, for a client that polls.
pub(crate) fn poll(
    request: &Request<'_, '_, '_>,
    disk: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let chat = of(state)?;
    let Some(person) = member::of(request, chat, disk, state)? else { return Ok(Handled::NeedsStore) };
    let since = request.target.parameter("since").filter(|id| !id.is_empty());
    let judge = state.access.judge(&request.principal);
    let polled = chat
        .room()
        .poll(person.id, since, now(), |path| may_see(&judge, path))
        .map_err(|error| room_error(&error))?;
    Ok(Handled::Respond(json_response(&events::polled(&polled, &state.base))))
}

/// `POST messages`: a message to all, or to one member.
pub(crate) fn say(
    request: &Request<'_, '_, '_>,
    disk: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let chat = Arc::clone(of(state)?);
    let Some(person) = member::of(request, &chat, disk, state)? else { return Ok(Handled::NeedsStore) };
    let to = request.target.parameter("to").map(decoded);
    receive(request.head, MAX_TEXT, &Arc::clone(&chat), move |body, _, disk| {
        post(&chat, &person, to.as_deref(), body, disk).unwrap_or_else(|refused| refused)
    })
}

/// `POST leave`: the member leaves.
pub(crate) fn leave(
    request: &Request<'_, '_, '_>,
    disk: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let chat = Arc::clone(of(state)?);
    let Some(person) = member::of(request, &chat, disk, state)? else { return Ok(Handled::NeedsStore) };
    let client = request.client;
    receive(request.head, NAME_BODY_LIMIT, &Arc::clone(&chat), move |_, _, disk| {
        dismiss(&chat, &person, client, disk).unwrap_or_else(|refused| refused)
    })
}

/// The chat, if it is enabled.
pub(super) fn of(state: &State) -> Result<&Arc<ChatState>, Response> {
    state.chat.as_ref().ok_or_else(not_found)
}

/// The store of a shared room, and the permission to wait for it; `None` if the room is this server's own.
pub(super) type Waits<'s> = Option<(&'s SharedStore, Blocking<'s>)>;

/// Receives a small body, which may be empty, and calls `then` with it: in a job, if it has to wait for the store of a shared
/// room.
pub(super) fn receive(
    head: &Head<'_, '_>,
    limit: usize,
    chat: &Arc<ChatState>,
    then: impl FnOnce(&[u8], &State, Waits<'_>) -> Response + Send + 'static,
) -> Result<Handled, Response> {
    if chat.shared().is_none() {
        return posted::receive(
            head,
            limit,
            AfterBody::Respond(Box::new(|body, state| then(body, state, None))),
        );
    }
    let chat = Arc::clone(chat);
    let work = move |body: Vec<u8>, state: &State, disk: Blocking<'_>| {
        let waits = chat.shared().map(|shared| (shared, disk));
        JobOutcome::Respond(then(&body, state, waits), None)
    };
    posted::receive(head, limit, AfterBody::AskStore(Box::new(work)))
}

/// The head of a response with an event stream.
pub(super) fn stream_head() -> response::Head {
    response::Head::new(Status::OK)
        .field("Content-Type", event_stream::CONTENT_TYPE)
        .field("Cache-Control", "no-store")
        // Otherwise nginx would buffer events.
        .field("X-Accel-Buffering", "no")
        .field("X-Content-Type-Options", "nosniff")
}

fn subscribe(
    request: &Request<'_, '_, '_>,
    who: Person,
    chat: &Arc<ChatState>,
    state: &State,
) -> Result<Response, Response> {
    let last = request.head.fields.text("Last-Event-ID").filter(|id| !id.is_empty());
    let judge = state.access.judge(&request.principal);
    let opened = chat.subscribe(who, last, request.client, judge, state.idle.begin());
    let (events, first) = opened.map_err(|error| room_error(&error))?;
    let head = stream_head();
    Ok(Response { head, content: first.into(), then: Then::Subscribe(Box::new(ServedStream::Room(events))) })
}

fn post(
    chat: &ChatState,
    who: &Person,
    to: Option<&str>,
    body: &[u8],
    waits: Waits<'_>,
) -> Result<Response, Response> {
    let text = MessageText::new(body).map_err(bad_request)?;
    let id = if let Some(waits) = waits {
        post_in_stream(chat, who, to, text, waits)?
    } else {
        let mut room = chat.room();
        let said = match to {
            Some(to) => room.say_to(who.id, to, text, now()),
            None => room.say(who.id, text, now()),
        };
        said.map_err(|error| room_error(&error))?
    };
    chat.wake();
    let head = response::Head::new(Status::ACCEPTED).field("Content-Type", "application/json");
    Ok(Response::new(head, json!({"id": id.to_string()}).to_string().into_bytes()))
}

/// Adds a message to the stream of a shared room. Its sender receives it from there.
fn post_in_stream(
    chat: &ChatState,
    who: &Person,
    to: Option<&str>,
    text: MessageText,
    (shared, disk): (&SharedStore, Blocking<'_>),
) -> Result<EventId, Response> {
    member::ensure_follows(shared)?;
    let kind = chat.room().may_say(who.id, to, text, now()).map_err(|error| room_error(&error))?;
    let entry = shared.say(kind, disk).map_err(|error| store_error(&error, shared))?;
    let foreign =
        || StoreError::Unconfirmed(format!("another program has added the entry {entry} or a later one"));
    let id = chat.room().id_of(entry);
    id.ok_or_else(|| store_error(&foreign(), shared))
}

fn dismiss(
    chat: &ChatState,
    who: &Person,
    client: ClientAddress,
    waits: Waits<'_>,
) -> Result<Response, Response> {
    match waits {
        Some((shared, disk)) => {
            // Its name is free at once. If the store is unavailable, the member leaves later.
            if shared.is_paused() || shared.leave(who, disk).is_err() {
                shared.leave_later(who.clone());
            }
            chat.room().forget(who.id);
        }
        None => drop(chat.room().leave(who.id, now()).map_err(|error| room_error(&error))?),
    }
    chat.wake();
    log::info!("{client} left the chat as {}", who.name);
    Ok(Response::empty(response::Head::new(Status::NO_CONTENT)))
}

/// A field of a form, as text.
pub(super) fn field(body: &[u8], name: &str) -> Option<String> {
    urlencoded::field(body, name).map(|value| text(&value))
}

fn decoded(value: &str) -> String {
    text(&urlencoded::decode(value.as_bytes()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) fn json_response(value: &serde_json::Value) -> Response {
    let head = response::Head::new(Status::OK).field("Cache-Control", "no-store");
    Response::bytes(head, "application/json", printable::json(&value.to_string()).into_owned().into_bytes())
}
