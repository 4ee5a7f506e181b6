//! The room over HTTP: what is asked below `/.wharf/chat/`.
//!
//! ```text
//! POST join       user=NAME   -> {"user":"NAME","token":"…"}, and the token as a cookie
//! GET  events                 -> the event stream, from Last-Event-ID on
//! GET  messages   ?since=ID   -> what is new, for those who ask now and then
//! POST messages   ?to=NAME    -> 202
//! POST leave
//! ```
//!
//! A member shows its token with each call but the first, in the cookie or as `Authorization: Bearer TOKEN`. No token is
//! ever logged: the access log has request lines only.

use std::sync::Arc;

use percent_encoding::percent_decode;
use serde_json::json;

use super::answer::{Answer, AnswerContent, SizedContent};
use super::chat_events;
use super::chat_state::{ChatState, now};
use super::client_key;
use super::error_response::{bad_request, cross_site, not_found};
use super::random;
use super::receiving::{BodySink, Receiving};
use super::route::Routed;
use super::small_body::SmallBody;
use super::state::State;
use crate::chat::error::RoomError;
use crate::chat::event::Uploader;
use crate::chat::member::Person;
use crate::chat::name::Name;
use crate::chat::text::{MAX_TEXT, MessageText};
use crate::chat::token::Secret;
use crate::http::body::Framing;
use crate::http::event_stream;
use crate::http::request::{Head, Method, split_port};
use crate::http::response;
use crate::http::status::Status;
use crate::http::target::PathAndQuery;
use crate::net::peer::Peer;
use crate::printable;

/// The largest body of a call that only names somebody, in bytes.
const NAME_BODY_LIMIT: usize = 1024;

/// Finds the answer to a call; `call` is what stands behind `/.wharf/chat/`.
pub fn answer(
    head: &Head<'_, '_>,
    target: PathAndQuery<'_>,
    call: &str,
    state: &State,
    peer: Peer,
) -> Result<Routed, Answer> {
    let Some(chat) = &state.chat else { return Err(not_found()) };
    let is_write = head.method == Method::Post;
    if is_write && !state.allowed_hosts.may_write(head.host, head.fields) {
        return Err(cross_site());
    }
    match (call, head.method) {
        ("join", Method::Post) => {
            let (chat, cookie) = (Arc::clone(chat), cookie_name(head.host));
            receive(head, NAME_BODY_LIMIT, move |body, _| join(&chat, body, &cookie, peer))
        }
        ("events", Method::Get) => events(head, chat, state, peer).map(Routed::Answer),
        ("messages", Method::Get) => poll(head, target, chat).map(Routed::Answer),
        ("messages", Method::Post) => {
            let (chat, who) = (Arc::clone(chat), member(head, chat)?);
            let to = target.parameter("to").map(decoded);
            receive(head, MAX_TEXT, move |body, _| say(&chat, &who, to.as_deref(), body))
        }
        ("leave", Method::Post) => {
            let (chat, who) = (Arc::clone(chat), member(head, chat)?);
            receive(head, NAME_BODY_LIMIT, move |_, _| leave(&chat, &who, peer))
        }
        ("join" | "leave", _) => Err(not_allowed("POST")),
        ("events", _) => Err(not_allowed("GET")),
        ("messages", _) => Err(not_allowed("GET, POST")),
        _ => Err(not_found()),
    }
}

/// Who saves a file: the member who shows a token, or whoever is at this address.
pub fn uploader(head: &Head<'_, '_>, state: &State, peer: Peer) -> Uploader {
    let member = state.chat.as_ref().and_then(|chat| member(head, chat).ok());
    member.map_or_else(|| Uploader::Address(peer.to_string()), Uploader::Member)
}

/// Takes a small body, which may be none, and goes on with it.
fn receive(
    head: &Head<'_, '_>,
    limit: usize,
    then: impl FnOnce(&[u8], &State) -> Answer + Send + 'static,
) -> Result<Routed, Answer> {
    if let Framing::Sized(length) = head.framing
        && length > limit as u64
    {
        let text = format_args!("the request body is larger than the {limit} bytes allowed\n").to_string();
        return Err(Answer::text(Status::CONTENT_TOO_LARGE, text));
    }
    let sink = BodySink::Small(Box::new(SmallBody::new(limit, then)));
    Ok(Routed::Receive(Box::new(Receiving::new(head.framing, sink))))
}

fn join(chat: &ChatState, body: &[u8], cookie: &str, peer: Peer) -> Answer {
    let Some(name) = field(body, "user") else { return bad_request("the body must be user=NAME") };
    let name = match Name::new(&name) {
        Ok(name) => name,
        Err(error) => return bad_request(error),
    };
    let joined = chat.room().join(name.clone(), Secret::new(random::bytes()), client_key::of(peer), now());
    let token = match joined {
        Ok(token) => token.expose(),
        Err(error) => return refused(&error),
    };
    chat.wake();
    log::info!("{peer} joined the chat as {name}");
    let cookie = format!("{cookie}={token}; Path=/; HttpOnly; SameSite=Strict");
    json_answer(&json!({"user": name.as_str(), "token": token})).with("Set-Cookie", cookie)
}

fn events(head: &Head<'_, '_>, chat: &Arc<ChatState>, state: &State, peer: Peer) -> Result<Answer, Answer> {
    let who = member(head, chat)?;
    let last = head.fields.text("Last-Event-ID").filter(|id| !id.is_empty());
    let opened = chat.subscribe(who, last, peer, state.idle.begin());
    let (events, first) = opened.map_err(|error| refused(&error))?;
    let head = response::Head::new(Status::OK)
        .field("Content-Type", event_stream::CONTENT_TYPE)
        .field("Cache-Control", "no-store")
        // nginx would hold events back until they fill a buffer.
        .field("X-Accel-Buffering", "no")
        .field("X-Content-Type-Options", "nosniff");
    Ok(Answer { head, content: AnswerContent::Events(Box::new(events), first) })
}

fn poll(head: &Head<'_, '_>, target: PathAndQuery<'_>, chat: &ChatState) -> Result<Answer, Answer> {
    let who = member(head, chat)?;
    let since = target.parameter("since").filter(|id| !id.is_empty());
    let polled = chat.room().poll(who.id, since, now()).map_err(|error| refused(&error))?;
    Ok(json_answer(&chat_events::polled(&polled)))
}

fn say(chat: &ChatState, who: &Person, to: Option<&str>, body: &[u8]) -> Answer {
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
            Answer { head, content: SizedContent::Bytes(bytes).into() }
        }
        Err(error) => refused(&error),
    }
}

fn leave(chat: &ChatState, who: &Person, peer: Peer) -> Answer {
    let left = chat.room().leave(who.id, now());
    match left {
        Ok(who) => {
            chat.wake();
            log::info!("{peer} left the chat as {}", who.name);
            Answer::empty(response::Head::new(Status::NO_CONTENT))
        }
        Err(error) => refused(&error),
    }
}

/// Whose token the request shows: 401 without one, 403 with one that is nobody's.
fn member(head: &Head<'_, '_>, chat: &ChatState) -> Result<Person, Answer> {
    let bearer = head.fields.text("Authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
    });
    let Some(token) = bearer.or_else(|| cookie(head)) else {
        let answer = Answer::text(Status::UNAUTHORIZED, "not in the room (join first)\n");
        return Err(answer.with("WWW-Authenticate", "Bearer"));
    };
    let person = chat.room().authenticate(token).cloned();
    person.ok_or_else(|| refused(&RoomError::NotAMember))
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

/// Cookies know no ports: so the name says which server of the host it is for.
fn cookie_name(host: Option<&str>) -> String {
    let (_, port) = split_port(host.unwrap_or(""));
    format!("wharf-{}", if port.is_empty() { "80" } else { port })
}

/// A field of a form (WHATWG URL §5.1), decoded.
fn field(body: &[u8], name: &str) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let pairs = body.trim_end().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).next()
}

fn decoded(value: &str) -> String {
    let spaces = value.replace('+', " ");
    percent_decode(spaces.as_bytes()).decode_utf8_lossy().into_owned()
}

/// What the room refuses, as an answer.
fn refused(error: &RoomError) -> Answer {
    let status = match error {
        RoomError::NameTaken(_) => Status::CONFLICT,
        RoomError::RoomFull | RoomError::TooManyStreams(_) => Status::SERVICE_UNAVAILABLE,
        RoomError::NotAMember => Status::FORBIDDEN,
        RoomError::NoSuchUser => Status::NOT_FOUND,
        RoomError::TooFast { .. } | RoomError::PlaceFull | RoomError::EnoughStreams => {
            Status::TOO_MANY_REQUESTS
        }
    };
    let answer = Answer::text(status, format_args!("{error}\n"));
    match error {
        RoomError::TooFast { wait } => answer.with("Retry-After", wait.as_secs() + 1),
        _ => answer,
    }
}

fn json_answer(value: &serde_json::Value) -> Answer {
    let head = response::Head::new(Status::OK).field("Cache-Control", "no-store");
    Answer::bytes(head, "application/json", printable::json(&value.to_string()).into_owned().into_bytes())
}

fn not_allowed(allow: &str) -> Answer {
    Answer::text(Status::METHOD_NOT_ALLOWED, format_args!("method not allowed (allowed: {allow})\n"))
        .with("Allow", allow)
}
