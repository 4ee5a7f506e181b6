//! Sessions, tokens and links: what a random secret gives access to, for which user, and for how long.
//!
//! ```text
//! request ── RecordSecret::parse ──> Records::find ── SHA-256 ──> Record ── Record::is_of(user) ──> what it may do
//! ```
//!
//! A [`Record`] has a public [`RecordId`] for lists and logs, and the SHA-256 of a [`RecordSecret`]. The
//! records file is in the state directory. It is text with one line per record, and is replaced as a whole,
//! under a lock. So the server and other programs may change it at the same time, and a crash leaves either
//! the old or the new file. [`Records`] keeps the content in memory, and notices changes by other programs in
//! [`Records::refresh`].
//!
//! If the file cannot be read, no record is valid, and the file is not overwritten. An expired record stays expired
//! when the clock is set back.
//!
//! `record` defines a record; `line` and `file` have its written form; `table` allows changes within the
//! [`limits`]; `store` reads and writes the file; `shared` has [`Records`].
//!
//! Several servers can share the records through a store ([`ClusterRecords`]) instead of the file: `from_cluster` follows it,
//! and `difference` has the changes for it.

mod change_error;
mod cluster;
mod difference;
mod ended;
pub mod file;
mod from_cluster;
mod from_file;
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
mod view;

pub use change_error::ChangeError;
pub use cluster::{ClusterChange, ClusterError, ClusterLine, ClusterNews, ClusterRecords, ClusterRevision};
pub use from_cluster::LAST_KNOWN;
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
pub use version::UserVersion;
