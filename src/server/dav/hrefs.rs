//! Paths in the bodies of responses, as the client of a request sees them.

use std::sync::Arc;

use crate::http::target::encode_path;
use crate::path::SharePath;
use crate::server::link_view::LinkView;
use crate::server::request::Request;
use crate::server::state::State;

/// How a request's client sees the paths of the folder: below the base, and below its link.
#[derive(Debug, Clone)]
pub(crate) struct Hrefs {
    prefix: String,
    link: Option<Arc<LinkView>>,
}

impl Hrefs {
    /// The paths as this request's client sees them.
    pub(crate) fn of(request: &Request<'_, '_, '_>, state: &State) -> Self {
        let link = request.link.clone();
        let prefix = link.as_ref().map(|link| link.prefix.as_str()).unwrap_or_default();
        Self { prefix: state.base.with(prefix), link }
    }

    /// The encoded path; that of a directory ends in a slash (RFC 4918 §5.2).
    pub(crate) fn path(&self, path: &SharePath, is_directory: bool) -> String {
        let shown = self.link.as_ref().map(|link| link.shown(path));
        let encoded = encode_path(shown.as_ref().unwrap_or(path).as_bytes());
        let slash = if is_directory && !encoded.is_empty() { "/" } else { "" };
        format!("{}/{encoded}{slash}", self.prefix)
    }
}
