//! The authenticate gate: who a request acts for. It is the only place that makes a principal of a request.
//!
//! The first kind of credentials that a request has decides: the certificate of its connection, then the field
//! `Authorization`, then a link, which `gate/link.rs` judges, then the cookie of a session. If they are wrong, nothing weaker is tried.

use std::sync::Arc;
use std::time::SystemTime;

use crate::access::Principal;
use crate::accounts::password::Password;
use crate::http::authorization::{Credentials, MalformedCredentials};
use crate::http::request::Head;
use crate::http::status::Status;
use crate::own_paths;
use crate::server::accounts::{Accounts, PasswordCheck, PasswordOwner};
use crate::server::error_response::bad_request;
use crate::server::password_verdict::PasswordVerdict;
use crate::server::request::{ClientAddress, RequestSource, Scheme};
use crate::server::response::Response;
use crate::server::session_cookie::{SessionCookie, TwoCookies};
use crate::server::state::State;
use crate::server::tls::Tls;

/// Who a request acts for.
pub(crate) enum Caller {
    /// This principal.
    Known(Principal),
    /// A user, if the password is right. That is checked first, without a worker.
    Unchecked(Box<PasswordCheck>),
}

/// Finds out who a request acts for. Refuses credentials that are wrong, and those that others could have read on their way.
/// Checks of health need none, so theirs do not count.
pub(crate) fn caller(
    head: &Head<'_, '_>,
    source: &RequestSource<'_>,
    state: &State,
) -> Result<Caller, Response> {
    let anonymous = || Ok(Caller::Known(Principal::anonymous(source.client.ip())));
    let Some(accounts) = &state.accounts else { return anonymous() };
    let is_health =
        head.target.path().is_some_and(|path| matches!(path.raw(), own_paths::HEALTH | own_paths::READY));
    if is_health {
        return anonymous();
    }
    if state.tls.as_ref().is_some_and(Tls::asks_for_certificates)
        && let Some(certificate) = source.certificate
    {
        let name = certificate.user(SystemTime::now()).ok();
        let user = name.and_then(|name| accounts.user(&name.to_string())).ok_or_else(wrong)?;
        return Ok(Caller::Known(Principal::of_user(user, source.client.ip())));
    }
    let mut lines = head.fields.all("Authorization");
    if let Some(value) = lines.next() {
        if lines.next().is_some() {
            return Err(bad_request("the request has two Authorization fields (send one)"));
        }
        ensure_private(source.client, source.scheme, accounts)?;
        return by_authorization(value, source, accounts);
    }
    // A link decides before a session.
    if head.target.path().is_some_and(|path| path.raw().starts_with(own_paths::LINK)) {
        return anonymous();
    }
    let cookie = SessionCookie::of(head.host, source.scheme, &state.base);
    match cookie.find(head.fields) {
        Ok(None) => anonymous(),
        Ok(Some(secret)) => {
            ensure_private(source.client, source.scheme, accounts)?;
            // The browser must not send a session that has ended again: it could see nothing, not even what is public.
            let ended = || wrong().with("Set-Cookie", cookie.clear());
            accounts.of_session(secret, source.client.ip()).map(Caller::Known).ok_or_else(ended)
        }
        Err(TwoCookies) => Err(wrong().with("Set-Cookie", cookie.clear())),
    }
}

fn by_authorization(
    value: &[u8],
    source: &RequestSource<'_>,
    accounts: &Accounts,
) -> Result<Caller, Response> {
    let (name, mut password) = match Credentials::parse(value) {
        Ok(Credentials::Basic { name, password }) => (name, password),
        Ok(Credentials::Bearer(token)) => {
            return accounts.of_token(token, source.client.ip()).map(Caller::Known).ok_or_else(wrong);
        }
        Err(MalformedCredentials) => return Err(wrong()),
    };
    let password = Password::new(std::mem::take(&mut password));
    let check = PasswordCheck { of: PasswordOwner::User(name), password, client: source.client };
    let known = if source.verdict.is_none() { accounts.known(&check) } else { None };
    match source.verdict.or(known.as_ref()) {
        None => Ok(Caller::Unchecked(Box::new(check))),
        Some(PasswordVerdict::Right(user)) => {
            Ok(Caller::Known(Principal::of_user(Arc::clone(user), source.client.ip())))
        }
        Some(PasswordVerdict::Wrong) => Err(wrong()),
        Some(PasswordVerdict::TooMany(wait)) => {
            let seconds = wait.as_secs() + 1;
            let text = format_args!("too many failed attempts (try again in {seconds} s)\n");
            Err(Response::text(Status::TOO_MANY_REQUESTS, text).with("Retry-After", seconds))
        }
    }
}

/// Refuses credentials that came over the network without TLS: others may know them now. They are not checked, because the
/// result could be read too.
pub(crate) fn ensure_private(
    client: ClientAddress,
    scheme: Option<Scheme>,
    accounts: &Accounts,
) -> Result<(), Response> {
    let is_local = client.ip().is_none_or(|ip| ip.to_canonical().is_loopback());
    if is_local || scheme == Some(Scheme::Https) || accounts.allows_plain() {
        return Ok(());
    }
    log::warn!(
        "{client} sent credentials without TLS: anyone on the network path could read them (change them)"
    );
    let text =
        "this server takes credentials over TLS only (use https://, and change the password that was sent)\n";
    Err(Response::text(Status::FORBIDDEN, text))
}

/// The response to wrong credentials, whatever is wrong with them.
fn wrong() -> Response {
    let text = "authentication failed (check the name and the password, or the token)\n";
    Response::text(Status::UNAUTHORIZED, text)
}
