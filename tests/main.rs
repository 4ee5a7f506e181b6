//! What wharf promises, tried over real sockets with real files: one module a promise.

mod architecture;
mod client;
mod common;
mod readme;
mod replay;
mod requests;
