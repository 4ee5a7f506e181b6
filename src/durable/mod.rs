//! Files that are whole or absent, even after a power failure.
//!
//! ```text
//! written ── fsync of the file ──> named ── fsync of its directory, and of the parents of new ones ──> durable
//! ```
//!
//! `sync` runs many `fsync` calls at once, so that they share the commits of the file system's journal;
//! `rounds` lets many threads start theirs together, for the same reason. `group` lets all threads that
//! create names in one directory share its `fsync`; `made` tracks the parents of new directories, which must
//! be synced too. `name` gives a file a name that must be free; `whole` writes small files; `lock` keeps two
//! programs from changing a file at the same time.
//!
//! `syncfs` is not used: FUSE ignores it, it waits for the data of every other program, and its errors belong to no file.
//!
//! This module knows nothing of clients, servers, or where the bytes come from.

pub mod group;
pub mod lock;
pub mod made;
pub mod name;
pub mod rounds;
pub mod sync;
pub mod whole;
