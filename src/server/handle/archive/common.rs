//! What tars and zips have in common.

use crate::http::response::Head;
use crate::http::status::Status;
use crate::path::SharePath;
use crate::printable::Printable;
use crate::server::response::Response;

/// How many bytes are produced at once: enough to fill a socket buffer, and few enough for many slow readers at once.
pub(super) const CHUNK: usize = 64 * 1024;

/// A file of at least this many bytes is sent with `sendfile`, if the format allows it. A shorter file is copied into
/// the buffer after its header, which saves two system calls.
pub(super) const BY_ITSELF: u64 = CHUNK as u64;

/// When to retry if too many archives are being created, in seconds.
pub(super) const RETRY_AFTER: u32 = 30;

/// The head of every response about an archive, with or without content.
pub(super) fn head(status: Status) -> Head {
    Head::new(status).field("Cache-Control", "no-cache")
}

/// An archive keeps files open, and a zip keeps names in memory, so their number is limited.
pub(super) fn too_many() -> Response {
    let text = "too many archives are being created; try again later\n";
    Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", RETRY_AFTER)
}

/// The name of an entry in an archive of this name. The archived directory's path has `skip` bytes.
pub(super) fn name_of_entry(name: &[u8], path: &SharePath, skip: usize) -> Vec<u8> {
    let below = path.as_bytes().get(skip..).unwrap_or_default();
    let below = below.strip_prefix(b"/").unwrap_or(below);
    if below.is_empty() { name.to_vec() } else { [name, b"/".as_slice(), below].concat() }
}

pub(super) fn leave_out(path: &SharePath, why: &dyn std::fmt::Display) {
    log::warn!("skipped in an archive: {}: {why}", Printable(path.as_bytes()));
}
