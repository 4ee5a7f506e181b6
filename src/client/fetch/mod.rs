//! Downloads: many files at once, resumed after lost connections.
//!
//! ```text
//! FetchOrder ──> worker ──┬── landed ──> settle ──> result      dated, synced, named, its name synced
//!                worker ──┤ (each with its own connections)
//!                worker ──┴── unchanged, failed ──> result
//! ```
//!
//! A [`FetchOrder`] names a file on a server and its local name. A `worker` takes one order after another. It requests the
//! file, or the rest of its `part`, or several ranges at once (`split`), and retries (`attempt`). `response_check` decides what
//! a response means before any content is read. Content goes to the part, or, if it is short, to memory (`incoming`).
//! Meanwhile `settle` syncs and names complete files; short ones have no name until then (`anonymous`).
//!
//! `downloads` is the local directory, which no name can escape; `claims` keeps orders apart in it. `naming` and `part_name`
//! say where a part is kept, `record` marks files as downloads, and `access` copies permissions when a file is replaced.
//! Files that arrive by another protocol than HTTP are saved in the same way (`save`). Empty directories are created by
//! themselves (`directories`).
//!
//! Guarantees: a file under its own name is complete, of one version, and on the disk. An incomplete file stays as a part,
//! and the same order resumes it. A file of up to 64 KiB, or one without a strong validator or a length, starts again.
//! A file that wharf did not download, or that has changed since, is replaced only on request.
//!
//! Knows nothing of terminals and of the command line.

mod access;
mod anonymous;
mod attempt;
mod claims;
mod context;
pub(super) mod digest;
mod directories;
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

pub use self::directories::{LocalDirectory, make_directories};
pub use self::downloads::Downloads;
pub use self::fetched::{FetchResult, Fetched};
pub use self::options::{FetchOptions, RETRIES, WORKERS};
pub use self::order::FetchOrder;
pub use self::run::run;
pub(super) use self::run::{one, run_over};
pub use self::stream::stream;
