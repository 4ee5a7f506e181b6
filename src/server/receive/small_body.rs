//! A small body that is kept in memory: a form's fields, a message.

use crate::http::status::Status;
use crate::server::response::Response;
use crate::server::state::State;

/// A body of at most a few kilobytes, and what is done with it once it is complete.
pub(crate) struct SmallBody<T> {
    bytes: Vec<u8>,
    limit: usize,
    then: Box<dyn FnOnce(&[u8], &State) -> T + Send>,
}

impl<T> SmallBody<T> {
    /// A body of at most `limit` bytes.
    pub(crate) fn new(limit: usize, then: impl FnOnce(&[u8], &State) -> T + Send + 'static) -> Self {
        Self { bytes: Vec::new(), limit, then: Box::new(then) }
    }

    /// Takes the next bytes.
    pub(super) fn write(&mut self, content: &[u8]) -> Result<(), Response> {
        if self.bytes.len() + content.len() > self.limit {
            return Err(too_large(self.limit));
        }
        self.bytes.extend_from_slice(content);
        Ok(())
    }

    /// What is done, once the body is complete.
    pub(super) fn finish(self, state: &State) -> T {
        (self.then)(&self.bytes, state)
    }
}

/// The response to a body of more than `limit` bytes.
pub(super) fn too_large(limit: usize) -> Response {
    let text = format_args!("the request body is larger than the {limit} bytes allowed\n").to_string();
    Response::text(Status::CONTENT_TOO_LARGE, text)
}

impl<T> std::fmt::Debug for SmallBody<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmallBody").field("received", &self.bytes.len()).finish_non_exhaustive()
    }
}
