//! WebDAV: what clients of RFC 4918 rely on, and the clients themselves.

#[path = "dav/bad_input.rs"]
mod bad_input;
#[path = "dav/clients.rs"]
mod clients;
#[cfg(feature = "accounts")]
#[path = "dav/hidden.rs"]
mod hidden;
#[path = "dav/kept_locks.rs"]
mod kept_locks;
#[path = "dav/locks.rs"]
mod locks;
#[path = "dav/properties.rs"]
mod properties;
#[path = "dav/unicode.rs"]
mod unicode;

use crate::common::{Answer, Wharf, Wire};

/// Everybody may do everything with files.
const EDIT: [&str; 2] = ["--allow", "everyone=edit"];

fn serve(flags: &[&str]) -> Wharf {
    Wharf::serve(&[&EDIT, flags].concat())
}

/// Asks for the properties of a resource with this Depth and body.
fn propfind(wire: &mut Wire, target: &str, depth: &str, body: &str) -> Answer {
    wire.ask("PROPFIND", target, &format!("Depth: {depth}\r\n"), body.as_bytes())
}

/// A body that asks for these properties, which are elements.
fn named(properties: &str) -> String {
    format!("<?xml version=\"1.0\"?><D:propfind xmlns:D=\"DAV:\"><D:prop>{properties}</D:prop></D:propfind>")
}

/// The texts between these two, in order.
fn between<'a>(text: &'a str, start: &'a str, end: &'a str) -> Vec<&'a str> {
    text.split(start).skip(1).filter_map(|rest| rest.split_once(end).map(|(inner, _)| inner)).collect()
}

fn hrefs(answer: &Answer) -> Vec<String> {
    between(&answer.text(), "<D:response><D:href>", "</D:href>").into_iter().map(str::to_owned).collect()
}

/// Locks a path with this depth; the response.
fn lock(wire: &mut Wire, target: &str, fields: &str) -> Answer {
    let body = "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>\
                <D:owner>ann</D:owner></D:lockinfo>";
    wire.ask("LOCK", target, fields, body.as_bytes())
}

/// The token of a lock that was granted, in its angle brackets.
fn token(answer: &Answer) -> String {
    let token = answer.field("Lock-Token");
    assert!(token.starts_with("<urn:uuid:") && token.ends_with('>'), "{token}: {}", answer.text());
    token
}
