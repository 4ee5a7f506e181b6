//! Makes directories (MKCOL, RFC 4918 §9.3).
//!
//! ```text
//! MKCOL ── 2xx ──────────────────────────────────────────────> created
//!   ├── 409 ── the same for its parent ── MKCOL ─────────────> created
//!   └── 405, 501, or 403 of another server than wharf
//!         └── HEAD ── a directory ──> it exists;   a file ──> refused;   nothing ──> the server cannot make it
//! ```

use super::fetch::digest::is_wharf;
use super::fetch::sessions::refused;
use super::request::HttpRequest;
use super::response::HttpResponse;
use super::session::Session;
use super::transfer::retry::FailedAttempt;
use crate::http::request::Method;
use crate::http::status::Status;

/// The result for a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MadeDirectory {
    /// It is new.
    Created(Status),
    /// It already existed.
    Exists,
    /// The server has no MKCOL.
    Unsupported,
}

/// The result of one MKCOL.
enum Attempt {
    Made(MadeDirectory),
    /// Its parent does not exist.
    NoParent(FailedAttempt),
}

/// Sends requests without content.
pub(super) trait Requester {
    /// Sends a request.
    fn request(&mut self, method: Method, target: &str) -> Result<HttpResponse<'_>, FailedAttempt>;
}

impl Requester for Session {
    fn request(&mut self, method: Method, target: &str) -> Result<HttpResponse<'_>, FailedAttempt> {
        Ok(self.send(&HttpRequest { method, target, fields: &[], content: None })?)
    }
}

/// Makes a directory and its missing parents; its target ends in a slash.
pub(super) fn with_parents(
    requester: &mut dyn Requester,
    target: &str,
) -> Result<MadeDirectory, FailedAttempt> {
    let refusal = match attempt(requester, target)? {
        Attempt::Made(made) => return Ok(made),
        Attempt::NoParent(refusal) => refusal,
    };
    let Some(parent) = parent(target) else { return Err(refusal) };
    if let MadeDirectory::Unsupported = with_parents(requester, parent)? {
        return Ok(MadeDirectory::Unsupported);
    }
    match attempt(requester, target)? {
        Attempt::Made(made) => Ok(made),
        Attempt::NoParent(refusal) => Err(refusal),
    }
}

/// Makes a directory whose parent exists. It is an error if the directory itself exists.
pub(super) fn alone(requester: &mut dyn Requester, target: &str) -> Result<Status, FailedAttempt> {
    let response = requester.request(Method::Mkcol, target)?;
    let status = response.head.status;
    if !status.is_success() {
        return Err(refused(response));
    }
    response.body.discard()?;
    Ok(status)
}

fn attempt(requester: &mut dyn Requester, target: &str) -> Result<Attempt, FailedAttempt> {
    let response = requester.request(Method::Mkcol, target)?;
    let status = response.head.status;
    if status.is_success() {
        response.body.discard()?;
        return Ok(Attempt::Made(MadeDirectory::Created(status)));
    }
    let is_foreign = !is_wharf(&response.head);
    let refusal = refused(response);
    match status {
        Status::CONFLICT => Ok(Attempt::NoParent(refusal)),
        Status::METHOD_NOT_ALLOWED | Status::NOT_IMPLEMENTED => look(requester, target, refusal),
        Status::FORBIDDEN if is_foreign => look(requester, target, refusal),
        _ => Err(refusal),
    }
}

/// Finds out why a directory was refused.
fn look(
    requester: &mut dyn Requester,
    target: &str,
    refusal: FailedAttempt,
) -> Result<Attempt, FailedAttempt> {
    if exists(requester, target)? {
        return Ok(Attempt::Made(MadeDirectory::Exists));
    }
    let file = target.trim_end_matches('/');
    if !file.is_empty() && exists(requester, file)? {
        return Err(refusal);
    }
    Ok(Attempt::Made(MadeDirectory::Unsupported))
}

/// Whether this target exists, even if this client may not read it.
fn exists(requester: &mut dyn Requester, target: &str) -> Result<bool, FailedAttempt> {
    let response = requester.request(Method::Head, target)?;
    let status = response.head.status;
    response.body.discard()?;
    Ok(status.is_success() || [Status::UNAUTHORIZED, Status::FORBIDDEN].contains(&status))
}

/// The directory above this one; both targets end in a slash.
fn parent(target: &str) -> Option<&str> {
    let above = target.trim_end_matches('/');
    above.rfind('/').and_then(|slash| above.get(..=slash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_of_a_directory() {
        let table = [("/a/b/", Some("/a/")), ("/a/", Some("/")), ("/", None), ("/a//b/", Some("/a//"))];
        for (target, expected) in table {
            assert_eq!(parent(target), expected, "{target}");
        }
    }
}
