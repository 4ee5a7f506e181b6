//! wharf: one folder, every socket.

pub mod folder;
