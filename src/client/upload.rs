//! Uploads one file over an open session.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};
use std::time::Instant;

use super::address::ServerAddress;
use super::content::RequestContent;
use super::error::ClientError;
use super::error_response;
use super::request::HttpRequest;
use super::session::Session;
use super::shown_target::ShownTarget;
use crate::format::{Bytes, Time};
use crate::http::request::Method;
use crate::http::status::Status;
use crate::http::target::encode_path;

/// An accepted upload.
#[derive(Debug)]
pub struct Uploaded {
    /// The status of the response.
    pub status: Status,
    /// The target that it was sent to.
    pub target: String,
    /// Its length in bytes.
    pub length: u64,
    /// The time that it took.
    pub took: Time,
}

/// Sends a file. A status other than 2xx is an error.
pub fn send(
    session: &mut Session,
    method: Method,
    file: &Path,
    target: String,
) -> Result<Uploaded, ClientError> {
    let content = RequestContent::open(file)?;
    let begun = Instant::now();
    let fields = [("Content-Type", "application/octet-stream")];
    let request = HttpRequest { method, target: &target, fields: &fields, content: Some(&content) };
    let response = session.send(&request)?;
    let status = response.head.status;
    if !status.is_success() {
        return Err(error_response::read(response));
    }
    response.body.discard()?;
    Ok(Uploaded { status, target, length: content.length(), took: Time(begun.elapsed()) })
}

/// The default path of an upload, encoded. This is the path as typed; if the path is absolute or contains `..`, it is
/// only the file's name.
pub fn default_path(typed: &str) -> String {
    format!("/{}", encode_path(&default_parts(typed)))
}

/// The target of an upload: `path` if it is given, else the file's own path. Below a path that ends with a slash the
/// file keeps its name.
pub fn target(address: &ServerAddress, file: &str, path: Option<&str>) -> String {
    let own = default_path(file);
    match path {
        None => address.resolve(&own, false),
        Some(path) if path.ends_with('/') => {
            let name = own.rsplit_once('/').map_or("", |(_, name)| name);
            format!("{}{name}", address.target(path))
        }
        Some(path) => address.target(path),
    }
}

/// Like [`default_path`], for servers whose names are not encoded.
pub(super) fn default_parts(typed: &str) -> Vec<u8> {
    let path = Path::new(typed);
    let parts: Option<Vec<&[u8]>> = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| match part {
            Component::Normal(name) => Some(name.as_bytes()),
            _ => None,
        })
        .collect();
    let parts = parts.unwrap_or_else(|| path.file_name().map(OsStrExt::as_bytes).into_iter().collect());
    parts.join(&b'/')
}

/// `200 OK client/a.txt → /client/a.txt, 120 B in 0.4 ms` without the file's own name.
impl std::fmt::Display for Uploaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {}, {} in {}", self.status, ShownTarget(&self.target), Bytes(self.length), self.took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_path_of_an_upload() {
        let cases = [
            ("client/testClient.txt", "/client/testClient.txt"),
            ("./a.txt", "/a.txt"),
            ("a//b", "/a/b"),
            ("/home/me/a.txt", "/a.txt"),
            ("../a.txt", "/a.txt"),
            ("a/../b.txt", "/b.txt"),
            ("100% a?.txt", "/100%25%20a%3F.txt"),
        ];
        for (typed, target) in cases {
            assert_eq!(default_path(typed), target, "{typed}");
        }
    }
}
