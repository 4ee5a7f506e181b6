//! The chat room in the server: its state behind a lock, and its events as they are sent.

pub(super) mod events;
pub(super) mod state;
