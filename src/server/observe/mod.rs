//! Observers: what happens in addition to a response. No observer changes it.

pub(super) mod access_log;
pub(super) mod announce;
