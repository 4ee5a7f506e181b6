//! The trash: what was removed or replaced, until it expires.

mod id;
mod item;

pub use id::TrashId;
pub use item::{Restored, TrashItem, Whose};
