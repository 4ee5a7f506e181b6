//! Files that are whole or absent, even after a power failure.
//!
//! ```text
//! written ── fsync of the file ──> named ── fsync of its directory, and of the parents of new ones ──> durable
//! ```
//!
//! `sync` runs many `fsync` calls at once, so that they share the commits of the file system's journal; `rounds` lets those of
//! many threads start together, for the same reason; `group` lets all that give names in one directory share its `fsync`;
//! `made` tracks the parents in which new directories must be synced; `name` gives a file a name that must be free;
//! `whole` writes small files, and `lock` keeps two programs from changing one at the same time.
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
