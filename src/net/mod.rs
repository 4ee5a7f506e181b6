//! Non-blocking sockets on Linux.
//!
//! Streams return "would block" instead of blocking. A listener, a poller and `sendfile` are here too. Code that is
//! specific to Linux is in this module, in a few small files. It knows nothing of protocols or the folder.

pub mod datagrams;
pub mod inherited;
pub mod limits;
pub mod listener;
pub mod peer;
pub mod poller;
pub mod reach;
pub mod spin_wait;
#[cfg(not(feature = "tls"))]
#[path = "no_tls_stream.rs"]
pub mod tls_stream;
#[cfg(feature = "tls")]
pub mod tls_stream;
pub mod transport;
pub mod unix;
pub mod zone;
