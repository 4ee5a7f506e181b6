//! The methods of WebDAV that nothing else needs: PROPFIND, PROPPATCH, LOCK and UNLOCK (RFC 4918).

mod live;
pub(crate) mod lock;
pub(crate) mod propfind;
mod propfind_body;
pub(crate) mod proppatch;
mod stored;
pub(crate) mod unlock;

use std::sync::Arc;

use crate::dav::{XmlBodyError, multistatus};
use crate::http::response::Head;
use crate::http::status::Status;
use crate::server::dav::XML;
use crate::server::error_response::{bad_request, not_found};
use crate::server::folder_locks::Dav;
use crate::server::response::Response;
use crate::server::state::State;

/// The largest body, in bytes. Known clients send up to 4 KB.
const MAX_BODY: usize = 64 * 1024;

/// The locks of the folder. A server without WebDAV has no route to the handlers here.
fn locks(state: &State) -> Result<Arc<Dav>, Response> {
    state.dav.clone().ok_or_else(not_found)
}

/// The response to a body that is not what the method needs.
fn refuse_body(error: &XmlBodyError) -> Response {
    log::debug!("a body was refused: {error}");
    bad_request(error)
}

/// A response with this XML.
fn xml(status: Status, xml: String) -> Response {
    Response::bytes(Head::new(status).field("Cache-Control", "no-store"), XML, xml.into_bytes())
}

/// An error with the condition that failed (RFC 4918 §16).
fn failed(status: Status, condition: &str) -> Response {
    xml(status, multistatus::error(condition))
}
