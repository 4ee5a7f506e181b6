//! Chat events as an event stream with JSON data.
//!
//! JSON escapes line ends, and a filter removes what would control a terminal (`curl -N`), so a message cannot leave
//! its string.

use serde_json::{Value, json};

use crate::chat::event::{Event, EventKind, FileChange, Uploader};
use crate::chat::stream::{Polled, Start, Welcome};
use crate::http::event_stream;
use crate::http::target::encode_path;
use crate::printable;
use crate::server::base::Base;
use crate::server::listing::timestamp;

/// An event of the stream.
pub(crate) fn encode(event: &Event, base: &Base) -> Vec<u8> {
    event_stream::encode(&event.id.to_string(), kind(event), &printable::json(&data(event, base).to_string()))
}

/// The first event of a stream, or the one after a gap: the people in the room, and recent messages.
pub(crate) fn welcome(name: &str, welcome: &Welcome, base: &Base) -> Vec<u8> {
    let data = json!({
        "text": format!("Welcome {} to the server", welcome.to.name),
        "user": welcome.to.name.as_str(),
        "users": welcome.members.iter().map(|person| person.name.as_str()).collect::<Vec<_>>(),
        "history": welcome.history.iter().map(|event| identified(event, base)).collect::<Vec<_>>(),
    });
    event_stream::encode(&welcome.id.to_string(), name, &printable::json(&data.to_string()))
}

/// Says that the room is paused, or that it continues. It has no id: a client resumes after the last event that has one.
pub(crate) fn pause(is_paused: bool) -> Vec<u8> {
    let (name, text) = if is_paused {
        ("pause", "The chat is paused: its store does not respond.")
    } else {
        ("resume", "The chat continues.")
    };
    event_stream::encode_without_id(name, &json!({"text": text}).to_string())
}

/// The new events, for a client that polls.
pub(crate) fn polled(polled: &Polled, base: &Base) -> Value {
    let line = |event: &Event| {
        let mut value = identified(event, base);
        value["event"] = kind(event).into();
        value
    };
    json!({
        "events": polled.events.iter().map(|event| line(event)).collect::<Vec<_>>(),
        "last": polled.last.to_string(),
        "more": polled.more,
        "reset": polled.start == Start::Reset,
    })
}

/// The data of an event with its id, for a response that is not an event stream.
fn identified(event: &Event, base: &Base) -> Value {
    let mut value = data(event, base);
    value["id"] = event.id.to_string().into();
    value
}

/// The event's type.
fn kind(event: &Event) -> &'static str {
    match event.kind {
        EventKind::Message { .. } => "message",
        EventKind::Private { .. } => "private",
        EventKind::Join { .. } => "join",
        EventKind::Leave { .. } => "leave",
        EventKind::Upload { .. } => "upload",
        EventKind::Change { change: FileChange::Removed, .. } => "remove",
        EventKind::Change { change: FileChange::Moved { .. }, .. } => "move",
        EventKind::Change { change: FileChange::Restored, .. } => "restore",
    }
}

fn data(event: &Event, base: &Base) -> Value {
    let mut value = match &event.kind {
        EventKind::Message { from, text } => json!({"from": from.name.as_str(), "text": text.as_str()}),
        EventKind::Private { from, to, text } => {
            json!({"from": from.name.as_str(), "to": to.name.as_str(), "text": text.as_str()})
        }
        EventKind::Join { who } => json!({"user": who.name.as_str()}),
        EventKind::Leave { who } => {
            json!({"user": who.name.as_str(), "text": format!("[{}] has left the chat.", who.name)})
        }
        EventKind::Upload { by, path, size, .. } => {
            let (text, href) = shown(path, false, base);
            json!({"by": shown_name(by), "path": text, "href": href, "size": size})
        }
        EventKind::Change { by, path, is_directory, change, .. } => {
            let (text, href) = shown(path, *is_directory, base);
            let mut value = json!({"by": shown_name(by), "path": text, "href": href});
            if let FileChange::Moved { from } = change {
                let (text, href) = shown(from, *is_directory, base);
                value["old_path"] = text.into();
                value["old_href"] = href.into();
            }
            value
        }
    };
    value["at"] = timestamp(event.at).to_string().into();
    value
}

fn shown_name(by: &Uploader) -> &str {
    match by {
        Uploader::Named(name) => name.as_str(),
        Uploader::Address(address) => address,
    }
}

/// A path as text for people, and as a link. It need not be UTF-8: the link works in any case. A directory ends in a slash.
fn shown(path: &[u8], is_directory: bool, base: &Base) -> (String, String) {
    let slash = if is_directory { "/" } else { "" };
    let text = format!("{}{slash}", String::from_utf8_lossy(path));
    (text, format!("{base}/{}{slash}", encode_path(path)))
}
