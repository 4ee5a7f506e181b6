//! Downloads one file over an open session, for a prompt.

use std::path::Path;

use super::address::Resource;
use super::error::ClientError;
use super::fetch::{self, Downloads, FetchOptions, FetchOrder, Fetched};
use super::session::Session;

/// Downloads `target` into the directory `downloads`, under its path on the server. Resumes a partial download. Does not
/// retry: the user can repeat the command. A status other than 2xx is an error.
pub fn fetch(session: &mut Session, target: &str, downloads: &Path) -> Result<Fetched, ClientError> {
    let order = FetchOrder::of(Resource { server: session.server().clone(), target: target.to_owned() })?;
    let options = FetchOptions { retries: 0, again: true, ..FetchOptions::default() };
    fetch::one(session, &order, &Downloads::at(downloads), &options)
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
