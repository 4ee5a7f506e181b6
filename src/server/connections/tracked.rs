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
    /// How many descriptors the connection holds.
    pub(crate) fn descriptors(&self) -> u32 {
        self.slot.descriptors()
    }

    /// Records how many descriptors the connection holds now, and for which client; `None` for the peer. Returns by how
    /// many descriptors the total exceeds the limit, if this connection has caused it.
    pub(crate) fn hold(&mut self, descriptors: u32, client: Option<ClientKey>) -> u64 {
        self.slot.hold(descriptors, client)
    }

    /// Closes the connection. From then on, its slot counts as free. The caller drops the returned value when the
    /// connection's files are closed too.
    pub(crate) fn close(self) -> impl Send + use<C> {
        let Self { connection, mut slot } = self;
        drop(connection);
        slot.leave();
        slot
    }

    /// Moves to a spare slot, so that its own is free for another; false if none is left.
    pub(crate) fn make_spare(&mut self) -> bool {
        self.slot.make_spare()
    }
}
