//! Stop: asked once, seen everywhere.
//!
//! Whoever wants the program to leave (a signal, the idle clock, a client that may) asks here. Whoever waits, waits
//! for this too: it is a descriptor that becomes readable, so no thread has to look at it again and again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;

/// A request to leave that all who hold a clone of it see.
#[derive(Debug, Clone)]
pub struct Stop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    why: OnceLock<StopReason>,
    /// Readable from the moment that it is asked.
    event: OwnedFd,
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Ctrl-C or SIGTERM.
    Signal,
    /// Nobody wanted anything for the time that the idle rule gives.
    Idle,
    /// A client that may.
    Client,
}

impl Stop {
    /// One that nobody has asked yet. It fails where the system has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(Inner { why: OnceLock::new(), event })))
    }

    /// Asks. The first to ask is the one whose reason counts.
    pub fn ask(&self, why: StopReason) {
        if self.0.why.set(why).is_ok() {
            // An eventfd at 0 takes a 1: this write cannot fail.
            let _ = rustix::io::write(&self.0.event, &1u64.to_ne_bytes());
        }
    }

    /// Who asked, if anybody did.
    pub fn asked(&self) -> Option<StopReason> {
        self.0.why.get().copied()
    }

    /// Waits until somebody asks.
    pub fn wait(&self) -> StopReason {
        loop {
            if let Some(why) = self.asked() {
                return why;
            }
            match poll(&mut [PollFd::new(&self.0.event, PollFlags::IN)], None) {
                Ok(_) | Err(Errno::INTR) => {}
                // Polling one descriptor that is ours fails only when the machine has no memory left: leaving is all there is.
                Err(_) => return StopReason::Signal,
            }
        }
    }
}

/// Readable once it is asked, and ever after.
impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_counts_and_all_see_it() {
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
