//! Requests and responses in JSON.

use serde::de::DeserializeOwned;

use crate::blocking::Blocking;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::printable;
use crate::server::error_response::bad_request;
use crate::server::handled::Handled;
use crate::server::receive::{JobOutcome, Receiving};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The largest body, in bytes: a path takes at most 4 KiB, three times that in a URL.
const LIMIT: usize = 16 * 1024;

/// Receives a body, and makes the response on a thread that may wait for the disk.
pub(super) fn receive<T: DeserializeOwned + Send + 'static>(
    request: &Request<'_, '_, '_>,
    then: impl FnOnce(T, &State, Blocking<'_>) -> Result<Response, Response> + Send + 'static,
) -> Result<Handled, Response> {
    let receiving = Receiving::for_job(request.head.framing, LIMIT, |body, _| {
        let value = serde_json::from_slice(body)
            .map_err(|error| bad_request(format_args!("the body is not the JSON that is needed: {error}")))?;
        Ok(Box::new(move |state, disk| {
            JobOutcome::Respond(then(value, state, disk).unwrap_or_else(|refused| refused), None)
        }))
    })?;
    Ok(Handled::Receive(Box::new(receiving)))
}

/// A response that nothing may store.
pub(super) fn response(status: Status, value: &serde_json::Value) -> Response {
    let head = Head::new(status).field("Cache-Control", "no-store");
    let text = printable::json(&value.to_string()).into_owned();
    Response::bytes(head, "application/json", (text + "\n").into_bytes())
}
