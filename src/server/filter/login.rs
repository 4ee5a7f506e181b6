//! A browser that opens a page without credentials is redirected to the login page. Programs get 401, and so
//! do scripts of pages.

use crate::http::response::Head;
use crate::http::status::Status;
use crate::server::filter::wanted::Wanted;
use crate::server::response::Response;
use crate::server::state::State;

/// Turns a response that asks for credentials into a redirect. Other errors stay: a login would not help.
pub(super) fn apply(wanted: &Wanted, response: &mut Response, _: &State) {
    if let Some(login) = &wanted.login
        && response.head.status() == Status::UNAUTHORIZED
        && response.head.get("WWW-Authenticate").is_none()
    {
        let head = Head::new(Status::SEE_OTHER).field("Location", login).field("Cache-Control", "no-store");
        *response = Response::empty(head);
    }
}
