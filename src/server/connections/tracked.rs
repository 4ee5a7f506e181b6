//! A connection with its slot.

use crate::server::client_key::ClientKey;
use crate::server::connections::slot::Slot;

/// A connection together with its slot in the table. Dropping it closes the connection, then frees the slot.
#[derive(Debug)]
pub(crate) struct Tracked<C> {
    pub connection: C,
    pub(super) slot: Slot,
}

impl<C> Tracked<C> {
    pub(crate) fn client(&self) -> ClientKey {
        self.slot.client()
    }

    /// How many descriptors the connection holds.
    pub(crate) fn descriptors(&self) -> u32 {
        self.slot.descriptors()
    }

    /// Records how many descriptors the connection holds now. Returns by how many the total exceeds its
    /// limit, if this connection has caused it.
    pub(crate) fn hold(&mut self, descriptors: u32) -> u64 {
        self.slot.hold(descriptors)
    }

    /// Call before closing it: its slot and its descriptors count as free from now on.
    pub(crate) fn leave(&mut self) {
        self.slot.leave();
    }

    /// Moves to a spare slot, so that its own is free for another; false if none is left.
    pub(crate) fn make_spare(&mut self) -> bool {
        self.slot.make_spare()
    }
}
