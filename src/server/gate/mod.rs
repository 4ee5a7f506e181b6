//! Gates: checks that every request passes before its handler runs.

pub mod host;
pub mod origin;
