//! Gates: checks that every request passes before its handler runs.

pub(super) mod authorise;
pub(super) mod certificate;
pub(super) mod client;
pub(super) mod host;
pub(super) mod origin;
pub(super) mod plain;
