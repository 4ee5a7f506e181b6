//! What the server says of itself: the paths below `/.wharf/`.

use super::answer::Answer;
use super::refusal::not_found;
use crate::http::request::{Head, Method};
use crate::http::status::Status;
use crate::http::target::PathAndQuery;

/// The answer to a request for one of the server's own names.
pub fn answer(head: &Head<'_, '_>, target: PathAndQuery<'_>) -> Result<Answer, Answer> {
    match (target.raw(), head.method) {
        ("/.wharf/health", Method::Get | Method::Head) => {
            Ok(Answer::text(Status::OK, "ok\n").with("Cache-Control", "no-store"))
        }
        ("/.wharf/health", _) => {
            let allow = "GET, HEAD";
            Err(Answer::text(Status::METHOD_NOT_ALLOWED, format_args!("allowed here: {allow}\n"))
                .with("Allow", allow))
        }
        _ => Err(not_found()),
    }
}
