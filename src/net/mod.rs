//! Sockets: what Linux has for moving bytes without waiting for anybody.
//!
//! A stream that says "it would wait" instead of waiting, a listener, a poller, a file sent without passing through
//! this program. What is Linux's own stands here, in few small files. This room knows no protocol and no folder.

pub mod datagrams;
pub mod inherited;
pub mod limits;
pub mod listener;
pub mod peer;
pub mod poller;
pub mod reach;
pub mod spin_wait;
pub mod stream;
pub mod unix;
