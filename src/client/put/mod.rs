//! Sending files, many at once and over breaks.
//!
//! ```text
//! names ── walk ──> orders ──┬──> sender ──> result
//!                            ├──> sender     (each with a connection of its own)
//!                            └──> sender <──> memory: where an upload goes on that broke off
//! ```
//!
//! A small file is sent as a whole, and again as a whole if that fails. A large one is begun as an upload that can be gone
//! on with, where the server says that it takes such (`http::resumable`): what it has of it need not be sent again, also not
//! by the same command tomorrow. What was under way when a connection broke is sent again, no more.
//!
//! What a wharf has already, with the same content, is not sent.
//!
//! This room knows nothing of terminals.

mod memory;
mod order;
mod resumable;
mod run;
mod send;
mod sender;
mod sent;
mod server;
mod there;
mod walk;

pub use self::memory::Memory;
pub use self::order::{Carried, PutOrder, PutResult};
pub use self::run::{Carrier, run};
pub use self::sender::{FileSender, PutOptions};
pub use self::sent::Sent;
pub use self::server::PutServer;
pub use self::walk::{SkippedFile, WalkOptions};
