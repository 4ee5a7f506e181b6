//! tar and zip archives as bytes.
//!
//! A [`Tar`](tar::Tar) is written from front to back: the caller adds entries and content, and takes the resulting bytes
//! at any time. A [`ZipLayout`](zip::ZipLayout) says which byte is where before any is sent, so any part can be produced
//! by itself.
//!
//! This module knows nothing of files, sockets or clocks, and imports no other module of the crate. Names are bytes
//! with `/` as the separator; the caller decides which names may be shown.

mod error;
mod format;
mod mode;
pub mod tar;
pub mod zip;

pub use self::error::ArchiveError;
pub use self::format::Format;
