//! Uploads: many files at once, resumed after lost connections.
//!
//! ```text
//! names ── walk ──> orders ──┬──> sender ──> result
//!                            ├──> sender     (each with its own connection)
//!                            └──> sender <──> memory: where incomplete uploads are resumed
//! ```
//!
//! A small file is sent whole, and is sent whole again after an error. A large file becomes a resumable upload, if the
//! server supports that (`http::resumable`). Then only the bytes that the server lacks are sent again, even if the
//! command is repeated on another day. Files that a wharf server already has, with the same content, are skipped
//! (`there`). `stdin` is sent once.
//!
//! A directory with no files in it is created by itself (`make_directory`).
//!
//! Knows nothing of terminals.

mod make_directory;
mod memory;
mod order;
mod resumable;
mod run;
mod send;
mod sender;
mod sent;
mod server;
mod stdin;
mod there;
mod walk;

pub use self::memory::Memory;
pub use self::order::{PutOrder, PutResult, SentSummary};
pub use self::run::{SendOrder, run};
pub use self::sender::{FileSender, PutOptions};
pub use self::sent::Sent;
pub use self::server::PutServer;
pub use self::walk::{SkippedFile, WalkOptions};
