//! WebDAV (RFC 4918) as bytes and decisions: the bodies and fields of its requests, its responses, and the table of locks.
//!
//! Knows no sockets and no files. Times are parameters.
//!
//! - [`Propfind`], [`Proppatch`] and [`LockRequest`] are the bodies of PROPFIND, PROPPATCH and LOCK.
//! - [`IfField`] is the field `If`, and [`LockTimeout`] the field `Timeout`.
//! - [`LockTable`] has the locks of a folder, and says which changes they forbid.
//! - [`xml`] reads XML into a small tree, and [`multistatus`] writes responses.

pub mod error;
pub mod if_field;
pub mod lock_request;
pub mod locks;
pub mod multistatus;
mod path_bytes;
pub mod property;
pub mod propfind;
pub mod proppatch;
pub mod timeout;
pub mod xml;

pub use error::XmlBodyError;
pub use if_field::IfField;
pub use lock_request::{LockInfo, LockRequest, LockScope};
pub use locks::{Lock, LockTable, PathChange};
pub use property::{LiveProperty, NAMESPACE, PropertyName};
pub use propfind::Propfind;
pub use proppatch::Proppatch;
pub use timeout::{LockTimeout, MAX_LOCK_TIME};
