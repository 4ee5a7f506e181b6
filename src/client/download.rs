//! Fetching one file over a session that is there: what a line at the prompt asks for.

use std::path::Path;

use super::address::Resource;
use super::error::ClientError;
use super::fetch::{self, Downloads, FetchOptions, FetchOrder, Fetched};
use super::session::Session;

/// Fetches `target` into the directory `downloads`, under the path that it has on the server. It goes on with a part
/// of it that is there, and is tried once: a person who waits can ask again. An answer other than 2xx is an error.
pub fn fetch(session: &mut Session, target: &str, downloads: &Path) -> Result<Fetched, ClientError> {
    let order = FetchOrder::of(Resource { server: session.server().clone(), target: target.to_owned() })?;
    let options = FetchOptions { retries: 0, again: true, ..FetchOptions::default() };
    fetch::one(session, &order, &Downloads::at(downloads), &options)
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
