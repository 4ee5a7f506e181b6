//! Observers: what happens beside a response. None of them changes it.

pub mod announce;
