//! Gates: checks that every request passes before its handler runs.

#[cfg(feature = "accounts")]
pub(super) mod authenticate;
#[cfg(not(feature = "accounts"))]
#[path = "no_authenticate.rs"]
pub(super) mod authenticate;
pub(super) mod authorise;
pub(super) mod certificate;
pub(super) mod client;
pub(super) mod host;
#[cfg(feature = "accounts")]
pub(super) mod link;
#[cfg(not(feature = "accounts"))]
#[path = "no_link.rs"]
pub(super) mod link;
#[cfg(feature = "dav")]
pub(super) mod locks;
pub(super) mod origin;
pub(super) mod plain;
#[cfg(feature = "accounts")]
mod same_credentials;
#[cfg(feature = "accounts")]
mod sought;
#[cfg(feature = "dav")]
pub(super) mod stored_form;
