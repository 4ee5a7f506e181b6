//! The shutdown signal: requested once, seen by every thread.
//!
//! A signal, the idle timer or an authorised client requests the shutdown. The request makes a file
//! descriptor readable, so threads can wait for it instead of polling a flag.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;

/// A shutdown request, shared by all clones.
#[derive(Debug, Clone)]
pub struct Stop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    is_announced: AtomicBool,
    why: OnceLock<StopReason>,
    /// Readable once the shutdown is requested.
    event: OwnedFd,
}

/// Why the program shuts down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Ctrl-C or SIGTERM.
    Signal,
    /// No request came within the idle timeout.
    Idle,
    /// A client that may request it.
    Client,
}

impl Stop {
    /// A signal that is not set. Fails if the process has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(Inner { is_announced: AtomicBool::new(false), why: OnceLock::new(), event })))
    }

    /// Announces a shutdown that will be requested soon, so that a load balancer can send requests elsewhere
    /// first.
    pub fn announce(&self) {
        self.0.is_announced.store(true, Ordering::Release);
    }

    /// Whether a shutdown was announced.
    pub fn is_announced(&self) -> bool {
        self.0.is_announced.load(Ordering::Acquire)
    }

    /// Whether a shutdown was announced or requested.
    pub fn is_near(&self) -> bool {
        self.is_announced() || self.asked().is_some()
    }

    /// Requests the shutdown. The first reason is kept.
    pub fn ask(&self, why: StopReason) {
        if self.0.why.set(why).is_ok() {
            // An eventfd at 0 takes a 1: this write cannot fail.
            let _ = rustix::io::write(&self.0.event, &1u64.to_ne_bytes());
        }
    }

    /// The reason, if a shutdown was requested.
    pub fn asked(&self) -> Option<StopReason> {
        self.0.why.get().copied()
    }

    /// Blocks until a shutdown is requested.
    pub fn wait(&self) -> StopReason {
        loop {
            if let Some(why) = self.asked() {
                return why;
            }
            match poll(&mut [PollFd::new(&self.0.event, PollFlags::IN)], None) {
                Ok(_) | Err(Errno::INTR) => {}
                // Polling one open descriptor fails only when the machine is out of memory: shut down.
                Err(_) => return StopReason::Signal,
            }
        }
    }
}

/// Readable once the shutdown is requested, and from then on.
impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_is_kept_and_seen_by_all() {
        let stop = Stop::new().expect("a descriptor");
        let waiting = std::thread::spawn({
            let stop = stop.clone();
            move || stop.wait()
        });
        assert_eq!(stop.asked(), None);
        stop.ask(StopReason::Idle);
        stop.ask(StopReason::Signal);
        assert_eq!(waiting.join().expect("no panic"), StopReason::Idle);
        assert_eq!(stop.wait(), StopReason::Idle, "seen again");
    }
}
