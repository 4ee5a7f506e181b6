//! Changes on a server: removes, moves and copies files and directories, and makes directories.
//!
//! ```text
//! address or word ── expand ──> targets ──┬── remove ────> DELETE
//!                                         ├── relocate ──> MOVE, COPY
//!                                         └── make ──────> MKCOL
//! ```
//!
//! Each command makes one change on the server, or none. It behaves like `rm`, `mv` and `cp`: without `-r`, nothing
//! happens to directories, and no directory is ever replaced. A request states this itself if HTTP allows it; otherwise
//! `kind` asks the server first.

mod expand;
mod kind;
mod make;
mod outcome;
mod relocate;
mod remove;

pub use self::expand::expand;
pub use self::make::make_directory;
pub use self::outcome::{ChangeLine, Relocate, RemoteChange};
pub use self::relocate::{RelocateOptions, RelocateTo, relocate};
pub use self::remove::{RemoveOptions, directories, is_yes, question, remove};
