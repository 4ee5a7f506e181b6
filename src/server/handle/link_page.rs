//! The page that opens a link, and the page of a link that only takes files.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::accounts::password::Password;
use crate::accounts::records::limits::VISIT_LIFE;
use crate::accounts::records::{ChangeError, RecordId, Refused, Unusable};
use crate::blocking::Blocking;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::urlencoded;
use crate::own_paths::{LINK_DROP, LINK_FIELD};
use crate::server::accounts::{PasswordCheck, PasswordOwner};
use crate::server::cookie::Cookie;
use crate::server::disk::Disk;
use crate::server::error_response::not_found;
use crate::server::handle::{account, posted, record};
use crate::server::handled::Handled;
use crate::server::link_view::{LinkKind, LinkStage, LinkView};
use crate::server::pages::{DropPage, LinkPage};
use crate::server::password_verdict::{PasswordVerdict, try_again};
use crate::server::receive::small_body::too_large;
use crate::server::receive::{CheckOutcome, JobOutcome};
use crate::server::request::{ClientAddress, Request};
use crate::server::response::Response;
use crate::server::state::State;

/// The largest form, in bytes: three for each byte of a password.
const FORM_LIMIT: usize = 4 * 1024;

/// What is needed from a request to open its link.
struct Opening {
    link: Arc<LinkView>,
    id: RecordId,
    has_password: bool,
    client: ClientAddress,
    cookie: Cookie,
    root: String,
}

/// Shows the page, or redirects to the shared content if the link is open. This does not count as a use of the link.
pub(crate) fn show(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let link = link(request)?;
    if link.stage != LinkStage::Closed {
        return Ok(Handled::Respond(see_other(&link.start())));
    }
    // Every path below a closed link leads to its page, whether the path exists or not.
    if request.target.raw() != link.prefix {
        return Err(see_other(&link.prefix));
    }
    let opening = Opening::of(request, state)?;
    Ok(Handled::Respond(opening.page(Status::OK, None)))
}

/// Opens the link, which counts as a use, and redirects to the shared content.
pub(crate) fn open(request: &Request<'_, '_, '_>, _: &mut Disk, state: &State) -> Result<Handled, Response> {
    let link = link(request)?;
    if request.target.raw() != link.prefix {
        let text = "the link has to be opened first (POST to its own address)\n";
        return Err(Response::text(Status::UNAUTHORIZED, text).with("WWW-Authenticate", "Bearer"));
    }
    if link.stage != LinkStage::Closed {
        return Err(start_of(link));
    }
    let opening = Opening::of(request, state)?;
    let then = move |form: Option<Zeroizing<Vec<u8>>>, state: &State, disk: Blocking<'_>| {
        opening.proceed(form.as_ref().map(|form| &form[..]), state, disk)
    };
    Ok(posted::receive_password(request.head, FORM_LIMIT, Box::new(then)))
}

/// The page of a link that only takes files. The query says whether the form of this page has just been sent.
pub(crate) fn drop_page(request: &Request<'_, '_, '_>, _: &mut Disk, _: &State) -> Result<Handled, Response> {
    link(request)?;
    let page =
        DropPage { root: &request.target.to_root(), has_arrived: request.target.parameter("list").is_some() };
    let (head, text) = page.framed(Head::new(Status::OK));
    Ok(Handled::Respond(Response::new(head, text.into_bytes())))
}

fn link<'r>(request: &'r Request<'_, '_, '_>) -> Result<&'r Arc<LinkView>, Response> {
    request.link.as_ref().ok_or_else(not_found)
}

/// Redirects an open link to its shared content. Programs see here that a link only takes files.
fn start_of(link: &LinkView) -> Response {
    let response = see_other(&link.start());
    if link.kind == LinkKind::Drop { response.with(LINK_FIELD, LINK_DROP) } else { response }
}

fn see_other(location: &str) -> Response {
    Response::empty(Head::new(Status::SEE_OTHER).field("Location", location))
}

impl Opening {
    fn of(request: &Request<'_, '_, '_>, state: &State) -> Result<Self, Response> {
        let link = Arc::clone(link(request)?);
        let id = link.id.parse().map_err(|_| not_found())?;
        let has_password = record::accounts(state)?.has_password(id);
        let cookie = Cookie::of_link(request.head.host, request.scheme, &state.base, &link.prefix);
        Ok(Self { link, id, has_password, client: request.client, cookie, root: request.target.to_root() })
    }

    /// Opens the link with this form, or refuses one that is too large (`None`).
    fn proceed(self, form: Option<&[u8]>, state: &State, disk: Blocking<'_>) -> JobOutcome {
        if !self.has_password {
            return match form {
                Some(_) => self.open(state, disk).into(),
                None => JobOutcome::Respond(too_large(FORM_LIMIT), None),
            };
        }
        let password = match form {
            Some(form) => urlencoded::field(form, "password").map(Password::new),
            None => Some(Password::too_long()),
        };
        let Some(password) = password else {
            return JobOutcome::Respond(
                self.page(Status::UNAUTHORIZED, Some("This link needs a password.")),
                None,
            );
        };
        let accounts = match record::accounts(state) {
            Ok(accounts) => accounts,
            Err(refused) => return JobOutcome::Respond(refused, None),
        };
        let check = PasswordCheck::new(PasswordOwner::Link(self.id), password, self.client);
        let then = move |verdict: &PasswordVerdict, state: &State, disk: Blocking<'_>| match verdict {
            PasswordVerdict::Right(_) => self.open(state, disk),
            PasswordVerdict::Wrong => {
                CheckOutcome::Respond(self.page(Status::UNAUTHORIZED, Some("The password is wrong.")))
            }
            PasswordVerdict::TooMany(wait) => {
                let (seconds, text) = try_again(*wait);
                let page = self.page(Status::TOO_MANY_REQUESTS, Some(&text));
                CheckOutcome::Respond(page.with("Retry-After", seconds))
            }
        };
        account::check_password(accounts, check, then, state, disk)
    }

    /// Opens the link, which counts as a use.
    fn open(self, state: &State, disk: Blocking<'_>) -> CheckOutcome {
        match record::accounts(state) {
            Ok(accounts) => {
                let take = move |state: &State, disk: Blocking<'_>| self.take_use(state, disk);
                account::change_records(accounts, take, state, disk)
            }
            Err(refused) => CheckOutcome::Respond(refused),
        }
    }

    fn take_use(&self, state: &State, disk: Blocking<'_>) -> Response {
        let accounts = match record::accounts(state) {
            Ok(accounts) => accounts,
            Err(refused) => return refused,
        };
        match accounts.take_use(self.id, disk) {
            Ok(issued) => {
                log::info!("{} opened the link {}", self.client, self.id);
                let cookie = self.cookie.set(&issued.secret.text(), VISIT_LIFE);
                start_of(&self.link).with("Set-Cookie", cookie)
            }
            Err(ChangeError::Refused(Refused::Unusable(reason @ (Unusable::Expired | Unusable::UsedUp)))) => {
                Response::text(Status::GONE, format_args!("this link no longer works: {reason}\n"))
            }
            Err(ChangeError::Refused(Refused::Unusable(_))) => not_found(),
            Err(error) => record::refuse(&error),
        }
    }

    /// The page. After a failure, its challenge does not make browsers ask for a password themselves.
    fn page(&self, status: Status, failure: Option<&str>) -> Response {
        let page = LinkPage { root: &self.root, has_password: self.has_password, failure };
        let (head, text) = page.framed(Head::new(status));
        let response = Response::new(head, text.into_bytes());
        if status == Status::UNAUTHORIZED { response.with("WWW-Authenticate", "Bearer") } else { response }
    }
}
