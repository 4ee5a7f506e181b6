//! wharf: one folder, every socket.

pub mod cli;
pub mod client;
pub mod folder;
pub mod http;
pub mod net;
pub mod printable;
pub mod server;
pub mod stop;
