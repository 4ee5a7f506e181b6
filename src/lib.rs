//! wharf: one folder, every socket.

pub mod tftp;
