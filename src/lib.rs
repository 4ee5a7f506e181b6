//! wharf: one folder, every socket.

pub mod chat;
pub mod http;
