//! The authenticate gate of a build without accounts: every request is anonymous.

use std::sync::Arc;

use crate::access::Principal;
use crate::http::request::Head;
use crate::server::accounts::PasswordCheck;
use crate::server::accounts::credential::Credential;
use crate::server::disk::Disk;
use crate::server::request::RequestSource;
use crate::server::response::Response;
use crate::server::state::State;

/// Who a request acts for.
pub(crate) enum Caller {
    Known(Principal),
    #[allow(dead_code, reason = "no password is ever checked")]
    Unchecked(Box<PasswordCheck>),
    #[allow(dead_code, reason = "no name is ever looked up")]
    NeedsDisk,
    #[allow(dead_code, reason = "there are no sessions in a store")]
    NeedsStore,
}

/// There is no login page.
pub(crate) fn way_to_login(_: &Head<'_, '_>, _: &State) -> Option<Box<str>> {
    None
}

/// Nobody in particular.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn caller(
    _: &Head<'_, '_>,
    source: &RequestSource<'_>,
    _: &mut Option<Arc<Credential>>,
    _: &State,
    _: &mut Disk,
) -> Result<Caller, Response> {
    Ok(Caller::Known(Principal::anonymous(source.client.ip())))
}
