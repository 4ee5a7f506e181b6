//! The decoder of a body.

use super::chunked::{Dechunker, Extensions};
use super::decoded::{Decoded, take};
use super::error::BodyError;
use super::framing::Framing;

/// Finds the content in the bytes of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyDecoder(State);

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Sized(u64),
    Chunked(Dechunker),
    UntilClose,
    Done,
}

impl BodyDecoder {
    /// For the body of a request with this framing. Anything that another parser might read differently is an
    /// error.
    pub fn new(framing: Framing) -> Self {
        Self::with(framing, Extensions::Checked)
    }

    /// For the content of a response with this framing. The lines of chunk sizes need not follow the grammar exactly.
    pub fn of_response(framing: Framing) -> Self {
        Self::with(framing, Extensions::Skipped)
    }

    fn with(framing: Framing, extensions: Extensions) -> Self {
        Self(match framing {
            Framing::Empty => State::Done,
            Framing::Sized(length) => State::Sized(length),
            Framing::Chunked => State::Chunked(Dechunker::new(extensions)),
            Framing::UntilClose => State::UntilClose,
        })
    }

    /// Whether the body has been read to its end.
    pub fn is_done(&self) -> bool {
        self.0 == State::Done
    }

    /// Whether the body is complete if the peer closes the connection now.
    pub fn ends_with_connection(&self) -> bool {
        matches!(self.0, State::UntilClose | State::Done)
    }

    /// The number of bytes still to come, if known.
    pub fn remaining(&self) -> Option<u64> {
        match self.0 {
            State::Sized(left) => Some(left),
            State::Done => Some(0),
            State::Chunked(_) | State::UntilClose => None,
        }
    }

    /// Finds the next content. Call it again with the rest of the input until all input is used or the body is done.
    /// Until the body is done, every call with input uses at least one byte.
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, BodyError> {
        match &mut self.0 {
            State::Done => Ok(Decoded { used: 0, content: 0..0 }),
            State::UntilClose => Ok(Decoded { used: input.len(), content: 0..input.len() }),
            State::Sized(left) => {
                let taken = take(left, input.len());
                if *left == 0 {
                    self.0 = State::Done;
                }
                Ok(Decoded { used: taken, content: 0..taken })
            }
            State::Chunked(chunks) => {
                let (decoded, done) = chunks.decode(input)?;
                if done {
                    self.0 = State::Done;
                }
                Ok(decoded)
            }
        }
    }
}
