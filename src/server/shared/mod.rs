//! A chat room that several servers share, through Valkey or Redis: what one server asks the store for.
//!
//! ```text
//!   wharf:NAME:epoch          the epoch of event ids, and the key that seals them
//!   wharf:NAME:stream         the events, in one order for all
//!   wharf:NAME:members        number -> name and account
//!   wharf:NAME:tokens:NUMBER  the hashes of the member's tokens
//!   wharf:NAME:name:FOLDED    the number of the member who has the name; expires if no server renews it
//! ```
//!
//! A job that joins, leaves or sends a message takes a connection of its own from a pool. Two threads have one each: the
//! reader follows the stream, and the keeper sends what must not wait, renews names, and finds members that are gone.
//!
//! `records` has the sessions, tokens and links of users there too, apart from the room, and `attempts` their attempts to log in.

mod address;
#[cfg(feature = "accounts")]
mod attempts;
mod outbox;
mod pool;
#[cfg(feature = "accounts")]
mod records;
mod replies;
mod room;
mod scripts;
mod store;
mod stream;

pub use self::address::{SharedAddress, SharedAddressError};
#[cfg(feature = "accounts")]
pub use self::attempts::StoredAttempts;
#[cfg(feature = "accounts")]
pub(super) use self::attempts::{HeardAttempts, StoredAttempt};
pub(super) use self::outbox::Unsent;
#[cfg(feature = "accounts")]
pub use self::records::StoredRecords;
pub(super) use self::room::{Joined, StoredMember};
pub(super) use self::store::SharedStore;
pub(super) use self::stream::StreamReader;
