//! Load shedding: which connections are closed when slots or descriptors run out.
//!
//! - When all slots are taken, the connection that has been idle longest is closed. If no connection is idle, a client
//!   that has by far the most connections loses the one that has waited longest.
//! - When too many descriptors are held, the client that holds the most loses the connections that have
//!   waited longest, whichever client came last. If no client holds many, idle connections are closed first.
//!
//! The files of a closed connection are open until the chores thread has closed them. Until then, if too many files are
//! open, a request that would open files waits as a job (`Runtime::may_open`). No further connections are closed for
//! those files.
//!
//! A client can read why it is rejected: its connection is not reset while it still sends.

use std::time::Duration;

use crate::server::client_key::ClientKey;
use crate::server::connection::{Connection, Task};
use crate::server::connections::tracked::Tracked;
use crate::server::moment::Moment;
use crate::server::runtime::Runtime;

/// The response to a connection that gets no slot; it is then closed (RFC 9110 §15.6.4).
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 47\r\n\r\n\
    too many connections are open; try again later\n";

/// How many more descriptors than necessary are freed at once, so that the next pass over all connections is not needed
/// soon.
const BATCH: u64 = 64;

/// Finds a slot for a connection, if necessary by closing another one; rejects the connection if there is none.
pub(super) fn admit(
    runtime: &Runtime,
    connection: Connection,
    peer: ClientKey,
) -> Option<Box<Tracked<Connection>>> {
    let connection = match runtime.table.admit(connection, peer) {
        Ok(tracked) => return Some(tracked),
        Err(connection) => connection,
    };
    if !free_slot(runtime, peer) {
        reject(runtime, connection, peer);
        return None;
    }
    match runtime.table.admit(connection, peer) {
        Ok(tracked) => Some(tracked),
        Err(connection) => {
            reject(runtime, connection, peer);
            None
        }
    }
}

/// Closes an idle connection, or one of a client that has by far the most.
fn free_slot(runtime: &Runtime, newcomer: ClientKey) -> bool {
    if let Some(idle) = runtime.table.evict_idle(Moment::now()) {
        dismiss(runtime, idle);
        return true;
    }
    let Some(greedy) = runtime.table.greedy(newcomer) else { return false };
    evict(runtime, runtime.table.evict_one_of(greedy), greedy, 1)
}

/// A client that holds at most this many descriptors is not the cause of a shortage: it may be a browser with several
/// uploads.
const MODEST: u64 = 64;

/// A connection that has been idle for less than this is not closed for the descriptors of others: its client may
/// have just connected, and its request may be on its way.
const ARRIVAL: Duration = Duration::from_secs(1);

/// Closes connections until the held descriptors are within the limit, which they exceed by `found`. Only one thread
/// does this at a time: two threads would close twice as many connections as needed, including the newest.
pub(super) fn shed_descriptors(runtime: &Runtime, found: u64) {
    if found == 0 {
        return;
    }
    let Some(_permit) = runtime.shedding.take() else { return };
    // Another thread may have closed some in the meantime.
    let mut excess = runtime.table.excess();
    let Some((heaviest, holding)) = runtime.table.heaviest().filter(|_| excess > 0) else { return };
    let settled = Moment::now().before(ARRIVAL);
    while holding.descriptors <= MODEST
        && let Some(idle) = settled.and_then(|settled| runtime.table.evict_idle(settled))
    {
        dismiss(runtime, idle);
        excess -= 1;
        if excess == 0 {
            return;
        }
    }
    // The client loses only a part of its descriptors, so that a client with only a few more than others loses few.
    let count = excess.saturating_add(BATCH).min(holding.descriptors.div_ceil(2));
    if evict(runtime, runtime.table.evict_holders(heaviest, count), heaviest, count) {
        log::warn!("too many open files: closed connections of {heaviest}, which had the most");
    }
}

/// Closes these connections, then those that wait for a job of this client, until they have freed this many descriptors;
/// false if there are none.
fn evict(
    runtime: &Runtime,
    parked: impl IntoIterator<Item = Box<Tracked<Connection>>>,
    client: ClientKey,
    descriptors: u64,
) -> bool {
    let mut left = descriptors;
    for tracked in parked {
        left = left.saturating_sub(tracked.descriptors().into());
        dismiss(runtime, tracked);
    }
    while left > 0
        && let Some(Task { tracked, work }) = runtime.jobs.evict(client)
    {
        left = left.saturating_sub(tracked.descriptors().into());
        drop(work);
        dismiss(runtime, tracked);
    }
    left < descriptors
}

/// Closes a connection; its client can read why, without a reset if it still sends.
fn dismiss(runtime: &Runtime, mut tracked: Box<Tracked<Connection>>) {
    if tracked.make_spare()
        && let Some(wait_for) = tracked.connection.turn_away(FULL)
    {
        runtime.park(tracked, wait_for);
    } else {
        runtime.discard(tracked);
    }
}

/// Rejects a new connection, as there is no slot.
fn reject(runtime: &Runtime, mut connection: Connection, peer: ClientKey) {
    log::warn!("rejected {}: too many connections", connection.peer());
    let Some(wait_for) = connection.turn_away(FULL) else { return };
    match runtime.table.admit_spare(connection, peer) {
        Ok(tracked) => runtime.park(tracked, wait_for),
        // Closing resets the connection if it has unread input.
        Err(mut connection) => connection.transport().discard_input(),
    }
}

/// Frees descriptors when the system has none left, although the count allowed more: closes connections of the client
/// that holds the most.
pub(super) fn free_descriptors(runtime: &Runtime) -> bool {
    drop(runtime.state.cache.clear());
    if let Some(idle) = runtime.table.evict_idle(Moment::now()) {
        drop(idle);
        return true;
    }
    let Some((heaviest, _)) = runtime.table.heaviest() else { return false };
    evict(runtime, runtime.table.evict_holders(heaviest, BATCH), heaviest, BATCH)
}
