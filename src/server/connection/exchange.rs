//! One request and its response, as the access log and the recorder see them.

use std::time::Instant;

use crate::http::body::Framing;
use crate::http::persistence::{CloseReason, Persistence};
use crate::http::request::{Head, HttpVersion, Method};
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::own_paths::UPLOADS;
use crate::printable::Printable;
use crate::server::pages;
use crate::server::state::State;
use crate::server::timing::Active;

/// What is kept of a request until its response has been sent.
#[derive(Debug)]
pub struct Exchange {
    /// The request line as received; empty if neither the log nor the recorder needs it.
    line: Vec<u8>,
    began: Instant,
    /// The HTTP version of the client.
    pub version: HttpVersion,
    /// Whether the response is to a HEAD request: it has no content.
    pub to_head: bool,
    /// Whether an error is shown as an HTML page.
    pub to_browser: bool,
    /// Whether the connection is kept afterwards.
    pub persistence: Persistence,
    /// The file that was saved, for the recorder.
    pub saved: Option<std::path::PathBuf>,
    _active: Active,
}

impl Exchange {
    /// For a head that was parsed from these bytes.
    pub fn of(head: &Head<'_, '_>, bytes: &[u8], began: Instant, state: &State) -> Self {
        let persistence = Persistence::of_message(head.version, head.fields);
        let has_body = head.framing != Framing::Empty;
        Self {
            line: request_line(bytes, state),
            began,
            version: head.version,
            to_head: head.method == Method::Head,
            to_browser: pages::are_wanted(head.fields),
            persistence: persistence
                .unless(state.stop.asked().is_some(), CloseReason::Stopping)
                // Overridden by `body_was_read`.
                .unless(has_body, CloseReason::BodyUnread),
            saved: None,
            _active: state.idle.begin(),
        }
    }

    /// For bytes that are no valid or no complete head.
    pub fn of_no_head(bytes: &[u8], why: CloseReason, began: Instant, state: &State) -> Self {
        Self {
            line: request_line(bytes, state),
            began,
            version: HttpVersion::Http11,
            to_head: false,
            to_browser: false,
            persistence: Persistence::Close(why),
            saved: None,
            _active: state.idle.begin(),
        }
    }

    /// Call when the whole body has been read: the connection need not be closed because of it.
    pub fn body_was_read(&mut self) {
        if self.persistence == Persistence::Close(CloseReason::BodyUnread) {
            self.persistence = Persistence::Keep;
        }
    }

    /// Writes the line of the access log and, if requests are recorded, of the script.
    pub fn note(&self, peer: Peer, status: Status, bytes: u64, state: &State) {
        if self.line.is_empty() {
            return;
        }
        let (line, code) = (Printable(&self.line), status.code());
        let milliseconds = self.began.elapsed().as_secs_f64() * 1000.0;
        log::info!(target: ACCESS, "{peer} \"{line}\" {code} {bytes} B {milliseconds:.1} ms");
        if let Persistence::Close(why) = self.persistence {
            log::debug!(target: ACCESS, "{peer} closed: {why}");
        }
        if let Some(recorder) = &state.recorder {
            recorder.note(&self.line, self.saved.as_deref(), status);
        }
    }
}

/// The log target for requests: `RUST_LOG=info,wharf::access=off` silences only them.
const ACCESS: &str = "wharf::access";

/// The first line, if the log or the recorder needs it.
fn request_line(bytes: &[u8], state: &State) -> Vec<u8> {
    if !log::log_enabled!(target: ACCESS, log::Level::Info) && state.recorder.is_none() {
        return Vec::new();
    }
    let line = bytes.trim_ascii_start().split(|&b| b == b'\r' || b == b'\n').next().unwrap_or_default();
    if line.is_empty() { b"-".to_vec() } else { without_token(line) }
}

/// A request line without the token of an upload: somebody who reads the log must not be able to continue others'
/// uploads.
fn without_token(line: &[u8]) -> Vec<u8> {
    let prefix = UPLOADS.as_bytes();
    let Some(at) = line.windows(prefix.len()).position(|part| part == prefix) else { return line.to_vec() };
    let (before, behind) = line.split_at(at + prefix.len());
    let end = behind.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(behind.len());
    [before, b"TOKEN", behind.get(end..).unwrap_or_default()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_logged() {
        let table = [
            ("GET /a HTTP/1.1", "GET /a HTTP/1.1"),
            ("HEAD /.wharf/uploads/0aF9 HTTP/1.1", "HEAD /.wharf/uploads/TOKEN HTTP/1.1"),
            ("HEAD http://h/.wharf/uploads/00?x", "HEAD http://h/.wharf/uploads/TOKEN?x"),
        ];
        for (line, logged) in table {
            assert_eq!(without_token(line.as_bytes()), logged.as_bytes(), "{line}");
        }
    }
}
