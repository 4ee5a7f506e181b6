//! Non-blocking sockets on Linux.
//!
//! Streams that return "would block" instead of blocking, a listener, a poller, and `sendfile`. The
//! Linux-specific code is here, in a few small files. This module knows nothing of protocols or the folder.

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
