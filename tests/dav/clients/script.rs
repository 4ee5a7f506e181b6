//! Runs the requests that a client is known to send, one after the other, over one connection.

use std::collections::BTreeMap;

use wharf::http::persistence::Persistence;

use crate::common::{Answer, Wharf, Wire};

/// A request and what its response must have.
///
/// - The method and the target.
/// - Fields, separated by `|`. `{token /a}` is the token of the last lock of `/a` in its angle brackets, `{etag /a}` its last
///   entity tag, and `{host}` the server. With `chunked` among them, the body is sent in chunks.
/// - The body.
/// - The status, and a text that the body must have, or a field line that the head must have.
pub type Step<'s> = (&'s str, &'s str, &'s str, &'s str);

/// A client of WebDAV.
pub struct Script<'w> {
    wharf: &'w Wharf,
    wire: Wire,
    /// The fields of every request.
    always: String,
    /// What the placeholders in fields stand for.
    known: BTreeMap<String, String>,
}

impl<'w> Script<'w> {
    /// A client that calls itself this, and sends these field lines with every request.
    pub fn of(agent: &str, always: &str, wharf: &'w Wharf) -> Self {
        let known = BTreeMap::from([("{host}".to_owned(), wharf.address().to_string())]);
        Self { wharf, wire: wharf.connect(), always: format!("User-Agent: {agent}\r\n{always}"), known }
    }

    /// Sends the requests; fails at the first response that is not as expected.
    #[track_caller]
    pub fn run(&mut self, steps: &[Step<'_>]) {
        for (at, step) in steps.iter().enumerate() {
            let (request, fields, body, expected) = *step;
            let (method, target) = request.split_once(' ').expect("a method and a target");
            let answer = self.ask(method, target, fields, body);
            let (code, text) = expected.split_once(' ').unwrap_or((expected, ""));
            let told = answer.text();
            let case = format!("step {at}: {request} ({fields}): {} {told}", answer.code());
            assert_eq!(answer.code().to_string(), code, "{case}");
            match text.split_once(": ") {
                Some((name, value)) if !text.starts_with('<') => {
                    assert_eq!(answer.field(name), value, "{case}");
                }
                _ => assert!(told.contains(text), "{case}: it lacks {text}"),
            }
        }
    }

    /// The response to one request.
    pub fn ask(&mut self, method: &str, target: &str, fields: &str, body: &str) -> Answer {
        let mut lines = self.always.clone();
        let is_chunked = fields.split('|').any(|field| field.trim() == "chunked");
        for field in fields.split('|').map(str::trim).filter(|field| !["", "chunked"].contains(field)) {
            let filled =
                self.known.iter().fold(field.to_owned(), |field, (name, value)| field.replace(name, value));
            assert!(!filled.contains('{'), "nothing is known for {filled}");
            lines.extend([&*filled, "\r\n"]);
        }
        let answer = if is_chunked {
            let host = self.wharf.address();
            let coded = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
            self.wire.send(format!(
                "{method} {target} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n{lines}\r\n{coded}"
            ));
            self.wire.read_answer(false)
        } else {
            self.wire.ask(method, target, &lines, body.as_bytes())
        };
        // The server closes it after a refusal if it has not read the body.
        if answer.head.persistence != Persistence::Keep {
            self.wire = self.wharf.connect();
        }
        for (name, field) in [("token", "Lock-Token"), ("etag", "ETag")] {
            let value = answer.field(field);
            if !value.is_empty() {
                self.known.insert(format!("{{{name} {target}}}"), value);
            }
        }
        answer
    }
}

/// The body of a LOCK by this owner.
pub const LOCK: &str = "<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/>\
                        </D:lockscope><D:locktype><D:write/></D:locktype><D:owner><D:href>ann</D:href></D:owner></D:lockinfo>";
