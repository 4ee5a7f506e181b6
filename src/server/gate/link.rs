//! The link gate: finds the target of a link's path, and the principal of the request.
//!
//! ```text
//! /.wharf/l/SECRET          the page of the link
//! /.wharf/l/SECRET/a/b      a/b in the shared folder, once the link is open
//!                           (until then, no response shows whether a/b exists)
//! ```
//!
//! A link without a password and without a limit on its uses is open. Any other link is open for clients with the
//! cookie of a session, which a use of the link starts.

use std::sync::Arc;

use crate::access::{Principal, Right, Rights, Scope};
use crate::accounts::records::{Purpose, Record, SecretUse, Unusable, WallTime};
use crate::http::request::Head;
use crate::http::status::Status;
use crate::http::target::Target;
use crate::own_paths;
use crate::server::accounts::Accounts;
use crate::server::accounts::credential::Credential;
use crate::server::accounts::records::GivenLink;
use crate::server::cookie::Cookie;
use crate::server::disk::Disk;
use crate::server::error_response::{not_found, records_unavailable};
use crate::server::filter::Wanted;
use crate::server::gate::authenticate::ensure_private;
use crate::server::gate::sought::{self, Sought};
use crate::server::link_view::{LinkKind, LinkStage, LinkView};
use crate::server::request::RequestSource;
use crate::server::response::Response;
use crate::server::state::State;

/// Whether a request needs a link, or the session of a link, that another server may have made a moment ago: then the store has
/// to be asked, which this thread must not do.
pub(crate) fn needs_store(
    head: &Head<'_, '_>,
    source: &RequestSource<'_>,
    state: &State,
    disk: &mut Disk,
) -> Result<bool, Response> {
    let Some(accounts) = state.accounts.as_ref().filter(|accounts| accounts.share_records()) else {
        return Ok(false);
    };
    let Some(secret) = secret(head.target) else { return Ok(false) };
    let link = (SecretUse::Link, secret.as_bytes());
    let link = match sought::seek(accounts, disk, link, || accounts.link(secret)) {
        Sought::Found(link) => link,
        Sought::Nothing => return Ok(false),
        Sought::NeedsStore => return Ok(true),
        Sought::Unavailable => return Err(records_unavailable()),
    };
    let prefix = format!("{}{secret}", own_paths::LINK);
    let cookie = Cookie::of_link(head.host, source.scheme, &state.base, &prefix);
    let Some(visit) = cookie.find(head.fields).ok().flatten() else { return Ok(false) };
    let secret = (SecretUse::Session, visit);
    match sought::seek(accounts, disk, secret, || accounts.visit(visit, link.record.id)) {
        Sought::Found(_) | Sought::Nothing => Ok(false),
        Sought::NeedsStore => Ok(true),
        Sought::Unavailable => Err(records_unavailable()),
    }
}

/// Finds the link of a request. If the link is open, the request's target becomes relative to the shared
/// content. The principal keeps only the rights that the link has too.
pub(crate) fn enter(
    head: &mut Head<'_, '_>,
    principal: Principal,
    credential: &mut Option<Arc<Credential>>,
    source: &RequestSource<'_>,
    wanted: &mut Wanted,
    state: &State,
) -> Result<Principal, Response> {
    let Some(secret) = secret(head.target) else { return Ok(principal) };
    let Some(accounts) = &state.accounts else { return Err(not_found()) };
    ensure_private(source.client, source.scheme, accounts)?;
    let link = accounts.link(secret).ok_or_else(not_found)?;
    let prefix = format!("{}{secret}", own_paths::LINK);
    let mut view = link.view(prefix).ok_or_else(not_found)?;
    let visit = visit(head, source, &view, &link, accounts, state);
    let has_visit = visit.is_some();
    if has_visit || link.is_free() {
        view.stage = LinkStage::Open;
    }
    let usable = link.record.check(WallTime::now());
    let inside = head.target.path().and_then(|path| path.below(&view.prefix));
    let refused = match usable {
        Err(reason @ (Unusable::Expired | Unusable::UsedUp)) if !has_visit => Some(gone(reason)),
        Err(Unusable::Revoked | Unusable::Unknown | Unusable::Unavailable) => Some(not_found()),
        _ => None,
    };
    let is_page = |path: &str| path.is_empty() || view.kind == LinkKind::File && path == "/";
    if view.stage == LinkStage::Open
        && let Some(inside) = inside.filter(|inside| !is_page(inside.raw()))
    {
        head.target = Target::Origin(inside);
        view.stage = LinkStage::Inside;
    }
    let principal = link.principal(&view, &principal, source);
    wanted.link = Some(Arc::new(view));
    let opened = visit.or_else(|| link.is_free().then(|| Arc::clone(&link.record)));
    *credential = Some(Credential::through_link(&principal, credential.as_deref(), opened, accounts));
    refused.map_or(Ok(principal), Err)
}

/// The secret in the path of a link.
fn secret(target: Target<'_>) -> Option<&str> {
    let rest = target.path()?.raw().strip_prefix(own_paths::LINK)?;
    rest.split('/').next()
}

/// The session that a use of this link has started, if the request has its cookie.
fn visit(
    head: &Head<'_, '_>,
    source: &RequestSource<'_>,
    view: &LinkView,
    link: &GivenLink,
    accounts: &Accounts,
    state: &State,
) -> Option<Arc<Record>> {
    let cookie = Cookie::of_link(head.host, source.scheme, &state.base, &view.prefix);
    let secret = cookie.find(head.fields).ok().flatten();
    secret.and_then(|secret| accounts.visit(secret, link.record.id))
}

impl GivenLink {
    /// Whether the link can be opened without a password, and without counting a use.
    fn is_free(&self) -> bool {
        matches!(self.record.purpose, Purpose::Link { uses_left: None, password: None, .. })
    }

    /// What a request sees before the link is opened; `None` if the record is not a link's.
    fn view(&self, prefix: String) -> Option<LinkView> {
        let Purpose::Link { scope, is_drop, .. } = &self.record.purpose else { return None };
        // Links to folders have the right to list.
        let kind = match is_drop {
            true => LinkKind::Drop,
            false if scope.rights.has(Right::List) => LinkKind::Folder,
            false => LinkKind::File,
        };
        let (id, target) = (self.record.id.to_string(), scope.path.clone());
        Some(LinkView { id, prefix, target, kind, stage: LinkStage::Closed })
    }

    /// The principal of a request through the link: the user who made the link, or the user of the request's own
    /// credentials. Either has only the rights that the link has too.
    fn principal(&self, view: &LinkView, principal: &Principal, source: &RequestSource<'_>) -> Principal {
        let user = Arc::clone(principal.account().unwrap_or(&self.giver));
        let own = match principal.scope() {
            None => Rights::ALL,
            Some(scope) if view.target.is_below(&scope.path) => scope.rights,
            Some(_) => Rights::NONE,
        };
        let is_inside = view.stage == LinkStage::Inside;
        let rights =
            self.record.scope().filter(|_| is_inside).map_or(Rights::NONE, |scope| scope.rights.and(own));
        let scope = Scope { path: view.target.clone(), rights, link: Some(view.id.clone()) };
        Principal::within(user, source.client.ip(), scope)
    }
}

/// The response to a link that has expired or is used up.
fn gone(reason: Unusable) -> Response {
    Response::text(Status::GONE, format_args!("this link no longer works: {reason}\n"))
}
