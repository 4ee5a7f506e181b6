//! Sessions, tokens and links: what a random secret opens, for which user, and for how long.
//!
//! ```text
//! request ── RecordSecret::parse ──> Records::find ── SHA-256 ──> Record ── Record::is_of(user) ──> what it may do
//! ```
//!
//! A [`Record`] has a public [`RecordId`] for lists and logs, and the SHA-256 of a [`RecordSecret`]. The file of the records lies
//! in the state directory. It is text with one line for each record, and is replaced as a whole, under a lock: the server and
//! other programs may change it at once, and a crash leaves the old or the new file. [`Records`] keeps it in memory, and notices
//! changes by other programs in [`Records::refresh`].
//!
//! What cannot be read lets nobody in, and is not overwritten. What has expired stays so when the clock is set back.
//!
//! `record` says what a record is, `line` and `file` how it is written, `table` what changes are allowed and what the [`limits`]
//! do, `store` reads and writes the file, `shared` has [`Records`].

mod change_error;
pub mod file;
mod hex;
mod id;
pub mod limits;
mod line;
mod random;
mod record;
mod refused;
mod secret;
mod shared;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod token_name;
mod unusable;
mod version;

pub use change_error::ChangeError;
pub use id::{RecordId, WrongRecordId};
pub use line::RecordLineError;
pub use record::{NewLink, NewSession, NewToken, Purpose, Record, RecordEnd, RecordScope};
pub use refused::{RecordLimit, Refused};
pub use secret::{RecordSecret, SecretUse, TOKEN_PREFIX};
pub use shared::{Issued, Records};
pub use store::RecordsError;
pub use time::{WallTime, WrongTime};
pub use token_name::{TOKEN_NAME_LIMIT, TokenName, WrongTokenName};
pub use unusable::Unusable;
