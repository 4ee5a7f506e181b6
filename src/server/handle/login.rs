//! `/.wharf/login?next=PATH`: the page for logging in, and what its form sends.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::access::User;
use crate::accounts::password::Password;
use crate::accounts::records::RecordId;
use crate::blocking::Blocking;
use crate::http::status::Status;
use crate::http::target::PathAndQuery;
use crate::http::urlencoded;
use crate::server::accounts::sessions::COOKIE_LIFE;
use crate::server::accounts::{Accounts, PasswordCheck, PasswordOwner};
use crate::server::cookie::Cookie;
use crate::server::disk::Disk;
use crate::server::error_response::bad_request;
use crate::server::handle::{account, posted};
use crate::server::handled::Handled;
use crate::server::login_target::LoginTarget;
use crate::server::pages::LoginPage;
use crate::server::password_verdict::{PasswordVerdict, try_again};
use crate::server::receive::{CheckOutcome, JobOutcome};
use crate::server::request::{ClientAddress, Request};
use crate::server::response::Response;
use crate::server::state::State;

/// The largest form, in bytes: the longest password and the longest name, each byte encoded as three.
const FORM_LIMIT: usize = 4096;

/// The name of the user if there is one password for everybody; any name works then.
const ANYBODY: &str = "guest";

/// Where a login comes from, and where the browser goes after it.
struct Login {
    accounts: Accounts,
    client: ClientAddress,
    cookie: Cookie,
    /// The session that the browser had before.
    before: Option<RecordId>,
    next: Option<LoginTarget>,
    root: String,
}

/// Shows the form.
pub(crate) fn page(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let accounts = account::accounts(request, state)?;
    let next = next(request.target, state);
    let page = LoginPage {
        root: &request.target.to_root(),
        next: next.as_ref(),
        base: &state.base,
        is_shared: accounts.are_shared(),
        name: "",
        user: request.principal.person().map(|user| &*user.name),
        failure: None,
    };
    Ok(Handled::Respond(page.respond(Status::OK)))
}

/// Checks the name and the password of the form, and starts a session.
pub(crate) fn log_in(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let accounts = account::accounts(request, state)?;
    let login = Login {
        accounts: accounts.clone(),
        client: request.client,
        cookie: Cookie::of_request(request, &state.base),
        before: account::session(request, accounts, state),
        next: next(request.target, state),
        root: request.target.to_root(),
    };
    let then = move |form: Option<Zeroizing<Vec<u8>>>, state: &State, disk: Blocking<'_>| match form {
        Some(form) => login.check_form(&form, state, disk),
        None => login.check("", Password::too_long(), state, disk),
    };
    Ok(posted::receive_password(request.head, FORM_LIMIT, Box::new(then)))
}

/// The path in the query, to which the browser goes after the login.
fn next(target: PathAndQuery<'_>, state: &State) -> Option<LoginTarget> {
    let next = percent_decode_str(target.parameter("next")?).decode_utf8().ok()?;
    LoginTarget::parse(&next, &state.base)
}

impl Login {
    fn check_form(self, form: &[u8], state: &State, disk: Blocking<'_>) -> JobOutcome {
        let Some(password) = urlencoded::field(form, "password") else {
            return JobOutcome::Respond(bad_request("the form must have a name and a password"), None);
        };
        let name = urlencoded::field(form, "name").unwrap_or_default();
        let name = Zeroizing::new(String::from_utf8_lossy(&name).into_owned());
        self.check(&name, Password::new(password), state, disk)
    }

    fn check(self, name: &str, password: Password, state: &State, disk: Blocking<'_>) -> JobOutcome {
        let name = if self.accounts.are_shared() { ANYBODY } else { name };
        let name = Zeroizing::new(name.to_owned());
        let owner = PasswordOwner::User(name.clone());
        let check = PasswordCheck::new(owner, password, self.client);
        let accounts = self.accounts.clone();
        let then = move |verdict: &PasswordVerdict, state: &State, disk: Blocking<'_>| {
            self.respond(name, verdict, state, disk)
        };
        account::check_password(&accounts, check, then, state, disk)
    }

    fn respond(
        self,
        name: Zeroizing<String>,
        verdict: &PasswordVerdict,
        state: &State,
        disk: Blocking<'_>,
    ) -> CheckOutcome {
        CheckOutcome::Respond(match verdict {
            PasswordVerdict::Right(user) => {
                let (accounts, user) = (self.accounts.clone(), Arc::clone(user));
                let start =
                    move |state: &State, disk: Blocking<'_>| self.start_session(&name, &user, state, disk);
                return account::change_records(&accounts, start, state, disk);
            }
            PasswordVerdict::Wrong => self.refuse(Status::UNAUTHORIZED, &name, self.wrong(), state),
            PasswordVerdict::TooMany(wait) => {
                let (seconds, text) = try_again(*wait);
                self.refuse(Status::TOO_MANY_REQUESTS, &name, &text, state).with("Retry-After", seconds)
            }
        })
    }

    fn start_session(&self, name: &str, user: &Arc<User>, state: &State, disk: Blocking<'_>) -> Response {
        match self.accounts.log_in(user, self.before, disk) {
            Ok(Some(secret)) => {
                log::info!("{} started a session of {}", self.client, user.name);
                let location = self.next.clone().unwrap_or_default().location();
                account::see_other(&location).with("Set-Cookie", self.cookie.set(&secret, COOKIE_LIFE))
            }
            Ok(None) => self.refuse(Status::UNAUTHORIZED, name, self.wrong(), state),
            Err(error) => account::failed(error),
        }
    }

    /// One sentence for every failure.
    fn wrong(&self) -> &'static str {
        if self.accounts.are_shared() {
            "The password is wrong."
        } else {
            "The name or the password is wrong."
        }
    }

    fn refuse(&self, status: Status, name: &str, failure: &str, state: &State) -> Response {
        let page = LoginPage {
            root: &self.root,
            next: self.next.as_ref(),
            base: &state.base,
            is_shared: self.accounts.are_shared(),
            name,
            user: None,
            failure: Some(failure),
        };
        page.respond(status)
    }
}
