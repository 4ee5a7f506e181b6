//! Reads an error response: its status, and the first line of its text, or where it redirects to.

use super::error::ClientError;
use super::response::HttpResponse;
use crate::http::status::Status;
use crate::printable::Foreign;

/// The longest error text that is read, in bytes; only its first line is printed.
const LONGEST: u64 = 4 * 1024;

/// Printed if the server gives no reason. wharf gives one, so the limit belongs to another server, often a proxy.
const TOO_LARGE: &str =
    "the server, or a proxy in front of it, limits uploads (in nginx: client_max_body_size)";

/// Reads a response as an error, with the first line of its text if it has one. HTML is not printed.
pub fn read(response: HttpResponse<'_>) -> ClientError {
    let status = response.head.status;
    if let Some(location) = response.head.field("Location").filter(|_| (300..400).contains(&status.code())) {
        return ClientError::Moved(status, location);
    }
    let is_text = response.head.field("Content-Type").is_some_and(|kind| kind.starts_with("text/plain"));
    let is_short = response.body.length().is_some_and(|length| length <= LONGEST);
    let (sent, mut text) = (response.sent, Vec::new());
    // Long content and content of unknown length are not read: the connection is closed instead.
    if is_short && response.body.pour(&mut text).is_err() {
        text.clear();
    }
    let said = is_text.then(|| first_line(&text, status)).flatten();
    let said = if status == Status::UNAUTHORIZED { sent.explain(said) } else { said };
    let said = said.or_else(|| (status == Status::CONTENT_TOO_LARGE).then(|| TOO_LARGE.to_owned()));
    ClientError::Refused(status, said.map(Foreign::from))
}

/// The first line, unless it is empty or only repeats the status.
fn first_line(text: &[u8], status: Status) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let status = status.to_string();
    let rest = line.strip_prefix(status.as_str()).unwrap_or(line).trim_start_matches([':', '.', ' ']);
    (!rest.is_empty()).then(|| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::fake_peer::{FakePeer, PeerAction};
    use crate::client::request::HttpRequest;
    use crate::client::session::Session;
    use crate::http::request::Method;

    #[test]
    fn html_is_not_printed() {
        let cases = [
            ("413 Content Too Large", "text/html", "client_max_body_size)"),
            ("413 Content Too Large", "text/plain", "413 Content Too Large: <h1>"),
            ("502 Bad Gateway", "text/html", "502 Bad Gateway"),
        ];
        for (status, kind, expected) in cases {
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: 4\r\n\r\n<h1>");
            let peer = FakePeer::plays(&[&[PeerAction::Read, PeerAction::Say(answer.leak())]]);
            let mut session = Session::new(peer.server());
            let request = HttpRequest { method: Method::Get, target: "/", fields: &[], content: None };
            let refused = read(session.send(&request).expect("an answer")).to_string();
            assert!(refused.ends_with(expected), "{status}, {kind}: {refused}");
        }
    }

    #[test]
    fn a_redirect_names_its_target() {
        let answer = "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://h/\r\nContent-Length: 0\r\n\r\n";
        let peer = FakePeer::plays(&[&[PeerAction::Read, PeerAction::Say(answer)]]);
        let mut session = Session::new(peer.server());
        let request = HttpRequest { method: Method::Post, target: "/", fields: &[], content: None };
        let moved = read(session.send(&request).expect("an answer")).to_string();
        assert_eq!(moved, "308 Permanent Redirect: the server redirects to https://h/ (use that address)");
    }

    #[test]
    fn the_first_line_of_an_error_text() {
        let cases = [
            ("a sentence", "\nThe folder is read-only.\nmore", Some("The folder is read-only.")),
            ("after the status", "403 Forbidden: read-only\n", Some("read-only")),
            ("only the status", "403 Forbidden\n", None),
            ("nothing", " \n", None),
        ];
        for (name, text, expected) in cases {
            assert_eq!(first_line(text.as_bytes(), Status::FORBIDDEN).as_deref(), expected, "{name}");
        }
    }
}
