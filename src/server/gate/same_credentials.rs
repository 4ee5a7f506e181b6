//! Recognises requests with the same credentials as the last request of the connection. This takes far fewer instructions than
//! checking the credentials again.

use crate::access::Principal;
use crate::http::request::Head;
use crate::own_paths;
use crate::server::accounts::credential::Credential;
use crate::server::request::RequestSource;
use crate::server::state::State;
use crate::server::tls::{ClientCertificate, Tls};

/// The principal of a request with the same credentials as the last request, if the accounts have not changed since. `None` if
/// the credentials have to be checked, or if the request has further credentials.
pub(super) fn again(
    head: &Head<'_, '_>,
    source: &RequestSource<'_>,
    last: &Credential,
    state: &State,
) -> Option<Principal> {
    let path = head.target.path().map_or("", |path| path.raw());
    if need_none(path) || certificate(source, state).is_some() {
        return None;
    }
    let mut lines = head.fields.all("Authorization");
    if let Some(value) = lines.next() {
        let is_only = lines.next().is_none();
        return if is_only { last.by_authorization(value, source.client.ip()) } else { None };
    }
    if path.starts_with(own_paths::LINK) {
        return None;
    }
    let mut lines = head.fields.all("Cookie");
    let value = lines.next()?;
    let is_only = lines.next().is_none();
    if is_only { last.by_cookie(value, head.host, source.scheme, source.client.ip()) } else { None }
}

/// Whether requests for this path need no credentials.
pub(super) fn need_none(path: &str) -> bool {
    matches!(path, own_paths::HEALTH | own_paths::READY) || path.starts_with(own_paths::ASSETS)
}

/// The certificate of the connection, if certificates name users here. Then no other credentials count.
pub(super) fn certificate<'s>(source: &RequestSource<'s>, state: &State) -> Option<&'s ClientCertificate> {
    source.certificate.filter(|_| state.tls.as_ref().is_some_and(Tls::asks_for_certificates))
}
