//! A file is whole or absent, also after a power failure.
//!
//! ```text
//! written ── fsync of the file ──> named ── fsync of its directory, and of each in which one was made ──> durable
//! ```
//!
//! `sync` makes many `fsync` calls at once, so that they share the commits of the file system's journal; `made` knows the
//! directories that a new directory is to be synced in; `name` gives a file a name that nothing has yet.
//!
//! `syncfs` is not used: FUSE ignores it, it waits for the data of every other program, and its errors belong to no file.
//!
//! This module knows nothing of clients, servers, and where the bytes come from.

pub mod made;
pub mod name;
pub mod sync;
