//! Small bodies: the fields of a form, a message.

use crate::http::body::Framing;
use crate::http::request::Head;
use crate::server::handled::Handled;
use crate::server::receive::small_body::{SmallBody, too_large};
use crate::server::receive::{AfterBody, Receiving};
use crate::server::response::Response;

/// Receives a body of at most `limit` bytes, which may be empty.
pub(super) fn receive(head: &Head<'_, '_>, limit: usize, then: AfterBody) -> Result<Handled, Response> {
    match head.framing {
        Framing::Sized(length) if length > limit as u64 => Err(too_large(limit)),
        framing => Ok(Handled::Receive(Box::new(Receiving::in_memory(framing, SmallBody::new(limit), then)))),
    }
}
