//! Requests and responses in JSON.

#[cfg(feature = "accounts")]
use serde::de::DeserializeOwned;
#[cfg(feature = "accounts")]
use zeroize::Zeroizing;

#[cfg(feature = "accounts")]
use crate::blocking::Blocking;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::printable;
#[cfg(feature = "accounts")]
use crate::server::accounts::Accounts;
#[cfg(feature = "accounts")]
use crate::server::error_response::bad_request;
#[cfg(feature = "accounts")]
use crate::server::handle::{account, posted};
#[cfg(feature = "accounts")]
use crate::server::handled::Handled;
#[cfg(feature = "accounts")]
use crate::server::receive::JobOutcome;
#[cfg(feature = "accounts")]
use crate::server::request::Request;
use crate::server::response::Response;
#[cfg(feature = "accounts")]
use crate::server::state::State;

/// The largest body, in bytes: a path takes at most 4 KiB, three times that in a URL.
#[cfg(feature = "accounts")]
const LIMIT: usize = 16 * 1024;

/// Receives a body, and makes the response on a thread that may wait for the records.
#[cfg(feature = "accounts")]
pub(super) fn receive<T: DeserializeOwned>(
    request: &Request<'_, '_, '_>,
    accounts: &Accounts,
    then: impl FnOnce(T, &State, Blocking<'_>) -> Result<Response, Response> + Send + 'static,
) -> Result<Handled, Response> {
    let work = move |body: Vec<u8>, state: &State, disk: Blocking<'_>| {
        let body = Zeroizing::new(body);
        let value = serde_json::from_slice(&body)
            .map_err(|error| bad_request(format_args!("the body is not valid JSON for this call: {error}")));
        let response = value.and_then(|value| then(value, state, disk));
        JobOutcome::Respond(response.unwrap_or_else(|refused| refused), None)
    };
    posted::receive(request.head, LIMIT, account::with_body(accounts, Box::new(work)))
}

/// A response that nothing may store.
pub(super) fn response(status: Status, value: &serde_json::Value) -> Response {
    let head = Head::new(status).field("Cache-Control", "no-store");
    let text = printable::json(&value.to_string()).into_owned();
    Response::bytes(head, "application/json", (text + "\n").into_bytes())
}
