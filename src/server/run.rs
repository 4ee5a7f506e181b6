//! Starts the threads of the server, and ends them.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use threadpool::ThreadPool;

use super::Server;
use crate::blocking::Blocking;
use crate::server::accept::{self, listeners::Listeners};
#[cfg(feature = "accounts")]
use crate::server::accounts::Accounts;
use crate::server::config::STACK;
#[cfg(feature = "accounts")]
use crate::server::record_keeper;
use crate::server::runtime::Runtime;
use crate::server::{jobs, memory, room_keeper, room_reader, tftp};
use crate::stop::StopReason;

/// How long the threads may take to end after the time for requests in flight. They wait only for the disk by then, not for
/// clients.
const LAST: Duration = Duration::from_secs(2);

impl Server {
    /// Serves until the server is asked to stop, then waits a limited time for requests in flight. Calls `on_stop`
    /// with the reason before anything else, then `on_open` with a line for each open connection.
    pub fn run(self, on_stop: impl FnOnce(StopReason), on_open: impl Fn(&str)) -> io::Result<()> {
        let Self { listeners, udp_sessions, runtime, to_do, workers } = self;
        let Listeners { listeners, datagrams } = listeners;
        let datagrams = Arc::new(datagrams);
        runtime.state.disown_trash(Blocking::own_thread());
        memory::trim();
        let workers = pool("worker", workers, &runtime, Runtime::work);
        let jobs = pool("job", jobs::THREADS, &runtime, Runtime::do_jobs);
        // The thread ends when the state is dropped, so it must not hold the state.
        let chores = thread::Builder::new().name("chores".into()).stack_size(STACK).spawn(move || {
            for chore in to_do {
                chore();
            }
        })?;
        let mut threads = vec![spawn("timer", &runtime, Runtime::mind_time)?];
        if runtime.state.accounts.is_some() {
            threads.push(spawn("passwords", &runtime, Runtime::check_passwords)?);
        }
        threads.push(spawn("broadcaster", &runtime, |runtime: &Arc<Runtime>| runtime.broadcaster.run())?);
        if let Some(chat) = runtime.state.chat.clone().filter(|chat| chat.shared().is_some()) {
            let (reading, weak) = (Arc::clone(&chat), Arc::downgrade(&runtime));
            detach("room-reader", move || room_reader::run(&reading, &weak, Blocking::own_thread()))?;
            detach("room-keeper", move || room_keeper::run(&chat, Blocking::own_thread()))?;
        }
        #[cfg(feature = "accounts")]
        if let Some(accounts) = runtime.state.accounts.clone().filter(Accounts::share_records) {
            let weak = Arc::downgrade(&runtime);
            detach("records", move || record_keeper::run(&accounts, &weak, Blocking::own_thread()))?;
        }
        if !datagrams.is_empty() {
            let sockets = Arc::clone(&datagrams);
            threads.push(spawn("tftp", &runtime, move |runtime| tftp::run(&sockets, udp_sessions, runtime))?);
        }
        accept::run(&listeners, &datagrams, &runtime);
        drop((listeners, datagrams));
        on_stop(runtime.state.stop.wait());
        runtime.drain(on_open);
        end_within(LAST, move || {
            // Closes the parked connections, which may block on the disk.
            drop(runtime.table.end());
            workers.join();
            runtime.jobs.end();
            runtime.passwords.end();
            jobs.join();
            // Joins every thread, even if one before it has panicked.
            let joined = threads.into_iter().map(JoinHandle::join).fold(Ok(()), Result::and);
            drop(runtime);
            joined.and(chores.join())
        })
    }
}

/// Waits for the threads for at most this time. A thread that is blocked on the disk must not keep the server from
/// exiting; it ends with the process.
fn end_within(time: Duration, join: impl FnOnce() -> thread::Result<()> + Send + 'static) -> io::Result<()> {
    let (joined, result) = mpsc::channel();
    thread::Builder::new().name("end".into()).stack_size(STACK).spawn(move || {
        // Fails only after the time is over.
        let _ = joined.send(join());
    })?;
    if let Ok(ended) = result.recv_timeout(time) {
        return ended.map_err(|_| io::Error::other("a thread panicked"));
    }
    let what = "a thread did not stop: it still waits for the disk; recent changes may not be saved";
    log::error!("{what}");
    Err(io::Error::new(io::ErrorKind::TimedOut, what))
}

/// Starts a pool of threads that all run `work`.
fn pool(name: &str, threads: usize, runtime: &Arc<Runtime>, work: fn(&Arc<Runtime>)) -> ThreadPool {
    let pool = threadpool::Builder::new()
        .num_threads(threads)
        .thread_name(name.into())
        .thread_stack_size(STACK)
        .build();
    for _ in 0..threads {
        let runtime = Arc::clone(runtime);
        pool.execute(move || work(&runtime));
    }
    pool
}

/// Starts a thread that waits for another machine, so the server's end does not wait for it.
fn detach(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).stack_size(STACK).spawn(work).map(drop)
}

/// Starts a thread that shares the server's state.
fn spawn(
    name: &str,
    runtime: &Arc<Runtime>,
    work: impl FnOnce(&Arc<Runtime>) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let runtime = Arc::clone(runtime);
    thread::Builder::new().name(name.into()).stack_size(STACK).spawn(move || work(&runtime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_the_threads_has_a_limit() {
        let (keep, kept) = mpsc::channel::<()>();
        let stuck = end_within(Duration::from_millis(1), move || {
            let _ = kept.recv();
            Ok(())
        });
        assert_eq!(stuck.expect_err("given up").kind(), io::ErrorKind::TimedOut);
        drop(keep);
        assert!(end_within(LAST, || Ok(())).is_ok());
        assert!(end_within(LAST, || Err(Box::new("a panic"))).is_err());
    }
}
