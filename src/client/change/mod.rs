//! Changes on a server: removes, moves and copies files and directories, and makes directories.
//!
//! ```text
//! address or word ── expand ──> targets ──┬── remove ────> DELETE
//!                                         ├── relocate ──> MOVE, COPY
//!                                         └── make ──────> MKCOL
//! ```
//!
//! Each does one thing on the server, or nothing. What a user expects of `rm`, `mv` and `cp` decides what is asked of it:
//! without `-r`, nothing happens to directories, and no directory is ever replaced. Where a request can say that, it does; `kind`
//! asks before where none can.

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
