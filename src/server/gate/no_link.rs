//! The link gate of a build without accounts: there are no links.

use std::sync::Arc;

use crate::access::Principal;
use crate::http::request::Head;
use crate::server::accounts::credential::Credential;
use crate::server::disk::Disk;
use crate::server::filter::Wanted;
use crate::server::request::RequestSource;
use crate::server::response::Response;
use crate::server::state::State;

/// There are no links in a store.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn needs_store(
    _: &Head<'_, '_>,
    _: &RequestSource<'_>,
    _: &State,
    _: &mut Disk,
) -> Result<bool, Response> {
    Ok(false)
}

/// Changes nothing.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn enter(
    _: &mut Head<'_, '_>,
    principal: Principal,
    _: &mut Option<Arc<Credential>>,
    _: &RequestSource<'_>,
    _: &mut Wanted,
    _: &State,
) -> Result<Principal, Response> {
    Ok(principal)
}
