//! `/.wharf/password`: a user changes their own password.

use zeroize::Zeroizing;

use crate::access::User;
use crate::accounts::password::Password;
use crate::blocking::Blocking;
use crate::http::status::Status;
use crate::http::urlencoded;
use crate::own_paths;
use crate::server::accounts::password_change::PasswordChangeError;
use crate::server::accounts::sessions::COOKIE_LIFE;
use crate::server::accounts::{Accounts, PasswordCheck, PasswordOwner};
use crate::server::cookie::Cookie;
use crate::server::disk::Disk;
use crate::server::error_response::bad_request;
use crate::server::handle::{account, posted};
use crate::server::handled::Handled;
use crate::server::pages::PasswordPage;
use crate::server::password_verdict::{PasswordVerdict, try_again};
use crate::server::receive::{CheckOutcome, JobOutcome};
use crate::server::request::{ClientAddress, Request};
use crate::server::response::Response;
use crate::server::state::State;

/// The largest form, in bytes: three of the longest passwords, each byte encoded as three.
const FORM_LIMIT: usize = 10 * 1024;

/// A change of a user's password.
struct Change {
    accounts: Accounts,
    user: User,
    client: ClientAddress,
    /// The cookie for the next session, if the browser had a session.
    cookie: Option<Cookie>,
    root: String,
}

/// Shows the form.
pub(crate) fn page(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let accounts = account::accounts(request, state)?;
    let user = account::user(request, accounts)?;
    let page = PasswordPage {
        root: &request.target.to_root(),
        user: &user.name,
        is_done: request.target.parameter("done").is_some(),
        failure: None,
    };
    Ok(Handled::Respond(page.respond(Status::OK)))
}

/// Checks the current password, and stores the new one.
pub(crate) fn change(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let accounts = account::accounts(request, state)?;
    let cookie = Cookie::of_request(request, &state.base);
    let change = Change {
        accounts: accounts.clone(),
        user: account::user(request, accounts)?.clone(),
        client: request.client,
        cookie: account::session(request, accounts, state).map(|_| cookie),
        root: request.target.to_root(),
    };
    let then = move |form: Option<Zeroizing<Vec<u8>>>, state: &State, disk: Blocking<'_>| match form {
        Some(form) => change.check_form(&form, state, disk),
        None => change.check(Password::too_long(), None, state, disk),
    };
    Ok(posted::receive_password(request.head, FORM_LIMIT, Box::new(then)))
}

impl Change {
    fn check_form(self, form: &[u8], state: &State, disk: Blocking<'_>) -> JobOutcome {
        let field = |name| urlencoded::field(form, name).map(Password::new);
        let (Some(present), Some(new), Some(again)) = (field("present"), field("new"), field("again")) else {
            let text = "the form must have the current password, and the new one twice";
            return JobOutcome::Respond(bad_request(text), None);
        };
        let refuse = |why: &str| JobOutcome::Respond(self.refuse(Status::BAD_REQUEST, why), None);
        if !new.is(&again) {
            return refuse("The new passwords differ.");
        }
        if let Err(error) = new.check() {
            return refuse(&PasswordChangeError::Password(error).to_string());
        }
        self.check(present, Some(new), state, disk)
    }

    /// Checks the current password. A form that is too large counts as a wrong password, and has no new password.
    fn check(
        self,
        present: Password,
        new: Option<Password>,
        state: &State,
        disk: Blocking<'_>,
    ) -> JobOutcome {
        let name = Zeroizing::new(self.user.name.clone());
        let check = PasswordCheck::new(PasswordOwner::User(name), present, self.client);
        let accounts = self.accounts.clone();
        let then = move |verdict: &PasswordVerdict, state: &State, disk: Blocking<'_>| {
            self.respond(verdict, new.as_ref(), state, disk)
        };
        account::check_password(&accounts, check, then, state, disk)
    }

    fn respond(
        self,
        verdict: &PasswordVerdict,
        new: Option<&Password>,
        state: &State,
        disk: Blocking<'_>,
    ) -> CheckOutcome {
        CheckOutcome::Respond(match (verdict, new) {
            (PasswordVerdict::Right(_), Some(new)) => return self.store(new, state, disk),
            (PasswordVerdict::Right(_), None) | (PasswordVerdict::Wrong, _) => {
                self.refuse(Status::FORBIDDEN, "The current password is wrong.")
            }
            (PasswordVerdict::TooMany(wait), _) => {
                let (seconds, text) = try_again(*wait);
                self.refuse(Status::TOO_MANY_REQUESTS, &text).with("Retry-After", seconds)
            }
        })
    }

    /// The sessions of the user end with the old password; the browser gets a new session.
    fn store(self, new: &Password, state: &State, disk: Blocking<'_>) -> CheckOutcome {
        let user = match self.accounts.change_password(&self.user, new, disk) {
            Ok(user) => user,
            Err(error) => return self.refuse_change(&error),
        };
        log::info!("{} changed the password of {}", self.client, self.user.name);
        let done = account::see_other(&format!("{}?done", own_paths::PASSWORD));
        let Self { accounts, cookie: Some(cookie), .. } = self else {
            return CheckOutcome::Respond(done);
        };
        let of_job = accounts.clone();
        let start = move |_: &State, disk: Blocking<'_>| match of_job.log_in(&user, None, disk) {
            Ok(Some(secret)) => done.with("Set-Cookie", cookie.set(&secret, COOKIE_LIFE)),
            Ok(None) => done,
            Err(error) => account::failed(error),
        };
        account::change_records(&accounts, start, state, disk)
    }

    fn refuse_change(&self, error: &PasswordChangeError) -> CheckOutcome {
        let status = match error {
            PasswordChangeError::File(error) => {
                log::error!("cannot change the password of a user: {error}");
                Status::INTERNAL_SERVER_ERROR
            }
            PasswordChangeError::Password(_) => Status::BAD_REQUEST,
            PasswordChangeError::Meanwhile => Status::CONFLICT,
        };
        CheckOutcome::Respond(self.refuse(status, &error.to_string()))
    }

    fn refuse(&self, status: Status, why: &str) -> Response {
        let page =
            PasswordPage { root: &self.root, user: &self.user.name, is_done: false, failure: Some(why) };
        page.respond(status)
    }
}
