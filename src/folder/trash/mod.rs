//! The trash: what was removed or replaced, until it expires.
//!
//! A record is written and synced before its content moves, so a crash at any moment leaves the old file in its place
//! or in the trash. Content stays on its file system: each mount in the folder has its own trash (`store`), but all
//! records are in the trash of the folder's root.
//!
//! Knows nothing of where files may be saved, or who may remove what.

mod discard;
mod disown;
mod id;
mod in_place;
mod index;
mod item;
mod keep;
mod list;
mod measure;
mod new_entry;
mod purge;
mod record;
mod removal;
mod room;
mod state;
mod store;
mod stores;
mod sweep;
mod written;

pub use id::TrashId;
pub use item::{Emptied, Restored, TrashItem, Whose};
pub(super) use keep::{Kept, OldFile};
pub(super) use list::TrashEntry;
pub(super) use removal::Removal;
pub(super) use state::Trash;
