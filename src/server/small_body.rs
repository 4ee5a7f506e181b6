//! A small body that is kept in memory: a form's fields, a message.

use super::answer::Answer;
use super::state::State;
use crate::http::status::Status;

/// A body of which no more than a few kilobytes are taken, and what is done with it once it is whole.
pub struct SmallBody {
    bytes: Vec<u8>,
    limit: usize,
    then: Box<dyn FnOnce(&[u8], &State) -> Answer + Send>,
}

impl SmallBody {
    /// A body of so many bytes at most.
    pub fn new(limit: usize, then: impl FnOnce(&[u8], &State) -> Answer + Send + 'static) -> Self {
        Self { bytes: Vec::new(), limit, then: Box::new(then) }
    }

    /// Takes the next bytes.
    pub fn write(&mut self, content: &[u8]) -> Result<(), Answer> {
        if self.bytes.len() + content.len() > self.limit {
            let text = format_args!("the request body is larger than the {} bytes allowed\n", self.limit)
                .to_string();
            return Err(Answer::text(Status::CONTENT_TOO_LARGE, text));
        }
        self.bytes.extend_from_slice(content);
        Ok(())
    }

    /// The body is whole.
    pub fn finish(self, state: &State) -> Answer {
        (self.then)(&self.bytes, state)
    }
}

impl std::fmt::Debug for SmallBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmallBody").field("received", &self.bytes.len()).finish_non_exhaustive()
    }
}
