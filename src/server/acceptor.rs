//! The acceptor: takes connections in, and parks each for its first byte.
//!
//! It blocks until somebody comes, and does nothing that could take long: whoever speaks first is served by a worker.
//!
//! It also minds the idle rule, since it alone can tell that nobody is at a door: it looks once more at each before it
//! says that it is time to leave. What comes after that look stays where it is; where the sockets are inherited, the
//! next server finds it there.

use std::io;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::connection::Connection;
use super::lot::{Lot, Wish};
use super::place;
use super::state::State;
use crate::net::datagrams::Datagrams;
use crate::net::listener::{self, Listener};
use crate::net::stream::Stream;
use crate::stop::Why;

/// How long accepting pauses when the system has no descriptors left. Those who wait stay in the backlog.
const PAUSE: Duration = Duration::from_millis(50);

/// What a connection that finds no place is told, and closed (RFC 9110 §15.6.4).
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 52\r\n\r\n\
    too many connections are open; try again in a while\n";

/// Accepts until the server stops, or finds that it is time to.
pub fn run(listeners: &[Listener], datagrams: &[Datagrams], lot: &Lot<Connection>, state: &State) {
    while state.stop.asked().is_none() {
        if let Err(error) = wait(listeners, state) {
            log::error!("cannot wait for connections: {error}");
            thread::sleep(PAUSE);
        }
        let mut is_sure = true;
        for listener in listeners {
            if let Err(error) = accept_all(listener, lot, state) {
                make_room(&error, lot, state);
                // Somebody may be at this door all the same.
                is_sure = false;
            }
        }
        // The door first: what is not there any more has been taken from it, and is known to the clock.
        is_sure &= listener::wait_for_any(datagrams.iter().map(AsFd::as_fd), Some(Duration::ZERO))
            .is_ok_and(|somebody_waits| !somebody_waits);
        if is_sure && state.idle.settle(Instant::now()) {
            state.stop.ask(Why::Idle);
        }
    }
}

/// Waits until somebody comes, the server is asked to stop, or has been idle for too long.
fn wait(listeners: &[Listener], state: &State) -> io::Result<bool> {
    let now = Instant::now();
    let idle = state.idle.deadline(now).map(|deadline| deadline.left(now));
    let sources = listeners.iter().map(AsFd::as_fd).chain([state.stop.as_fd()]);
    listener::wait_for_any(sources, idle)
}

/// Accepts whoever waits, a bounded number at once so that every listener has its turn.
fn accept_all(listener: &Listener, lot: &Lot<Connection>, state: &State) -> io::Result<()> {
    const AT_ONCE: usize = 64;
    for _ in 0..AT_ONCE {
        match listener.accept()? {
            Some(stream) => admit(stream, lot, state),
            None => break,
        }
    }
    Ok(())
}

/// Finds a place for a connection; whoever has been idle for longest gives up theirs. Where nobody is idle, those give one
/// up who have by far the most: else one client could take all places with requests that it never ends.
fn admit(stream: Stream, lot: &Lot<Connection>, state: &State) {
    log::debug!("{} came", stream.peer());
    // Their request is on its way: leaving now would lose it.
    state.idle.note(Instant::now());
    let connection = Connection::new(stream);
    let admitted = lot.admit(connection).or_else(|connection| {
        let has_room = lot.evict_idle() || lot.evict_greedy(&connection, |other| place::of(other.peer()));
        if has_room { lot.admit(connection) } else { Err(connection) }
    });
    match admitted {
        Ok(moored) => {
            let timeout = state.keep_alive.timeout(lot.open());
            if let Err(error) = lot.park(moored, Wish::idle(Instant::now(), timeout).for_news()) {
                log::error!("cannot park a connection: {error}");
            }
        }
        Err(connection) => connection.turn_away(FULL),
    }
}

/// The system is out of descriptors or memory: closes what is idle, and lets others end.
fn make_room(error: &io::Error, lot: &Lot<Connection>, state: &State) {
    let is_out_of_files = matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE));
    state.shelf.clear();
    let evicted = is_out_of_files && lot.evict_idle();
    log::warn!(
        "cannot accept a connection: {error}{}",
        if evicted { "; closed one that was idle" } else { "" }
    );
    thread::sleep(PAUSE);
}
