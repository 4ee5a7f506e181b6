//! Whether the server already has a file with the same content.
//!
//! ```text
//! HEAD ── missing, or another length ─────────────> send
//!  └───── same length ── GET ?sha256 ── other ────> send
//!                                └───── same ─────> skip
//! ```
//!
//! Times are not compared: the server sets a file's time when it arrives. Only wharf servers have checksums, so any
//! other server is asked only once. If in doubt, the file is sent.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::client::error::ClientError;
use crate::client::fetch::digest::{self, Sum};
use crate::client::request::HttpRequest;
use crate::client::session::Session;
use crate::http::request::Method;
use crate::http::status::Status;

/// Whether the server has checksums.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    /// Whether it is known to be another server than wharf.
    is_foreign: AtomicBool,
}

/// The version of a file on the server.
struct Version {
    length: u64,
    etag: String,
}

impl Knowledge {
    /// Whether the server has this file, of this length.
    pub(super) fn is_there(&self, session: &mut Session, target: &str, file: &Path, length: u64) -> bool {
        if self.is_foreign.load(Ordering::Relaxed) {
            return false;
        }
        let version = self.version(session, target).ok().flatten().filter(|there| there.length == length);
        let there = version.and_then(|version| sum(session, target, &version.etag));
        there.is_some_and(|there| {
            File::open(file).and_then(|mut file| digest::of(&mut file)).is_ok_and(|sum| sum == there)
        })
    }

    /// The version of the target on a wharf server.
    fn version(&self, session: &mut Session, target: &str) -> Result<Option<Version>, ClientError> {
        let response =
            session.send(&HttpRequest { method: Method::Head, target, fields: &[], content: None })?;
        let head = &response.head;
        self.is_foreign.fetch_or(!digest::is_wharf(head), Ordering::Relaxed);
        let version = head
            .content_length()
            .zip(head.field("ETag"))
            .filter(|_| head.status == Status::OK && digest::is_wharf(head));
        response.body.discard()?;
        Ok(version.map(|(length, etag)| Version { length, etag }))
    }
}

/// The checksum of exactly this version.
fn sum(session: &mut Session, target: &str, etag: &str) -> Option<Sum> {
    let target = format!("{target}?{}", digest::PARAMETER);
    let request = HttpRequest { method: Method::Get, target: &target, fields: &[], content: None };
    digest::read(session.send(&request).ok()?, etag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::fake_peer::{FakePeer, PeerAction};

    /// The SHA-256 of empty content.
    const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn head(server: &str, status: &str, length: u64) -> PeerAction {
        let fields = format!("Server: {server}\r\nETag: \"1\"\r\nContent-Length: {length}");
        PeerAction::Say(format!("HTTP/1.1 {status}\r\n{fields}\r\n\r\n").leak())
    }

    fn has_sum(etag: &str, sum: &str) -> PeerAction {
        let fields = format!("ETag: \"{etag}\"\r\nContent-Length: {}", sum.len() + 1);
        PeerAction::Say(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{sum}\n").leak())
    }

    #[test]
    fn files_on_the_server() {
        let empty = tempfile::NamedTempFile::new().expect("a file");
        let other = NOTHING.replace('e', "f");
        let cases = [
            ("the same", vec![head("wharf", "200 OK", 0), has_sum("1", NOTHING)], true),
            ("another content", vec![head("wharf", "200 OK", 0), has_sum("1", &other)], false),
            ("the file has changed", vec![head("wharf", "200 OK", 0), has_sum("2", NOTHING)], false),
            ("not a checksum", vec![head("wharf", "200 OK", 0), has_sum("1", "x")], false),
            ("another length", vec![head("wharf", "200 OK", 1)], false),
            ("missing", vec![head("wharf", "404 Not Found", 0)], false),
            ("forbidden", vec![head("wharf", "403 Forbidden", 0)], false),
            ("a server without checksums", vec![head("nginx", "200 OK", 0)], false),
        ];
        for (name, answers, expected) in cases {
            let part: Vec<_> = answers.iter().flat_map(|answer| [PeerAction::Read, *answer]).collect();
            let peer = FakePeer::plays(&[&part]);
            let mut session = Session::new(peer.server());
            let knowledge = Knowledge::default();
            assert_eq!(knowledge.is_there(&mut session, "/a%20b", empty.path(), 0), expected, "{name}");
            drop(session);
            let asked = peer.heard();
            assert!(asked[0].starts_with("HEAD /a%20b HTTP/1.1\r\n"), "{name}: {asked:?}");
            assert!(
                asked.get(1).is_none_or(|next| next.starts_with("GET /a%20b?sha256 ")),
                "{name}: {asked:?}"
            );
            assert_eq!(asked.len(), answers.len(), "{name}");
        }
    }

    #[test]
    fn another_server_is_asked_once() {
        let peer = FakePeer::plays(&[&[PeerAction::Read, head("nginx", "200 OK", 0)]]);
        let mut session = Session::new(peer.server());
        let knowledge = Knowledge::default();
        for target in ["/a", "/b"] {
            assert!(!knowledge.is_there(&mut session, target, Path::new("/dev/null"), 0));
        }
        assert_eq!(peer.heard().len(), 1);
    }
}
