//! Opens a link: a POST takes a use, and its response has the cookie of a session.

use super::address::Resource;
use super::content::RequestContent;
use super::credentials::SecretText;
use super::error::ClientError;
use super::error_response;
use super::links::{self, OpenLink, link_of};
use super::request::HttpRequest;
use super::session::Session;
use crate::http::request::Method;
use crate::http::status::Status;
use crate::http::target::encode_segment;

/// What became of an attempt to open a link.
#[derive(Debug, PartialEq, Eq)]
pub enum LinkOpened {
    /// It is open.
    Yes,
    /// It needs another password than this one, or one at all.
    NeedsPassword,
}

/// Opens the link that an address is about, if it has one. The address of a link itself becomes that of what it shares.
pub fn open(resource: &mut Resource, password: Option<&SecretText>) -> Result<LinkOpened, ClientError> {
    let Some(link) = link_of(&resource.target).map(str::to_owned) else { return Ok(LinkOpened::Yes) };
    let form = password.map(|password| format!("password={}", encoded(password.expose())));
    let content = RequestContent::bytes(form.unwrap_or_default().into_bytes());
    let fields = [("Content-Type", "application/x-www-form-urlencoded")];
    let request =
        HttpRequest { method: Method::Post, target: &link, fields: &fields, content: Some(&content) };
    let mut session = Session::new(resource.server.clone());
    let response = session.send(&request)?;
    match (response.head.status, response.head.field("Location")) {
        (Status::SEE_OTHER, Some(location)) if link_of(&location) == Some(&*link) => {
            if let Some(set) = response.head.field("Set-Cookie") {
                let cookie = set.split(';').next().unwrap_or_default().to_owned();
                links::remember(OpenLink { server: resource.server.clone(), path: link.clone(), cookie });
            }
            if resource.target == link {
                resource.target = location;
            }
            Ok(LinkOpened::Yes)
        }
        (Status::UNAUTHORIZED, _) => Ok(LinkOpened::NeedsPassword),
        _ => Err(error_response::read(response)),
    }
}

/// A value of a form (WHATWG URL §5.1).
fn encoded(value: &str) -> String {
    encode_segment(value.as_bytes()).replace('&', "%26").replace('+', "%2B")
}
