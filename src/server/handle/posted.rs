//! Small bodies: the fields of a form, a message; and requests that must have none.

use crate::http::body::Framing;
use crate::http::request::Head;
use crate::http::status::Status;
use crate::server::handled::Handled;
#[cfg(feature = "accounts")]
use crate::server::receive::PasswordForm;
use crate::server::receive::small_body::{SmallBody, too_large};
use crate::server::receive::{AfterBody, Receiving};
use crate::server::request::Request;
use crate::server::response::Response;

/// Receives a body of at most `limit` bytes, which may be empty.
pub(super) fn receive(head: &Head<'_, '_>, limit: usize, then: AfterBody) -> Result<Handled, Response> {
    match head.framing {
        Framing::Sized(length) if length > limit as u64 => Err(too_large(limit)),
        framing => Ok(Handled::Receive(Box::new(Receiving::in_memory(framing, SmallBody::new(limit), then)))),
    }
}

/// Receives a form that has a password. If the form is larger than `limit` bytes, the rest is not received, and `then`
/// gets `None`.
#[cfg(feature = "accounts")]
pub(super) fn receive_password(head: &Head<'_, '_>, limit: usize, then: PasswordForm) -> Handled {
    match head.framing {
        Framing::Sized(length) if length > limit as u64 => {
            Handled::Work(Box::new(move |state, disk| then(None, state, disk)))
        }
        framing => {
            let body = SmallBody::new(limit);
            Handled::Receive(Box::new(Receiving::in_memory(framing, body, AfterBody::CheckPassword(then))))
        }
    }
}

/// Refuses a body where the method takes none.
pub(super) fn ensure_no_body(request: &Request<'_, '_, '_>) -> Result<(), Response> {
    if request.head.framing == Framing::Empty {
        return Ok(());
    }
    let name = request.method.name();
    let text = format_args!("{name} takes no body (send the request without one)\n").to_string();
    Err(Response::text(Status::UNSUPPORTED_MEDIA_TYPE, text))
}
