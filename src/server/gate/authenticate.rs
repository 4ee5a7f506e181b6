//! The authenticate gate: who a request acts for. It is the only place that makes a principal of a request.
//!
//! The first kind of credentials that a request has decides: the certificate of its connection, then the field
//! `Authorization`, then a link, which `gate/link.rs` judges, then the cookie of a session, then the field of a trusted proxy, then
//! the user who runs the program at a Unix-domain socket. If they are wrong, nothing weaker is tried.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::access::Principal;
use crate::accounts::password::Password;
use crate::http::authorization::{Credentials, MalformedCredentials};
use crate::http::request::Head;
use crate::http::status::Status;
use crate::own_paths;
use crate::server::accounts::{Accounts, PasswordCheck, PasswordOwner};
use crate::server::ambient_users::UserHeader;
use crate::server::cookie::{Cookie, TwoCookies};
use crate::server::disk::Disk;
use crate::server::error_response::bad_request;
use crate::server::login_names::{LoginNames, Recalled};
use crate::server::login_target::LoginTarget;
use crate::server::pages;
use crate::server::password_verdict::PasswordVerdict;
use crate::server::request::{ClientAddress, RequestSource, Scheme};
use crate::server::response::Response;
use crate::server::state::State;
use crate::server::tls::Tls;

/// Who a request acts for.
pub(crate) enum Caller {
    /// This principal.
    Known(Principal),
    /// A user, if the password is right. That is checked first, without a worker.
    Unchecked(Box<PasswordCheck>),
    /// Not known yet: a look-up has to wait, perhaps for long, which this thread may not do.
    NeedsDisk,
}

/// Finds out who a request acts for. Refuses credentials that are wrong, and those that others could have read on their way.
/// Checks of health and the assets of pages need none, so theirs do not count. A session that has ended does not keep anybody
/// from logging in.
pub(crate) fn caller(
    head: &Head<'_, '_>,
    source: &RequestSource<'_>,
    state: &State,
    disk: &mut Disk,
) -> Result<Caller, Response> {
    let anonymous = || Ok(Caller::Known(Principal::anonymous(source.client.ip())));
    let Some(accounts) = &state.accounts else { return anonymous() };
    let path = head.target.path().map_or("", |path| path.raw());
    if matches!(path, own_paths::HEALTH | own_paths::READY) || path.starts_with(own_paths::ASSETS) {
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
    if path.starts_with(own_paths::LINK) {
        return anonymous();
    }
    if let Some(principal) = by_cookie(path, head, source, accounts, state)? {
        return Ok(Caller::Known(principal));
    }
    if let Some(header) = &state.ambient_users.header
        && let Some(principal) = by_proxy(head, source, header, accounts)?
    {
        return Ok(Caller::Known(principal));
    }
    match &state.ambient_users.login_names {
        Some(names) => by_unix_peer(source, names, accounts, disk),
        None => anonymous(),
    }
}

/// Who the session of a cookie acts for; `None` without a cookie.
fn by_cookie(
    path: &str,
    head: &Head<'_, '_>,
    source: &RequestSource<'_>,
    accounts: &Accounts,
    state: &State,
) -> Result<Option<Principal>, Response> {
    let cookie = Cookie::of(head.host, source.scheme, &state.base);
    let session = match cookie.find(head.fields) {
        Ok(None) => return Ok(None),
        Ok(Some(secret)) => {
            ensure_private(source.client, source.scheme, accounts)?;
            accounts.of_session(secret, source.client.ip())
        }
        Err(TwoCookies) => None,
    };
    match session {
        Some(principal) => Ok(Some(principal)),
        None if matches!(path, own_paths::LOGIN | own_paths::LOGOUT) => Ok(None),
        None => Err(ended(head, accounts, state).with("Set-Cookie", cookie.clear())),
    }
}

/// The user whom a trusted proxy names; `None` if it names none. A field that is not exactly one name of a user was not made by
/// a proxy that is set up as it should be, so no part of it is believed.
fn by_proxy(
    head: &Head<'_, '_>,
    source: &RequestSource<'_>,
    header: &UserHeader,
    accounts: &Accounts,
) -> Result<Option<Principal>, Response> {
    let mut lines = head.fields.all(header.name());
    let Some(value) = lines.next().filter(|_| source.is_by_proxy) else { return Ok(None) };
    let name = std::str::from_utf8(value).ok().filter(|name| name.is_ascii() && lines.next().is_none());
    if let Some(user) = name.and_then(|name| accounts.user(name)) {
        return Ok(Some(Principal::of_user(user, source.client.ip())));
    }
    let what = format!("the proxy's field {header} does not name one user of this server");
    log::warn!("{}: {what}", source.client);
    Err(bad_request(format_args!("{what} (ask whoever runs it for an account)")))
}

/// The user whose login name is that of the program at a Unix-domain socket. Others are anonymous there.
fn by_unix_peer(
    source: &RequestSource<'_>,
    names: &LoginNames,
    accounts: &Accounts,
    disk: &mut Disk,
) -> Result<Caller, Response> {
    let anonymous = Ok(Caller::Known(Principal::anonymous(source.client.ip())));
    let Some(uid) = source.client.uid().filter(|_| !source.is_by_proxy) else { return anonymous };
    let name = match names.recall(uid, Instant::now()) {
        Recalled::Name(name) => Some(name),
        Recalled::Nobody => None,
        Recalled::Nothing => match disk.may_wait_long() {
            Some(disk) => names.look_up(uid, disk),
            None => return Ok(Caller::NeedsDisk),
        },
    };
    let Some(name) = name.filter(|name| accounts.has(name)) else { return anonymous };
    let user = accounts.user(&name).ok_or_else(wrong)?;
    Ok(Caller::Known(Principal::of_user(user, source.client.ip())))
}

/// The path of the login page that leads back, for a browser that opens a page without credentials.
pub(crate) fn way_to_login(head: &Head<'_, '_>, state: &State) -> Option<Box<str>> {
    let is_needed = state.accounts.is_some() && pages::are_opened(head);
    is_needed.then(|| LoginTarget::login(LoginTarget::of(head).as_ref(), &state.base).into())
}

/// The response to a session that has ended. The browser must not send its cookie again: it could see nothing, not even what is
/// public. It must not ask for a password with a dialog of its own either.
fn ended(head: &Head<'_, '_>, accounts: &Accounts, state: &State) -> Response {
    if !pages::are_opened(head) {
        return wrong().with("WWW-Authenticate", "Bearer");
    }
    let next = LoginTarget::of(head);
    let page = pages::LoginPage {
        root: &head.target.path().map_or_else(|| ".".to_owned(), |path| path.to_root()),
        next: next.as_ref(),
        base: &state.base,
        is_shared: accounts.are_shared(),
        name: "",
        user: None,
        failure: Some("Your session has ended."),
    };
    page.respond(Status::UNAUTHORIZED)
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
    if let Some(verdict) = source.verdict {
        return by_verdict(verdict, source);
    }
    match accounts.admit(PasswordCheck::new(PasswordOwner::User(name), password, source.client)) {
        Ok(check) => Ok(Caller::Unchecked(check)),
        Err(verdict) => by_verdict(&verdict, source),
    }
}

fn by_verdict(verdict: &PasswordVerdict, source: &RequestSource<'_>) -> Result<Caller, Response> {
    match verdict {
        PasswordVerdict::Right(user) => {
            Ok(Caller::Known(Principal::of_user(Arc::clone(user), source.client.ip())))
        }
        PasswordVerdict::Wrong => Err(wrong()),
        PasswordVerdict::TooMany(wait) => {
            let seconds = wait.as_secs() + 1;
            let text = format_args!("too many attempts (try again in {seconds} s)\n");
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
    if is_private(client, scheme, accounts) {
        return Ok(());
    }
    log::warn!(
        "{client} sent credentials without TLS: anyone on the network path could read them (change them)"
    );
    let text =
        "this server takes credentials over TLS only (use https://, and change the password that was sent)\n";
    Err(Response::text(Status::FORBIDDEN, text))
}

/// Whether nobody on the network path can read what this client sends, or the owner of the server accepts that.
pub(crate) fn is_private(client: ClientAddress, scheme: Option<Scheme>, accounts: &Accounts) -> bool {
    let is_local = client.ip().is_none_or(|ip| ip.to_canonical().is_loopback());
    is_local || scheme == Some(Scheme::Https) || accounts.allows_plain()
}

/// The response to wrong credentials, whatever is wrong with them.
fn wrong() -> Response {
    let text = "authentication failed (check the name and the password, or the token)\n";
    Response::text(Status::UNAUTHORIZED, text)
}
