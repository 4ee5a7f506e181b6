//! Chat events as an event stream with JSON data.
//!
//! JSON escapes line ends, and a filter removes what would control a terminal (`curl -N`), so a message cannot leave
//! its string.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::chat::event::{Event, EventKind, FileMove, Uploader};
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
        EventKind::Move { .. } => "move",
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
            let (text, href) = shown(path, base);
            json!({"by": name(by), "path": text, "href": href, "size": size})
        }
        EventKind::Move { by, moved: FileMove { from, path, is_directory, .. } } => {
            let ((old, _), (text, href)) = (shown(from, base), shown(path, base));
            let slash = if *is_directory { "/" } else { "" };
            json!({
                "by": name(by),
                "old_path": format!("{old}{slash}"),
                "path": format!("{text}{slash}"),
                "href": format!("{href}{slash}"),
            })
        }
    };
    value["at"] = timestamp(event.at).to_string().into();
    value
}

/// The name of whoever has changed something.
fn name(by: &Uploader) -> &str {
    match by {
        Uploader::Named(name) => name.as_str(),
        Uploader::Address(address) => address,
    }
}

/// A path, and its link. A path need not be UTF-8: the text is for people, and the link works in any case.
fn shown<'p>(path: &'p [u8], base: &Base) -> (Cow<'p, str>, String) {
    (String::from_utf8_lossy(path), format!("{base}/{}", encode_path(path)))
}
