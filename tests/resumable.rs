//! Resumable uploads follow draft-ietf-httpbis-resumable-upload, rule by rule.

mod appending;
mod beginning;
mod lifetime;
mod limits;

use std::path::PathBuf;

use crate::common::{Answer, Wharf, Wire};

#[cfg(feature = "tls")]
pub use appending::{an_upload_can_come_in_pieces, content_received_before_a_disconnect_is_kept};
#[cfg(feature = "tls")]
pub use beginning::the_client_of_a_large_body_gets_the_url_to_resume;
pub use limits::occupy;

/// Field lines of a client that supports the draft.
pub const DRAFT: &str = "Upload-Draft-Interop-Version: 9\r\n";

/// Starts a resumable upload; returns its URL.
pub fn begin(wharf: &Wharf, target: &str, fields: &str) -> String {
    let answer = wharf.ask("POST", target, &format!("Upload-Complete: ?0\r\n{fields}"), b"");
    assert_eq!((answer.code(), answer.field("Upload-Offset").as_str()), (201, "0"), "{}", answer.text());
    answer.field("Location")
}

pub fn append(wharf: &Wharf, upload: &str, offset: u64, completes: bool, content: &[u8]) -> Answer {
    patch(&mut wharf.connect(), upload, offset, completes, content)
}

fn patch(wire: &mut Wire, upload: &str, offset: u64, completes: bool, content: &[u8]) -> Answer {
    let fields = patch_fields(offset, completes) + &format!("Content-Length: {}\r\n", content.len());
    wire.ask("PATCH", upload, &fields, content)
}

pub fn patch_fields(offset: u64, completes: bool) -> String {
    let complete = u8::from(completes);
    format!(
        "Content-Type: application/partial-upload\r\nUpload-Offset: {offset}\r\nUpload-Complete: ?{complete}\r\n"
    )
}

/// The progress of an upload: whether it is complete, and its offset.
pub fn stand(wharf: &Wharf, upload: &str) -> (String, String) {
    let answer = wharf.ask("HEAD", upload, "", b"");
    assert_eq!((answer.code(), answer.field("Cache-Control").as_str()), (204, "no-store"));
    assert!(answer.field("Upload-Limit").contains("max-age="));
    (answer.field("Upload-Complete"), answer.field("Upload-Offset"))
}

/// The visible files.
pub fn files(wharf: &Wharf) -> Vec<String> {
    wharf.tree().into_iter().filter(|name| !name.split('/').any(|part| part == ".wharf")).collect()
}

/// The received content of incomplete uploads.
pub fn parts(wharf: &Wharf) -> Vec<PathBuf> {
    let paths = wharf.tree().into_iter().map(|name| wharf.folder().join(name));
    paths.filter(|path| path.extension().is_some_and(|end| end == "part")).collect()
}

fn unfinished(wharf: &Wharf) -> usize {
    parts(wharf).len()
}

/// The server sends the upload's URL at once if the body has at least this length, in bytes.
const MEBIBYTE: usize = 1 << 20;

/// The head of an upload in a single request, by a client that supports the draft.
fn whole(wharf: &Wharf, method: &str, fields: &str) -> String {
    let host = wharf.address();
    format!("{method} /in/a.txt HTTP/1.1\r\nHost: {host}\r\n{DRAFT}Upload-Complete: ?1\r\n{fields}\r\n")
}
