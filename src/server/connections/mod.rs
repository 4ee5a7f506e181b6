//! The connections that wait for their clients: the table, its slots and deadlines, eviction, and the one worker that
//! polls for all.

pub mod capacity;
pub mod lead;
pub mod slot;
pub mod table;
