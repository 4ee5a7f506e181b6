//! What a handler returns.

use crate::server::accounts::PasswordCheck;
use crate::server::receive::{Job, Receiving};
use crate::server::response::Response;

/// What a request leads to.
pub(super) enum Handled {
    /// This response.
    Respond(Response),
    /// The body has to be received first.
    Receive(Box<Receiving>),
    /// A job: it waits for the disk, or takes a long time.
    Work(Job),
    /// A job that makes a thumbnail, which keeps a processor busy for a while.
    #[cfg(feature = "thumbs")]
    Draw(Job),
    /// A job that waits in `fsync`, such as an upload.
    Save(Job),
    /// A job that waits for the store that servers share.
    #[cfg_attr(not(feature = "accounts"), allow(dead_code, reason = "only accounts are in the store"))]
    AskStore(Job),
    /// Nothing yet: the handler has to wait for the disk, which this thread may not do.
    NeedsDisk,
    /// Nothing yet: the handler has to wait for the store that servers share, which this thread may not do.
    NeedsStore,
    /// Nothing yet: the password of the request has to be checked, which keeps a processor busy for a while.
    CheckPassword(Box<PasswordCheck>),
}
