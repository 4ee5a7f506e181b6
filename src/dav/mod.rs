//! WebDAV (RFC 4918) as bytes and decisions: the bodies and fields of its requests, its responses, and the table of locks.
//!
//! Knows no sockets and no files. Times are parameters.
//!
//! - [`Propfind`], [`Proppatch`] and [`LockRequest`] are the bodies of PROPFIND, PROPPATCH and LOCK.
//! - [`Conditions`] is the field `If`, and [`LockTimeout`] the field `Timeout`.
//! - [`LockTable`] has the locks of a folder, and says which changes they forbid.
//! - [`xml`] reads XML into a small tree, and [`multistatus`] writes responses.

pub mod conditions;
pub mod error;
pub mod lock_request;
pub mod locks;
pub mod multistatus;
pub mod property;
pub mod propfind;
pub mod proppatch;
pub mod timeout;
pub mod xml;

pub use conditions::Conditions;
pub use error::BodyError;
pub use lock_request::{LockInfo, LockRequest, LockScope};
pub use locks::{Change, Lock, LockTable};
pub use property::{LiveProperty, PropertyName};
pub use propfind::Propfind;
pub use proppatch::Proppatch;
pub use timeout::LockTimeout;

/// The namespace of WebDAV's own elements (RFC 4918 §14).
pub const NAMESPACE: &str = "DAV:";
