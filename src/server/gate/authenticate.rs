//! The authenticate gate: finds the principal of a request. It is the only place that determines a request's principal.
//!
//! The first kind of credentials that a request has decides: the certificate of its connection, then the field
//! `Authorization`, then a link, which `gate/link.rs` judges, then the cookie of a session, then the field of a trusted
//! proxy, then the user who runs the program at a Unix-domain socket. If these credentials are wrong, the later kinds
//! are not tried.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::access::{Principal, User};
use crate::accounts::password::Password;
use crate::accounts::records::SecretUse;
use crate::http::authorization::{Credentials, MalformedCredentials};
use crate::http::request::Head;
use crate::http::status::Status;
use crate::own_paths;
use crate::server::accounts::credential::{Credential, PresentedField};
use crate::server::accounts::{Accounts, PasswordCheck, PasswordOwner};
use crate::server::ambient_users::UserHeader;
use crate::server::cookie::{Cookie, TwoCookies};
use crate::server::disk::Disk;
use crate::server::error_response::{bad_request, records_unavailable};
use crate::server::gate::same_credentials;
use crate::server::gate::sought::{self, Sought};
use crate::server::login_names::{LoginNames, Recalled};
use crate::server::login_target::LoginTarget;
use crate::server::pages;
use crate::server::password_verdict::PasswordVerdict;
use crate::server::request::{ClientAddress, RequestSource, Scheme};
use crate::server::response::Response;
use crate::server::state::State;

/// The principal of a request, as far as it is known.
pub(crate) enum Caller {
    /// This principal.
    Known(Principal),
    /// A user, if the password is right. It is checked first, on the password thread.
    Unchecked(Box<PasswordCheck>),
    /// Not known yet: a look-up may have to wait for a long time, which this thread must not do.
    NeedsDisk,
    /// Not known yet: another server may have made the session or the token, so the store has to be asked.
    NeedsStore,
}

/// Finds the principal of a request. Refuses credentials that are wrong, or that others could have read in transit.
/// Ignores credentials for health checks and the assets of pages, which need none. A session that has ended does not
/// prevent a new login. `credential` is the credential of the previous request on the connection; afterwards, it is the
/// credential of this request.
pub(crate) fn caller(
    head: &Head<'_, '_>,
    source: &RequestSource<'_>,
    credential: &mut Option<Arc<Credential>>,
    state: &State,
    disk: &mut Disk,
) -> Result<Caller, Response> {
    // Without accounts, no earlier request has proved anything.
    let Some(accounts) = &state.accounts else {
        return Ok(Caller::Known(Principal::anonymous(source.client.ip())));
    };
    if let Some(last) = credential
        && is_private(source.client, source.scheme, accounts)
        && let Some(principal) = same_credentials::again(head, source, last, state)
    {
        return Ok(Caller::Known(principal));
    }
    *credential = None;
    Ok(match judge(head, source, accounts, state, disk)? {
        Judged::Known(principal, proof) => {
            *credential = proof;
            Caller::Known(principal)
        }
        Judged::Unchecked(check) => Caller::Unchecked(check),
        Judged::NeedsDisk => Caller::NeedsDisk,
        Judged::NeedsStore => Caller::NeedsStore,
    })
}

/// The result of judging the first credentials of a request.
enum Judged {
    /// This principal, and the proof, unless it is anonymous.
    Known(Principal, Option<Arc<Credential>>),
    Unchecked(Box<PasswordCheck>),
    NeedsDisk,
    NeedsStore,
}

fn judge(
    head: &Head<'_, '_>,
    source: &RequestSource<'_>,
    accounts: &Accounts,
    state: &State,
    disk: &mut Disk,
) -> Result<Judged, Response> {
    let anonymous = || Ok(anonymous(source));
    let path = head.target.path().map_or("", |path| path.raw());
    if same_credentials::need_none(path) {
        return anonymous();
    }
    if let Some(certificate) = same_credentials::certificate(source, state) {
        let name = certificate.user(SystemTime::now()).ok();
        let user = name.and_then(|name| accounts.user(&name.to_string())).ok_or_else(wrong)?;
        return Ok(Judged::user(user, source, accounts));
    }
    let mut lines = head.fields.all("Authorization");
    if let Some(value) = lines.next() {
        if lines.next().is_some() {
            return Err(bad_request("the request has two Authorization fields (send one)"));
        }
        ensure_private(source.client, source.scheme, accounts)?;
        return by_authorization(value, source, accounts, disk);
    }
    // A link takes precedence over a session.
    if path.starts_with(own_paths::LINK) {
        return anonymous();
    }
    if let Some(caller) = by_cookie(path, head, source, accounts, state, disk)? {
        return Ok(caller);
    }
    if let Some(header) = &state.ambient_users.header
        && let Some(user) = by_proxy(head, source, header, accounts)?
    {
        return Ok(Judged::user(user, source, accounts));
    }
    match &state.ambient_users.login_names {
        Some(names) => by_unix_peer(source, names, accounts, disk),
        None => anonymous(),
    }
}

impl Judged {
    /// This user, who was authenticated without a session or token.
    fn user(user: Arc<User>, source: &RequestSource<'_>, accounts: &Accounts) -> Self {
        let principal = Principal::of_user(user, source.client.ip());
        let credential = Credential::of_user(&principal, accounts);
        Self::Known(principal, Some(credential))
    }

    /// The principal of a session or token. The connection recognises it by these bytes in the next request.
    fn remembered(credential: Credential, field: PresentedField, value: &[u8]) -> Self {
        Self::proved(credential.presented(field, value))
    }

    fn proved(credential: Credential) -> Self {
        Self::Known(credential.principal().clone(), Some(Arc::new(credential)))
    }
}

fn anonymous(source: &RequestSource<'_>) -> Judged {
    Judged::Known(Principal::anonymous(source.client.ip()), None)
}

/// The principal of a cookie's session; `None` without a cookie.
fn by_cookie(
    path: &str,
    head: &Head<'_, '_>,
    source: &RequestSource<'_>,
    accounts: &Accounts,
    state: &State,
    disk: &mut Disk,
) -> Result<Option<Judged>, Response> {
    let address = source.client.ip();
    let mut lines = head.fields.all("Cookie");
    let Some(line) = lines.next() else { return Ok(None) };
    let is_only = lines.next().is_none();
    let cookie = Cookie::of(head.host, source.scheme, &state.base);
    let session = match cookie.find(head.fields) {
        Ok(None) => return Ok(None),
        Ok(Some(secret)) => {
            ensure_private(source.client, source.scheme, accounts)?;
            let secret_use = (SecretUse::Session, secret);
            match sought::seek(accounts, disk, secret_use, || accounts.of_session(secret, address)) {
                Sought::Found(credential) => Some(credential),
                Sought::Nothing => None,
                Sought::NeedsStore => return Ok(Some(Judged::NeedsStore)),
                // The session does not prevent a new login.
                Sought::Unavailable if path == own_paths::LOGIN => return Ok(None),
                Sought::Unavailable => return Err(records_unavailable()),
            }
        }
        Err(TwoCookies) => None,
    };
    match session {
        Some(credential) if is_only => {
            let host = head.host.map(Box::from);
            let field = PresentedField::Cookie { host, scheme: source.scheme };
            Ok(Some(Judged::remembered(credential, field, line)))
        }
        Some(credential) => Ok(Some(Judged::proved(credential))),
        None if matches!(path, own_paths::LOGIN | own_paths::LOGOUT) => Ok(None),
        None => Err(ended(head, accounts, state).with("Set-Cookie", cookie.clear())),
    }
}

/// The user that a trusted proxy names; `None` if it names no user. If the field is not exactly one user's name, the
/// proxy is not configured correctly, and no part of the field is trusted.
fn by_proxy(
    head: &Head<'_, '_>,
    source: &RequestSource<'_>,
    header: &UserHeader,
    accounts: &Accounts,
) -> Result<Option<Arc<User>>, Response> {
    let mut lines = head.fields.all(header.name());
    let Some(value) = lines.next().filter(|_| source.is_by_proxy) else { return Ok(None) };
    let name = std::str::from_utf8(value).ok().filter(|name| name.is_ascii() && lines.next().is_none());
    if let Some(user) = name.and_then(|name| accounts.user(name)) {
        return Ok(Some(user));
    }
    let what = format!("the proxy's field {header} does not name one user of this server");
    log::warn!("{}: {what}", source.client);
    Err(bad_request(format_args!("{what} (ask its administrator for an account)")))
}

/// The user with the login name of the program at a Unix-domain socket. Programs of other users are anonymous there.
fn by_unix_peer(
    source: &RequestSource<'_>,
    names: &LoginNames,
    accounts: &Accounts,
    disk: &mut Disk,
) -> Result<Judged, Response> {
    let anonymous = Ok(anonymous(source));
    let Some(uid) = source.client.uid().filter(|_| !source.is_by_proxy) else { return anonymous };
    let name = match names.recall(uid, Instant::now()) {
        Recalled::Name(name) => Some(name),
        Recalled::Nobody => None,
        Recalled::Nothing => match disk.may_wait_long() {
            Some(disk) => names.look_up(uid, disk),
            None => return Ok(Judged::NeedsDisk),
        },
    };
    let Some(name) = name.filter(|name| accounts.has_user(name)) else { return anonymous };
    let user = accounts.user(&name).ok_or_else(wrong)?;
    Ok(Judged::user(user, source, accounts))
}

/// The path of the login page, for a browser that opens a page without credentials. After the login, the browser
/// returns to that page.
pub(crate) fn way_to_login(head: &Head<'_, '_>, state: &State) -> Option<Box<str>> {
    let is_needed = state.accounts.is_some() && pages::are_opened(head);
    is_needed.then(|| LoginTarget::login(LoginTarget::of(head).as_ref(), &state.base).into())
}

/// The response to a request with a session that has ended. The browser must not send the cookie again: with this
/// cookie, it could not see even public content. The browser must not ask for a password in its own dialog either.
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
    disk: &mut Disk,
) -> Result<Judged, Response> {
    let address = source.client.ip();
    let (name, mut password) = match Credentials::parse(value) {
        Ok(Credentials::Basic { name, password }) => (name, password),
        Ok(Credentials::Bearer(token)) => {
            let secret = (SecretUse::Token, token.as_bytes());
            let credential = match sought::seek(accounts, disk, secret, || accounts.of_token(token, address))
            {
                Sought::Found(credential) => credential,
                Sought::Nothing => return Err(wrong()),
                Sought::NeedsStore => return Ok(Judged::NeedsStore),
                Sought::Unavailable => return Err(records_unavailable()),
            };
            return Ok(Judged::remembered(credential, PresentedField::Authorization, value));
        }
        Err(MalformedCredentials) => return Err(wrong()),
    };
    let password = Password::new(std::mem::take(&mut password));
    if let Some(verdict) = source.verdict {
        return by_verdict(verdict, source, accounts);
    }
    match accounts.admit(PasswordCheck::new(PasswordOwner::User(name), password, source.client)) {
        Ok(check) => Ok(Judged::Unchecked(check)),
        Err(verdict) => by_verdict(&verdict, source, accounts),
    }
}

fn by_verdict(
    verdict: &PasswordVerdict,
    source: &RequestSource<'_>,
    accounts: &Accounts,
) -> Result<Judged, Response> {
    match verdict {
        PasswordVerdict::Right(user) => Ok(Judged::user(Arc::clone(user), source, accounts)),
        PasswordVerdict::Wrong => Err(wrong()),
        PasswordVerdict::TooMany(wait) => {
            let seconds = wait.as_secs() + 1;
            let text = format_args!("too many attempts (try again in {seconds} s)\n");
            Err(Response::text(Status::TOO_MANY_REQUESTS, text).with("Retry-After", seconds))
        }
    }
}

/// Refuses credentials that came over the network without TLS: others may know them now. The credentials are not
/// checked, because the result could be read too.
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

/// Whether nobody on the network path can read what this client sends, or the owner of the server accepts that others
/// can.
pub(crate) fn is_private(client: ClientAddress, scheme: Option<Scheme>, accounts: &Accounts) -> bool {
    let is_local = client.ip().is_none_or(|ip| ip.to_canonical().is_loopback());
    is_local || scheme == Some(Scheme::Https) || accounts.allows_plain()
}

/// The response to wrong credentials. It is the same whatever is wrong with them.
fn wrong() -> Response {
    let text = "authentication failed (check the name and the password, or the token)\n";
    Response::text(Status::UNAUTHORIZED, text)
}
