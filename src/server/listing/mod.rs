//! The entries of a directory, for a response.
//!
//! A listing is produced in chunks (`form`) from a window of the entries (`window`), so that a client that does not
//! read costs little memory. A listing that fits into a chunk is sent with its length.

mod body;
mod form;
mod query;
mod sort_order;
mod window;

pub(super) use self::body::{ListingBody, text};
pub(super) use self::form::{Framed, href, shown_path, timestamp};
pub(super) use self::query::{ListingQuery, View};
pub(super) use self::sort_order::{SortKey, SortOrder};
pub(super) use self::window::{Count, SHARES, Windows};
