//! The connections that wait for their clients: the table, its slots and deadlines, eviction, and the one worker that
//! polls for all.

pub(super) mod capacity;
pub(super) mod lead;
pub(super) mod slot;
pub(super) mod table;
pub(super) mod tracked;
pub(super) mod wait_for;
