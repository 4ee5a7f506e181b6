//! A client that sends WebDAV's requests over one connection.

use super::peers::Result;
use super::peers::exchange::Exchange;

/// A connection that is kept alive.
pub struct Client(Exchange);

impl Client {
    pub fn connect(port: u16) -> Result<Self> {
        Ok(Self(Exchange::connect(port)?))
    }

    /// Sends a request with these field lines, each with its line end. Returns the status and the length of the content.
    pub fn ask(&mut self, method: &str, target: &str, fields: &str, body: &[u8]) -> Result<(u16, u64)> {
        let length = format!("Content-Length: {}", body.len());
        let fields: Vec<String> = fields.lines().map(str::to_owned).chain([length]).collect();
        let answer = self.0.send(method, target, &fields, &[body])?;
        Ok((answer.head.status.code(), answer.length))
    }

    /// As above. Fails unless the response has one of these statuses. Returns the length of the content.
    pub fn expect(
        &mut self,
        (method, target): (&str, &str),
        fields: &str,
        body: &[u8],
        statuses: &[u16],
    ) -> Result<u64> {
        let (status, length) = self.ask(method, target, fields, body)?;
        if statuses.contains(&status) {
            Ok(length)
        } else {
            Err(format!("{method} {target}: {status}").into())
        }
    }
}
