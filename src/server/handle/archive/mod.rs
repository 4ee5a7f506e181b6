//! A whole directory as one archive: `GET /dir/?tar` and `GET /dir/?zip`.
//!
//! A zip can be limited to entries that the request names.
//!
//! An archive contains what listings show, below one directory with the name of the requested one. A file that cannot be
//! read is left out and logged.
//!
//! A tar is produced while the directory is walked through. For a zip the walk comes first, so that its length is known,
//! and a part of it can be sent.

mod chosen;
mod common;
mod frozen;
mod tar;
mod zip;
mod zip_source;

pub(crate) use frozen::PERMITS as ZIP_PERMITS;

use std::os::unix::ffi::OsStrExt;

use crate::access::{Grant, ToList};
use crate::archive::Format;
use crate::blocking::Blocking;
use crate::http::disposition::attachment;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::target::PathAndQuery;
use crate::path::SharePath;
use crate::server::disk::Disk;
use crate::server::handled::Handled;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The parameter that asks for a zip.
const ZIP: &str = "zip";

/// Whether a POST to this target names entries for a zip.
pub(crate) fn is_of_form(target: PathAndQuery<'_>) -> bool {
    target.ends_with_slash() && target.parameter(ZIP).is_some()
}

/// Receives a form with the names of entries, and responds with a zip of them.
pub(crate) fn posted(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let (name, head) = begin(request, Format::Zip, state);
    zip::receive(request, head, name, state)
}

/// The archive format that the query names.
pub(crate) fn format(request: &Request<'_, '_, '_>) -> Option<Format> {
    let is_asked = |name| request.target.parameter(name).is_some();
    let formats = [("tar", Format::Tar), (ZIP, Format::Zip)];
    formats.into_iter().find(|(name, _)| is_asked(name)).map(|(_, format)| format)
}

/// The response with an archive of the requested directory.
pub(crate) fn answer(
    request: &Request<'_, '_, '_>,
    directory: &Grant<'_, ToList>,
    format: Format,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Handled, Response> {
    let (name, head) = begin(request, format, state);
    match format {
        Format::Tar => tar::answer(request, directory, head, name, state, disk),
        Format::Zip => zip::answer(request, directory, head, name, state, disk),
    }
}

/// The name of the archive, and the head of the response.
fn begin(request: &Request<'_, '_, '_>, format: Format, state: &State) -> (Vec<u8>, Head) {
    let name = name(&request.path, state);
    let file_name = [&name, b".".as_slice(), format.extension().as_bytes()].concat();
    let head = common::head(Status::OK)
        .field("Content-Type", format.media_type())
        .field("Content-Disposition", attachment(&file_name))
        .field("X-Content-Type-Options", "nosniff");
    (name, head)
}

/// The name of a directory; the folder itself has the name that its owner gave it.
fn name(path: &SharePath, state: &State) -> Vec<u8> {
    let own = || state.root.canonicalize().ok()?.file_name().map(|name| name.as_bytes().to_vec());
    let given = path.name().map(|name| name.as_bytes().to_vec());
    given.or_else(own).unwrap_or_else(|| b"files".to_vec())
}
