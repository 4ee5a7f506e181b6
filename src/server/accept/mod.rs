//! The acceptor: accepts connections, and parks each until its first byte arrives.
//!
//! It waits for connections, and does nothing that could take long: a worker serves each connection when it is
//! readable.
//!
//! It also applies the idle limit, since only this thread can tell that no connection waits at a listener: it checks
//! each listener once more before it decides to shut down. Connections that arrive after that check stay in the
//! backlog; if the sockets are inherited, the next server accepts them.

pub(super) mod listeners;

use std::io;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

use crate::net::datagrams::Datagrams;
use crate::net::listener::{self, Listener};
use crate::net::transport::Transport;
use crate::server::client_key;
use crate::server::connection::Connection;
use crate::server::connections::wait_for::WaitFor;
use crate::server::moment::Moment;
use crate::server::runtime::Runtime;
use crate::server::shedding;
use crate::server::state::State;
use crate::server::timing::Deadline;
use crate::stop::StopReason;

/// How long to pause accepting if the system has no descriptors left. New connections wait in the backlog.
const PAUSE: Duration = Duration::from_millis(50);

/// How long the first request may take on a connection that is accepted while the server drains.
const FIRST: Duration = Duration::from_secs(2);

/// Accepts connections until the server stops or has been idle for too long.
pub(super) fn run(listeners: &[Listener], datagrams: &[Datagrams], runtime: &Runtime) {
    let state = &runtime.state;
    while state.stop.asked().is_none() {
        if let Err(error) = wait(listeners, state) {
            log::error!("cannot wait for connections: {error}");
            thread::sleep(PAUSE);
        }
        let mut is_sure = true;
        for listener in listeners {
            if let Err(error) = accept_all(listener, runtime) {
                recover(&error, runtime);
                // A connection may still wait at this listener.
                is_sure = false;
            }
        }
        // The listeners are checked before the idle clock: a connection that is no longer in a backlog was accepted, so
        // the clock has counted it.
        is_sure &= listener::wait_for_any(datagrams.iter().map(AsFd::as_fd), Some(Duration::ZERO))
            .is_ok_and(|somebody_waits| !somebody_waits);
        if is_sure && !state.stop.is_announced() && state.idle.settle(Moment::now()) {
            state.stop.ask(StopReason::Idle);
        }
    }
}

/// Waits until a connection arrives, the server is asked to stop, or it has been idle for too long.
fn wait(listeners: &[Listener], state: &State) -> io::Result<bool> {
    let now = Moment::now();
    // A server that drains serves until the drain ends, even if it is idle.
    let idle = state.idle.deadline(now).filter(|_| !state.stop.is_announced());
    let idle = idle.map(|deadline| deadline.left(now));
    let sources = listeners.iter().map(AsFd::as_fd).chain([state.stop.as_fd()]);
    listener::wait_for_any(sources, idle)
}

/// Accepts waiting connections, a bounded number at once so that every listener has its turn.
fn accept_all(listener: &Listener, runtime: &Runtime) -> io::Result<()> {
    const AT_ONCE: usize = 64;
    for _ in 0..AT_ONCE {
        match listener.accept()? {
            Some(stream) => admit(stream, runtime),
            None => break,
        }
    }
    Ok(())
}

fn admit(transport: Transport, runtime: &Runtime) {
    let proxies = &runtime.state.proxies;
    let has_proxy_header = proxies.send_headers();
    if has_proxy_header && proxies.family(transport.peer()).is_none() {
        log::warn!("closed {}: with --proxy-protocol, only trusted proxies may connect", transport.peer());
        return;
    }
    log::debug!("{} connected", transport.peer());
    // The request will follow, and an exit now would lose it.
    runtime.state.idle.note(Moment::now());
    let peer = client_key::of(transport.peer());
    let connection = Connection::new(transport, has_proxy_header, runtime.state.tls.is_some());
    if let Some(tracked) = shedding::admit(runtime, connection, peer) {
        let now = Moment::now();
        // While the server drains, a proxy opens a connection because it has a request. So the connection does not
        // count as idle, and is not closed before that request.
        let wait_for = if runtime.state.stop.is_announced() {
            WaitFor::readable(Deadline::after(now, FIRST))
        } else {
            WaitFor::idle(now, runtime.timeout())
        };
        runtime.park(tracked, wait_for.for_news());
        // There may be too many connections now.
        shedding::shed_descriptors(runtime, runtime.table.excess());
    }
}

/// The system is out of descriptors or memory: closes other connections, or waits until some end.
fn recover(error: &io::Error, runtime: &Runtime) {
    let is_out_of_files = matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE));
    let made = is_out_of_files && shedding::free_descriptors(runtime);
    log::warn!(
        "cannot accept a connection: {error}{}",
        if made { "; closed other connections to free descriptors" } else { "" }
    );
    thread::sleep(PAUSE);
}
