//! A client whose connection may fail.

use std::net::SocketAddr;

use crate::common::{Answer, Wire};

/// A client with one persistent connection, which is opened again after a failure.
pub struct Client {
    proxy: SocketAddr,
    /// Its address is 127.0.0.`host`.
    host: u8,
    wire: Option<Wire>,
}

impl Client {
    pub fn new(proxy: SocketAddr, host: u8) -> Self {
        Self { proxy, host, wire: None }
    }

    /// Sends one request. An error means that there was no complete response.
    pub fn ask(&mut self, method: &str, target: &str, fields: &str, body: &[u8]) -> Result<Answer, String> {
        let wire = self.wire.get_or_insert_with(|| Wire::connect_from(self.host, self.proxy));
        let answer = wire.try_ask(method, target, fields, body);
        // After a thousand requests, nginx closes a connection.
        let is_last = |answer: &Answer| answer.field("Connection").eq_ignore_ascii_case("close");
        if answer.as_ref().map_or(true, is_last) {
            self.wire = None;
        }
        answer
    }
}
