//! Removed and replaced files, below `/.wharf/trash`: lists, restores and discards them.
//!
//! ```text
//! GET    trash  ?before=ID     -> the entries that the client may see, the newest first: JSON, or a page
//! DELETE trash                 -> {"count":3}: all of them are gone
//! POST   trash                    the same and the next but one, for a page without a script: discard=all, discard=ID
//! POST   trash/ID/restore      -> 200, and where it is now
//! DELETE trash/ID              -> 204
//! POST   undo                  -> as restore, for the newest entry of the client that can be restored
//! ```
//!
//! A client without an account is known by a cookie; see [`remover`](crate::server::remover).

mod discarding;
mod entries;
mod respond;
mod restoring;
mod visitor;

pub(crate) use discarding::{discard, empty, form};
pub(crate) use entries::list;
pub(crate) use restoring::{restore, undo};
