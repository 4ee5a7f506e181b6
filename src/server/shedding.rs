//! Load shedding: which connections are closed when slots or descriptors run out.
//!
//! - When all slots are taken, the connection that has been idle longest is closed. If none is idle, a peer that has by
//!   far the most connections loses the one that has waited longest.
//! - When too many descriptors are held, the client that holds the most loses the connections that have waited
//!   longest, no matter which client came last. If no client holds many, idle connections are closed first.
//!
//! A client can read why it is rejected: its connection is not reset while it still sends.

use std::time::{Duration, Instant};

use crate::server::client_key::ClientKey;
use crate::server::connection::{Connection, Task};
use crate::server::connections::tracked::Tracked;
use crate::server::shared::Shared;

/// The response to a connection that gets no slot; it is then closed (RFC 9110 §15.6.4).
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 47\r\n\r\n\
    too many connections are open; try again later\n";

/// How many descriptors more than necessary are freed at once, so that one pass over all connections lasts for a
/// while.
const BATCH: u64 = 64;

/// Finds a slot for a connection, if necessary that of another; rejects it if there is none.
pub(super) fn admit(
    shared: &Shared,
    connection: Connection,
    peer: ClientKey,
) -> Option<Box<Tracked<Connection>>> {
    let connection = match shared.table.admit(connection, peer) {
        Ok(tracked) => return Some(tracked),
        Err(connection) => connection,
    };
    if !free_slot(shared, peer) {
        reject(shared, connection, peer);
        return None;
    }
    match shared.table.admit(connection, peer) {
        Ok(tracked) => Some(tracked),
        Err(connection) => {
            reject(shared, connection, peer);
            None
        }
    }
}

/// Closes an idle connection, or one of a peer that has by far the most.
fn free_slot(shared: &Shared, newcomer: ClientKey) -> bool {
    if let Some(idle) = shared.table.evict_idle(Instant::now()) {
        dismiss(shared, idle);
        return true;
    }
    let Some(greedy) = shared.table.greedy(newcomer) else { return false };
    evict(shared, shared.table.evict_one_of(greedy), greedy, 1)
}

/// A client that holds at most this many descriptors is not the cause of a shortage: it may be a browser with several
/// uploads.
const MODEST: u64 = 64;

/// A connection that has been idle for less than this is not closed for the descriptors of others: its client may
/// have just connected, and its request may be on its way.
const ARRIVAL: Duration = Duration::from_secs(1);

/// Closes connections until the held descriptors are within the limit, if `found` of them are too many. Only one
/// thread does this at a time: two would close twice as many as needed, including the newest.
pub(super) fn shed_descriptors(shared: &Shared, found: u64) {
    if found == 0 {
        return;
    }
    let Some(_permit) = shared.shedding.take() else { return };
    // Another thread may have closed some in the meantime.
    let mut excess = shared.table.excess();
    let Some((heaviest, holding)) = shared.table.heaviest().filter(|_| excess > 0) else { return };
    let settled = Instant::now().checked_sub(ARRIVAL);
    while holding.descriptors <= MODEST
        && let Some(idle) = settled.and_then(|settled| shared.table.evict_idle(settled))
    {
        dismiss(shared, idle);
        excess -= 1;
        if excess == 0 {
            return;
        }
    }
    // Only a part of them, so that a client that holds little more than others loses little.
    let count = excess.saturating_add(BATCH).min(holding.descriptors.div_ceil(2));
    if evict(shared, shared.table.evict_holders(heaviest, count), heaviest, count) {
        log::warn!("too many open files: closed connections of {heaviest}, which had the most");
    }
}

/// Closes these connections, then those that wait for a job of this client, until they have freed this many descriptors;
/// false if there are none.
fn evict(
    shared: &Shared,
    parked: impl IntoIterator<Item = Box<Tracked<Connection>>>,
    client: ClientKey,
    descriptors: u64,
) -> bool {
    let mut left = descriptors;
    for tracked in parked {
        left = left.saturating_sub(tracked.descriptors().into());
        dismiss(shared, tracked);
    }
    while left > 0
        && let Some(Task { tracked, work }) = shared.jobs.evict(client)
    {
        left = left.saturating_sub(tracked.descriptors().into());
        drop(work);
        dismiss(shared, tracked);
    }
    left < descriptors
}

/// Closes a connection; its client can read why, without a reset if it still sends.
fn dismiss(shared: &Shared, mut tracked: Box<Tracked<Connection>>) {
    if tracked.make_spare()
        && let Some(wait_for) = tracked.connection.turn_away(FULL)
    {
        shared.park(tracked, wait_for);
    } else {
        shared.discard(tracked);
    }
}

/// Rejects a new connection, as there is no slot.
fn reject(shared: &Shared, mut connection: Connection, peer: ClientKey) {
    log::warn!("rejected {}: too many connections", connection.peer());
    let Some(wait_for) = connection.turn_away(FULL) else { return };
    match shared.table.admit_spare(connection, peer) {
        Ok(tracked) => shared.park(tracked, wait_for),
        // Closing resets the connection if it has unread input.
        Err(connection) => connection.stream().discard_input(),
    }
}

/// The system has no descriptors left, although the count allowed more: the client that holds the most loses some.
pub(super) fn free_descriptors(shared: &Shared) -> bool {
    drop(shared.state.cache.clear());
    if let Some(idle) = shared.table.evict_idle(Instant::now()) {
        drop(idle);
        return true;
    }
    let Some((heaviest, _)) = shared.table.heaviest() else { return false };
    evict(shared, shared.table.evict_holders(heaviest, BATCH), heaviest, BATCH)
}
