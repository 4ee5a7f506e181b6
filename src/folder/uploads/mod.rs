//! Uploads that may arrive in pieces: when a connection ends, what has arrived is kept, and a client with the token can
//! continue.
//!
//! ```text
//! begin_upload ──> Appending ── write, write, … ──> end ──> Paused(Standing)   more is to come
//!                     │  ▲                           └────> Saved              it has its name
//!                     │  └── append(token, offset) <── upload(token) returns the offset
//!                     └─ dropped: what has arrived is kept, for a day; if nothing has, for minutes
//! ```
//!
//! One request at a time appends. A newer request supersedes it, even if it only asks for the offset. The older request
//! can no longer append, so bytes of two requests are never mixed. Bytes that the server reports as received are synced
//! first (unless [`Rules::durable`](super::Rules::durable) is off), and are kept: an upload is only appended to. A file
//! system updates a file's length after its bytes, so a crash leaves a prefix of what was sent.
//!
//! A client that has sent the last byte may miss the response. So a complete upload is remembered for a while, with what the
//! response says.
//!
//! Knows nothing of protocols or clocks.

mod appending;
mod error;
mod known;
mod length;
mod plan;
mod registry;
mod requests;
mod standing;
mod store;
mod token;
mod upload;

pub use appending::{Appending, Ended};
pub use error::UploadError;
#[cfg(test)]
pub(super) use known::{MOST_COMPLETE, MOST_COMPLETE_OF_A_CLIENT, MOST_OF_A_CLIENT, MOST_UNFINISHED};
pub use plan::{Piece, Plan};
pub(super) use registry::Uploads;
pub use standing::{Completed, EMPTY_LIFETIME, LIFETIME, Standing};
pub use token::UploadToken;
