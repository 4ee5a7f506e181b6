//! Fetching a file: under which name it is saved, and that it is there whole or not at all.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::address::Server;
use super::error::{Error, shown};
use super::refusal;
use super::session::{Body, Method, PourError, Request, Response, Session};
use crate::figures::{Bytes, Time};
use crate::http::status::Status;
use crate::http::target::Target;

/// How many redirects are followed. A directory without its slash takes one; more than a few is a circle.
const MOST_REDIRECTS: usize = 5;

/// What a directory's answer is saved as: it is the directory's page.
const DIRECTORY_PAGE: &str = "index.html";

/// What is added to the name of a file that is not complete yet.
const PART: &str = ".part";

/// A file that was fetched.
#[derive(Debug)]
pub struct Saved {
    /// What the server answered.
    pub status: Status,
    /// Where the file is now.
    pub path: PathBuf,
    /// How long it is, in bytes.
    pub length: u64,
    /// How long it took.
    pub took: Time,
}

/// Fetches `target` into the directory `downloads`, under the path that it has on the server. An answer
/// other than 2xx is an error, and saves nothing.
pub fn fetch(session: &mut Session, target: &str, downloads: &Path) -> Result<Saved, Error> {
    let begun = Instant::now();
    let requested = local_path(target)?;
    let server = session.server().clone();
    let mut current = target.to_owned();
    for _ in 0..=MOST_REDIRECTS {
        let response = get(session, &current)?;
        if let Some(location) = redirect(&response) {
            current = follow(&server, &current, &location)?;
            response.body.discard()?;
            continue;
        }
        let status = response.head.status;
        if !status.is_success() {
            return Err(refusal::read(response));
        }
        let is_directory = path_of(&current).strip_suffix('/') == Some(path_of(target));
        // Only a slash is taken over from a redirect: what a file is called here is not the server's to say.
        let local = if is_directory { requested.join(DIRECTORY_PAGE) } else { requested };
        let path = downloads.join(local);
        let length = save(response.body, &path)?;
        return Ok(Saved { status, path, length, took: Time(begun.elapsed()) });
    }
    Err(Error::Redirects)
}

fn get<'s>(session: &'s mut Session, target: &str) -> Result<Response<'s>, Error> {
    session.send(&Request { method: Method::Get, target, fields: &[], content: None })
}

/// A target without its query.
fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or(target)
}

/// Where the answer sends us, if it does (RFC 9110 §15.4).
fn redirect(response: &Response<'_>) -> Option<String> {
    let sends = matches!(response.head.status.code(), 301 | 302 | 303 | 307 | 308);
    if sends { response.head.field("Location") } else { None }
}

/// The target that a Location means (RFC 9110 §10.2.2), on the same server only.
fn follow(server: &Server, current: &str, location: &str) -> Result<String, Error> {
    let elsewhere = || Error::Elsewhere(location.to_owned());
    let location = location.split('#').next().unwrap_or_default();
    let target = match location.strip_prefix("http://") {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            if !server.is_at(authority) {
                return Err(elsewhere());
            }
            if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
        }
        None if location.starts_with("//") || location.contains(':') => return Err(elsewhere()),
        None if location.starts_with('/') => location.to_owned(),
        None => {
            let directory = path_of(current).rsplit_once('/').map_or("", |(directory, _)| directory);
            format!("{directory}/{location}")
        }
    };
    Target::parse(&target)?;
    Ok(target)
}

/// The path under which a target is saved, below the directory for downloads and never beside it.
fn local_path(target: &str) -> Result<PathBuf, Error> {
    let Some(path) = Target::parse(target)?.path() else { return Err(Error::Outside(target.to_owned())) };
    let mut local = PathBuf::new();
    for segment in path.segments() {
        match &*segment? {
            b"" => {}
            b"." | b".." => return Err(Error::Outside(target.to_owned())),
            name => local.push(OsStr::from_bytes(name)),
        }
    }
    if path.ends_with_slash() {
        local.push(DIRECTORY_PAGE);
    }
    Ok(local)
}

/// Writes the content beside its place, and puts it there when it is whole. What is not whole is removed.
fn save(body: Body<'_>, path: &Path) -> Result<u64, Error> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|error| Error::Local("make", parent.to_owned(), error))?;
    let mut part = OsString::from(path);
    part.push(PART);
    let part = PathBuf::from(part);
    let mut file = File::create(&part).map_err(|error| Error::Local("write", part.clone(), error))?;
    let outcome = body.pour(&mut file).map_err(|error| match error {
        PourError::Source(error) => error,
        PourError::Sink(error) => Error::Local("write", part.clone(), error),
    });
    let placed = outcome.and_then(|length| {
        fs::rename(&part, path).map_err(|error| Error::Local("write", path.to_owned(), error))?;
        Ok(length)
    });
    if placed.is_err() {
        // The error that is reported says more than that the rest of it could not be removed.
        let _ = fs::remove_file(&part);
    }
    placed
}

/// `200 OK → downloads/a.txt, 512 B in 0.4 ms`.
impl std::fmt::Display for Saved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {}, {} in {}", self.status, shown(&self.path), Bytes(self.length), self.took)
    }
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
