//! The chat room in the server: its state behind a lock, and its events as they are sent.

pub mod events;
pub mod state;
