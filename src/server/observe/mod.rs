//! Observers: what happens in addition to a response. No observer changes it.

pub mod access_log;
pub mod announce;
