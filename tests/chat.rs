//! The chat: each message reaches its recipients once and in order; members cannot be impersonated, and no
//! member delays another.

mod limits;
mod messages;
pub(crate) mod terminals;

use serde_json::Value;

pub(crate) use crate::common::Ear;
use crate::common::{Wharf, Wire};

/// A member of the chat.
struct Person<'w> {
    wharf: &'w Wharf,
    token: String,
}

impl<'w> Person<'w> {
    fn join(wharf: &'w Wharf, name: &str) -> Self {
        Self::join_from(1, wharf, name)
    }

    /// From 127.0.0.`host`.
    fn join_from(host: u8, wharf: &'w Wharf, name: &str) -> Self {
        let mut wire = Wire::connect_from(host, wharf.address());
        let answer = wire.ask("POST", "/.wharf/chat/join", "", format!("user={name}").as_bytes());
        assert_eq!(answer.code(), 200, "{name}: {}", answer.text());
        let joined: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let token = joined["token"].as_str().expect("a token").to_owned();
        assert_eq!(answer.field("Set-Cookie"), "", "a cookie would be sent by itself");
        Self { wharf, token }
    }

    fn fields(&self) -> String {
        format!("Wharf-Member: {}\r\n", self.token)
    }

    fn say(&self, query: &str, text: impl AsRef<[u8]>) -> u16 {
        self.wharf.ask("POST", &format!("/.wharf/chat/messages{query}"), &self.fields(), text.as_ref()).code()
    }

    fn listen(&self) -> Ear {
        self.resume("")
    }

    fn resume(&self, last: &str) -> Ear {
        let last = if last.is_empty() { String::new() } else { format!("Last-Event-ID: {last}\r\n") };
        Ear::open(self.wharf, &format!("{}{last}", self.fields()))
    }
}
