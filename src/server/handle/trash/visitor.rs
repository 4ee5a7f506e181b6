//! The client of a request about the trash, and what it may see there.

use std::sync::Arc;

use crate::access::Principal;
use crate::chat::event::Uploader;
use crate::folder::{Error, Whose};
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::error_response;
use crate::server::gate::authorise;
use crate::server::handle::member;
use crate::server::handle::trash::respond::refuse;
use crate::server::link_view::LinkView;
use crate::server::lock_tokens::SubmittedTokens;
use crate::server::pages;
use crate::server::remover::TrashOwner;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The client of a request about the trash.
pub(super) struct TrashVisitor {
    pub(super) owner: TrashOwner,
    pub(super) principal: Principal,
    /// The tokens of locks that the client submits.
    pub(super) tokens: SubmittedTokens,
    link: Option<Arc<LinkView>>,
    pub(super) by: Uploader,
    /// Whether the client is a browser that has sent a form, or opens a page.
    pub(super) wants_page: bool,
    /// The relative path from the requested path to the root.
    pub(super) root: String,
}

impl TrashVisitor {
    /// The client of this request, if there is a trash.
    pub(super) fn of(request: &Request<'_, '_, '_>, state: &State) -> Result<Self, Response> {
        Self::of_owner(TrashOwner::of(request, state), request, state)
    }

    /// Like [`TrashVisitor::of`], but limited to the entries of this owner.
    pub(super) fn of_owner(
        owner: TrashOwner,
        request: &Request<'_, '_, '_>,
        state: &State,
    ) -> Result<Self, Response> {
        let rules = state.folder.rules();
        if rules.read_only {
            return Err(error_response::of(&Error::ReadOnly));
        }
        if rules.trash.is_none() {
            let text = "the trash is off: removed files are gone (the server runs with --trash off)\n";
            return Err(Response::text(Status::NOT_FOUND, text));
        }
        let is_json = request.target.parameter("json").is_some();
        Ok(Self {
            owner,
            principal: request.principal.clone(),
            tokens: SubmittedTokens::of(request),
            link: request.link.clone(),
            by: member::uploader(request, state),
            wants_page: pages::are_wanted(request.head.fields) && !is_json,
            root: request.target.to_root(),
        })
    }

    /// Whether the visitor may see its own entry at this path: a token shows only the entries below its own path.
    pub(super) fn may_see(&self, path: &SharePath) -> bool {
        self.principal.scope().is_none_or(|scope| path.is_below(&scope.path))
    }

    /// Whose entries the visitor may restore and discard. Fails if its account has changed since the request began.
    pub(super) fn whose(&self, state: &State) -> Result<Whose<'_>, Response> {
        authorise::ensure_current(&self.principal, state)?;
        self.owner.whose().ok_or_else(|| refuse(&Error::NotFound))
    }

    /// A path as the client sees it, as text: `/a/b`, and `/a/b/` for a directory.
    pub(super) fn shown(&self, path: &SharePath, is_directory: bool) -> String {
        let shown = self.link.as_ref().map(|link| link.shown(path));
        let path = String::from_utf8_lossy(shown.as_ref().unwrap_or(path).as_bytes()).into_owned();
        format!("/{path}{}", if is_directory { "/" } else { "" })
    }
}
