//! A client without an account: a connection, and a cookie by which the trash knows it.

use serde_json::Value;

use super::model::Operation;
use crate::common::{Answer, Wharf, Wire};

pub struct Visit<'w> {
    wharf: &'w Wharf,
    wire: Wire,
    pub cookie: Option<String>,
}

impl<'w> Visit<'w> {
    pub fn new(wharf: &'w Wharf) -> Self {
        Self { wharf, wire: wharf.connect(), cookie: None }
    }

    pub fn ask(&mut self, method: &str, target: &str, fields: &str, body: &[u8]) -> Answer {
        let cookie = self.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}\r\n"));
        let fields = format!("{}{fields}", cookie.unwrap_or_default());
        let answer = self.wire.ask(method, target, &fields, body);
        if answer.field("Connection") == "close" {
            self.wire = self.wharf.connect();
        }
        let set = answer.field("Set-Cookie");
        if !set.is_empty() {
            let given = set.split(';').next().map(str::to_owned);
            assert!(self.cookie.is_none() || self.cookie == given, "another cookie: {set}");
            self.cookie = given;
        }
        answer
    }

    /// Removes a file of its own: the first removal brings the cookie. An empty file is not kept.
    pub fn gets_a_cookie(&mut self, name: &str) {
        assert_eq!(self.ask("PUT", &format!("/{name}"), "", b"").code() / 100, 2);
        assert_eq!(self.ask("DELETE", &format!("/{name}"), "", b"").code(), 204);
        assert!(self.cookie.is_some());
    }

    /// Sends the request of an operation in a directory; `entry` is what a restoration restores.
    pub fn send(&mut self, home: &str, operation: &Operation, entry: Option<&str>) -> Answer {
        let at = |path: &str| format!("/{home}/{path}");
        let to = |path: &str, replaces: &bool| {
            format!("Destination: {}\r\nOverwrite: {}\r\n", at(path), if *replaces { "T" } else { "F" })
        };
        match operation {
            Operation::Put(path, content) => self.ask("PUT", &at(path), "", content.as_bytes()),
            Operation::MakeDirectory(path) => self.ask("MKCOL", &at(path), "", b""),
            Operation::Remove(path) => self.ask("DELETE", &at(path), "", b""),
            Operation::Move(from, path, replaces) => self.ask("MOVE", &at(from), &to(path, replaces), b""),
            Operation::Copy(from, path, replaces) => self.ask("COPY", &at(from), &to(path, replaces), b""),
            Operation::Restore(_) => {
                let target = format!("/.wharf/trash/{}/restore", entry.expect("an entry"));
                self.ask("POST", &target, "Accept: application/json\r\n", b"")
            }
            Operation::Undo => self.ask("POST", "/.wharf/undo", "Accept: application/json\r\n", b""),
        }
    }

    /// The entries that the trash shows to this client, the newest first.
    pub fn ids(&mut self) -> Vec<String> {
        let answer = self.ask("GET", "/.wharf/trash", "Accept: application/json\r\n", b"");
        assert_eq!(answer.code(), 200);
        let list: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let items = list["items"].as_array().expect("a list");
        items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    }
}
