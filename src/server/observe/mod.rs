//! Observers: what happens beside a response. None of them changes it.

pub mod access_log;
pub mod announce;
