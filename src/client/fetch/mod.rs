//! Fetching files, many at once and over breaks.
//!
//! ```text
//! orders ──> worker ──┬── landed ──> settle ──> result      dated, synced, named, its name synced
//!            worker ──┤ (each with connections of its own)
//!            worker ──┴── unchanged, failed ──> result
//! ```
//!
//! A [`FetchOrder`] says where a file is and under which name it is kept. A `worker` takes one after the other: it asks for
//! the file, or for the rest of its `part`, or for several ranges of it at once (`split`), and tries again where that may
//! help (`trial`). What comes is written to its part, or, where it is short, held in memory (`incoming`). What has come
//! whole is put on the disk and named by `settle`, meanwhile; what was held has no name before that (`anonymous`).
//! `response_check` checks answers without touching anything; `downloads` is the directory that no name leads out of;
//! `part_name` says where a part is kept, `record` which files are downloads, and `access` who may read one that
//! replaces another. `progress` shows what is under way to whoever wants to look. What does not come over HTTP is saved
//! in the same way (`save`).
//!
//! What a download promises: a file that has its name is whole, of one version, and on the disk. What has come of a
//! file that is not whole stays as its part, with which the same order goes on. A file of up to 64 KiB, or one that its
//! server cannot tell from another version (no strong validator, no length), begins again. A file that wharf did not
//! download, or that was changed since, is not replaced unless the person asks for that.
//!
//! This room knows nothing of terminals, and of what a person typed.

mod access;
mod anonymous;
mod attempt;
mod claims;
mod context;
pub(super) mod digest;
pub(super) mod downloads;
mod fetched;
mod incoming;
mod naming;
mod options;
mod order;
mod part;
mod part_name;
mod record;
mod response_check;
mod run;
pub(super) mod save;
pub(super) mod sessions;
mod settle;
mod split;
mod spot;
mod stream;
mod worker;

pub use self::downloads::Downloads;
pub use self::fetched::{FetchResult, Fetched};
pub use self::options::{FetchOptions, RETRIES, WORKERS};
pub use self::order::FetchOrder;
pub use self::run::run;
pub(super) use self::run::{one, run_over};
pub use self::stream::stream;
