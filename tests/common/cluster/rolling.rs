//! Servers that are restarted one after the other, as in an upgrade, while clients use them.

use std::thread;
use std::time::{Duration, Instant};

use super::chat::{Members, Transcript, while_members_talk};
use super::visitors::Visitors;
use super::{Cluster, SERVERS};

/// How many clients download and upload.
const VISITORS: usize = 6;

/// The members of the chat.
const MEMBERS: Members = Members { speakers: 3, listeners: 3, pause: Duration::from_millis(100) };

/// What the clients have observed.
pub struct Rolled {
    pub restarts: usize,
    pub took: Duration,
    pub visitors: Visitors,
    pub chat: Transcript,
}

/// Restarts each server in turn, this many times, during uploads that take these times. The servers share a room.
pub fn restart_each(cluster: &mut Cluster, rounds: usize, uploads: &[Duration]) -> Rolled {
    Visitors::prepare(cluster.folder());
    let (proxy, visitors, begun) = (cluster.address(), Visitors::default(), Instant::now());
    let chat = thread::scope(|scope| {
        let visitors = &visitors;
        (0..VISITORS).for_each(|number| drop(scope.spawn(move || visitors.visit(proxy, number))));
        for (number, time) in (VISITORS..).zip(uploads) {
            scope.spawn(move || visitors.upload_slowly(proxy, number, *time));
        }
        let chat = while_members_talk(proxy, MEMBERS, || {
            (0..rounds * SERVERS).for_each(|round| cluster.restart(round % SERVERS));
        });
        visitors.end();
        chat
    });
    Rolled { restarts: rounds * SERVERS, took: begun.elapsed(), visitors, chat }
}
