//! Turns events of the room into lines of text.

use std::fmt;

use serde_json::Value;

use crate::client::listing;
use crate::http::event_stream::decoder::StreamEvent;
use crate::printable::Printable;

/// The style of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Plain text.
    Plain,
    /// With a colour for each name.
    Coloured,
}

/// The colours of names (ECMA-48, SGR): those that are readable on black and on white.
const COLOURS: [u8; 6] = [31, 32, 33, 34, 35, 36];

/// The lines of an event. The user's own messages are not repeated.
pub fn lines(event: &StreamEvent, own: &str, style: Style) -> Vec<String> {
    let Ok(data) = serde_json::from_str::<Value>(&event.data) else { return Vec::new() };
    let text = |key: &str| data[key].as_str().unwrap_or_default();
    match event.event.as_str() {
        "welcome" | "reset" => welcome(&data, own, style),
        "message" | "private" if text("from") == own => Vec::new(),
        "message" | "private" => vec![said(&data, style)],
        "join" if text("user") == own => Vec::new(),
        "join" => vec![format!("{} {} has joined the chat.", time(&data), name(text("user"), style))],
        "leave" => vec![format!("{} [{}] has left the chat.", time(&data), name(text("user"), style))],
        "upload" => vec![changed(&data, format_args!("uploaded {} ({} bytes)", path(&data), size(&data)))],
        "remove" => vec![changed(&data, format_args!("removed {}", path(&data)))],
        "move" => {
            let from = typable(&data, "old_path", "old_href");
            vec![changed(&data, format_args!("moved {from} to {}", path(&data)))]
        }
        "restore" => vec![changed(&data, format_args!("restored {}", path(&data)))],
        "pause" | "resume" => vec![Printable::text(text("text")).to_string()],
        _ => Vec::new(),
    }
}

/// What somebody did in the folder.
fn changed(data: &Value, what: fmt::Arguments<'_>) -> String {
    let by = Printable::text(data["by"].as_str().unwrap_or_default());
    format!("{} {by} {what}", time(data))
}

/// The path of a file, which can be given to `/download`.
fn path(data: &Value) -> String {
    typable(data, "path", "href")
}

/// A path in these fields, as text and as a link.
fn typable(data: &Value, text: &str, link: &str) -> String {
    let link = data[link].as_str().map(|href| href.trim_start_matches('/'));
    Printable::text(listing::typable(data[text].as_str().unwrap_or_default(), link)).to_string()
}

/// The length of an upload; `?` if the server does not send a number.
fn size(data: &Value) -> String {
    data["size"].as_u64().map_or_else(|| "?".to_owned(), |size| size.to_string())
}

/// The welcome, the members, and the latest messages.
fn welcome(data: &Value, own: &str, style: Style) -> Vec<String> {
    let users = data["users"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<_> = users.iter().filter_map(Value::as_str).map(|user| name(user, style)).collect();
    let history = data["history"].as_array().map(Vec::as_slice).unwrap_or_default();
    let greeting = data["text"]
        .as_str()
        .map_or_else(|| format!("Welcome {own}"), |text| Printable::text(text).to_string());
    let here = format!("Here: {}", names.join(", "));
    [greeting, here].into_iter().chain(history.iter().map(|message| said(message, style))).collect()
}

fn said(data: &Value, style: Style) -> String {
    let from = name(data["from"].as_str().unwrap_or_default(), style);
    let private = if data["to"].is_string() { " (private)" } else { "" };
    // The text after a line break must not look like a message of another member.
    let text =
        data["text"].as_str().unwrap_or_default().split('\n').map(|line| Printable::text(line).to_string());
    format!("{} {from}{private}: {}", time(data), text.collect::<Vec<_>>().join("\n    "))
}

/// The hours and minutes of an event, in UTC as the server sent them.
fn time(data: &Value) -> String {
    data["at"]
        .as_str()
        .and_then(|at| at.get(11..16))
        .map_or_else(|| "--:--".to_owned(), |time| Printable::text(time).to_string())
}

/// A name, always in the same colour.
fn name(name: &str, style: Style) -> String {
    let shown = Printable::text(name);
    match style {
        Style::Plain => shown.to_string(),
        Style::Coloured => {
            let sum = name.bytes().fold(0_usize, |sum, byte| {
                sum.wrapping_mul(31).wrapping_add(usize::from(byte.to_ascii_lowercase()))
            });
            let colour = COLOURS[sum % COLOURS.len()];
            format!("\x1b[{colour}m{shown}\x1b[0m")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(event: &str, data: &str) -> Vec<String> {
        let event = StreamEvent { id: String::new(), event: event.to_owned(), data: data.to_owned() };
        lines(&event, "me", Style::Plain)
    }

    #[test]
    fn events_as_lines() {
        let at = "\"at\":\"2026-11-21T07:08:09Z\"";
        let cases = [
            ("message", format!("{{\"from\":\"ann\",\"text\":\"hi\",{at}}}"), vec!["07:08 ann: hi"]),
            ("message", format!("{{\"from\":\"me\",\"text\":\"hi\",{at}}}"), vec![]),
            (
                "private",
                format!("{{\"from\":\"ann\",\"to\":\"me\",\"text\":\"hi\",{at}}}"),
                vec!["07:08 ann (private): hi"],
            ),
            (
                "message",
                format!("{{\"from\":\"ann\",\"text\":\"a\\n07:08 bob: no\\u001b[2J\",{at}}}"),
                vec!["07:08 ann: a\n    07:08 bob: no\\u{1b}[2J"],
            ),
            ("leave", format!("{{\"user\":\"ann\",{at}}}"), vec!["07:08 [ann] has left the chat."]),
            (
                "join",
                format!("{{\"user\":\"\\u202eann\",{at}}}"),
                vec!["07:08 \\u{202e}ann has joined the chat."],
            ),
            (
                "upload",
                format!("{{\"by\":\"ann\",\"path\":\"a\\tb\",\"size\":7,{at}}}"),
                vec!["07:08 ann uploaded a\\tb (7 bytes)"],
            ),
            (
                "upload",
                format!("{{\"by\":\"ann\",\"path\":\"a\",\"size\":\"\u{9b}31m\u{202e}\",{at}}}"),
                vec!["07:08 ann uploaded a (? bytes)"],
            ),
            (
                "upload",
                format!("{{\"by\":\"ann\",\"path\":\"d/\u{fffd}\",\"href\":\"/d/%FF\",\"size\":7,{at}}}"),
                vec!["07:08 ann uploaded d/%FF (7 bytes)"],
            ),
            (
                "remove",
                format!("{{\"by\":\"ann\",\"path\":\"d/\",\"href\":\"/d/\",{at}}}"),
                vec!["07:08 ann removed d/"],
            ),
            (
                "move",
                format!(
                    "{{\"by\":\"ann\",\"old_path\":\"\u{fffd}\",\"old_href\":\"/%FF\",\"path\":\"a\\tb\",{at}}}"
                ),
                vec!["07:08 ann moved %FF to a\\tb"],
            ),
            (
                "restore",
                format!("{{\"by\":\"1.2.3.4\",\"path\":\"a\",\"href\":\"/a\",{at}}}"),
                vec!["07:08 1.2.3.4 restored a"],
            ),
            (
                "welcome",
                "{\"text\":\"Welcome me to the server\",\"users\":[\"ann\",\"me\"],\"history\":[]}"
                    .to_owned(),
                vec!["Welcome me to the server", "Here: ann, me"],
            ),
            ("pause", "{\"text\":\"It is paused.\\u001b[2J\"}".to_owned(), vec!["It is paused.\\u{1b}[2J"]),
            ("resume", "{\"text\":\"It continues.\"}".to_owned(), vec!["It continues."]),
            ("unknown", "{}".to_owned(), vec![]),
            ("message", "no json".to_owned(), vec![]),
            ("message", "[1]".to_owned(), vec!["--:-- : "]),
        ];
        for (event, data, expected) in cases {
            assert_eq!(shown(event, &data), expected, "{event} {data}");
        }
    }

    #[test]
    fn a_name_keeps_its_colour() {
        assert_eq!(name("ann", Style::Coloured), name("ann", Style::Coloured));
        assert!(name("ann", Style::Coloured).starts_with("\x1b[3"));
    }
}
