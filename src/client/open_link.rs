//! Opens a link: a POST counts as a use, and its response has the cookie of a session.
//!
//! The POST contains the cookie of an earlier run. If that session still lasts, the server counts no use and asks for
//! no password.

use std::time::Duration;

use super::address::Endpoint;
use super::content::RequestContent;
use super::credentials::SecretText;
use super::error::ClientError;
use super::error_response;
use super::link_path::link_of;
use super::links::{self, OpenLink};
use super::request::HttpRequest;
use super::session::Session;
use super::visits::Visits;
use crate::http::request::Method;
use crate::http::status::Status;
use crate::http::target::encode_segment;
use crate::own_paths::{LINK_DROP, LINK_FIELD};

/// The result of an attempt to open a link.
#[derive(Debug, PartialEq, Eq)]
pub enum LinkOpened {
    /// The link is open. Contains the target of the address; for the address of the link itself, the target is the
    /// shared content.
    At(String),
    /// Like [`Self::At`], but the link only takes files.
    DropAt(String),
    /// The link needs a password, and none or a wrong one was given.
    NeedsPassword,
}

/// Opens the link that a target is about, if it has one.
pub fn open(
    server: &Endpoint,
    target: &str,
    password: Option<&SecretText>,
) -> Result<LinkOpened, ClientError> {
    let Some(link) = link_of(target) else { return Ok(LinkOpened::At(target.to_owned())) };
    // Meanwhile, other processes that open a link of this server wait; then they find the session.
    let mut visits = Visits::of(server);
    let remember =
        |cookie| links::remember(OpenLink { server: server.clone(), path: link.to_owned(), cookie });
    if let Some(cookie) = visits.as_ref().and_then(|visits| visits.recall(link)) {
        remember(cookie);
    }
    let form = password.map(|password| format!("password={}", encoded(password.expose())));
    let content = RequestContent::bytes(form.unwrap_or_default().into_bytes());
    let fields = [("Content-Type", "application/x-www-form-urlencoded")];
    let request =
        HttpRequest { method: Method::Post, target: link, fields: &fields, content: Some(&content) };
    let mut session = Session::new(server.clone());
    let response = session.send(&request)?;
    let start = response.head.field("Location").filter(|location| link_of(location) == Some(link));
    if let (Status::SEE_OTHER, Some(start)) = (response.head.status, start) {
        if let Some(set) = response.head.field("Set-Cookie") {
            let cookie = SecretText::new(set.split(';').next().unwrap_or_default().to_owned());
            if let (Some(visits), Some(life)) = (&mut visits, life(&set)) {
                visits.keep(link, &cookie, life);
            }
            remember(cookie);
        }
        let place = if target == link { start } else { target.to_owned() };
        let is_drop = response.head.field(LINK_FIELD).is_some_and(|kind| kind == LINK_DROP);
        return Ok(if is_drop { LinkOpened::DropAt(place) } else { LinkOpened::At(place) });
    }
    if let Some(visits) = &mut visits {
        visits.forget(link);
    }
    match response.head.status {
        Status::UNAUTHORIZED => Ok(LinkOpened::NeedsPassword),
        _ => Err(error_response::read(response)),
    }
}

/// How long a cookie lasts (RFC 6265 §5.2.2); `None` if it ends with this run.
fn life(set: &str) -> Option<Duration> {
    let mut attributes = set.split(';').filter_map(|attribute| attribute.trim().split_once('='));
    let (_, seconds) = attributes.find(|(name, _)| name.eq_ignore_ascii_case("Max-Age"))?;
    seconds.parse().ok().map(Duration::from_secs)
}

/// A value of a form (WHATWG URL §5.1).
fn encoded(value: &str) -> String {
    encode_segment(value.as_bytes()).replace('&', "%26").replace('+', "%2B")
}
