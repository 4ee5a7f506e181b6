//! A small body that is kept in memory: a form's fields, a message.

#[cfg(feature = "accounts")]
use zeroize::Zeroizing;

use crate::http::status::Status;
use crate::server::response::Response;

/// A body of at most a few kilobytes.
pub(crate) struct SmallBody {
    bytes: Vec<u8>,
    limit: usize,
    is_too_large: bool,
}

impl SmallBody {
    /// A body of at most `limit` bytes. It never moves in memory, so that no copy is left behind when it is
    /// wiped.
    pub(crate) fn new(limit: usize) -> Self {
        Self { bytes: Vec::with_capacity(limit), limit, is_too_large: false }
    }

    /// Takes the next bytes.
    pub(super) fn write(&mut self, content: &[u8]) -> Result<(), Response> {
        if self.bytes.len() + content.len() > self.limit {
            self.is_too_large = true;
            return Err(too_large(self.limit));
        }
        self.bytes.extend_from_slice(content);
        Ok(())
    }

    /// What has been received.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The whole body, or `None` if it is larger than allowed. Either way it is wiped from memory.
    #[cfg(feature = "accounts")]
    pub(super) fn into_secret(self) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = Zeroizing::new(self.bytes);
        (!self.is_too_large).then_some(bytes)
    }
}

/// The response to a body of more than `limit` bytes.
pub(crate) fn too_large(limit: usize) -> Response {
    let text = format_args!("the request body is larger than the {limit} bytes allowed\n").to_string();
    Response::text(Status::CONTENT_TOO_LARGE, text)
}

impl std::fmt::Debug for SmallBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmallBody").field("received", &self.bytes.len()).finish_non_exhaustive()
    }
}
