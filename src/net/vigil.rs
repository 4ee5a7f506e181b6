//! Waiting for a peer who answers at once, without falling asleep meanwhile.
//!
//! A processor that has gone to sleep takes some 50 µs to wake, longer than a small answer takes to make. Where two
//! programs answer each other in turn, packet by packet, that is most of the time (measured: TFTP in blocks of 512
//! bytes over loopback takes a third of the time if the server stays awake). So whoever has been answered promptly looks
//! again and again for a moment before it sleeps, and lets everybody else run between two looks. One vigil in vain, and
//! it sleeps as others do for a while: a peer who is far away, or slow, costs next to nothing. One who answers promptly
//! all the time keeps a processor awake, which is why permits are asked for.

use std::io;
use std::os::fd::BorrowedFd;
use std::thread;
use std::time::{Duration, Instant};

use super::listener::wait_for_any;

/// An answer within this time is prompt, and this long one is watched for: a round trip on a fast network, and the time
/// that two processors take to wake.
const PROMPT: Duration = Duration::from_micros(250);

/// How many answers are slept for after one was watched for in vain.
const REST: u32 = 32;

/// How to wait for the next answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vigil {
    /// Awake: the last one was prompt.
    Awake,
    /// Asleep, for this one and so many more at least.
    Asleep(u32),
}

impl Default for Vigil {
    fn default() -> Self {
        Self::Asleep(0)
    }
}

impl Vigil {
    /// Waits until one of the sources has something to read, at most so long; whether one has. `permit` is asked for
    /// before it stays awake, and kept meanwhile: without one it sleeps.
    pub fn wait<const N: usize, P>(
        &mut self,
        sources: [BorrowedFd<'_>; N],
        at_most: Duration,
        permit: impl FnOnce() -> Option<P>,
    ) -> io::Result<bool> {
        // What is there already says nothing about how long an answer takes: of a window, all packets but the first.
        if wait_for_any(sources, Some(Duration::ZERO))? {
            return Ok(true);
        }
        let began = Instant::now();
        let permit = if *self == Self::Awake { permit() } else { None };
        let watched = permit.is_some();
        if watched && watch(sources, began, at_most)? {
            return Ok(true);
        }
        drop(permit);
        let has_come = wait_for_any(sources, Some(at_most.saturating_sub(began.elapsed())))?;
        *self = self.after(watched, has_come && began.elapsed() < PROMPT);
        Ok(has_come)
    }

    /// How to wait after it has waited asleep in the end.
    fn after(self, watched: bool, was_prompt: bool) -> Self {
        match self {
            _ if watched => Self::Asleep(REST),
            Self::Awake | Self::Asleep(0) if was_prompt => Self::Awake,
            Self::Awake => Self::Asleep(0),
            Self::Asleep(more) => Self::Asleep(more.saturating_sub(1)),
        }
    }
}

/// Looks again and again, as long as an answer may be prompt; whether one of the sources has something to read.
fn watch<const N: usize>(
    sources: [BorrowedFd<'_>; N],
    began: Instant,
    at_most: Duration,
) -> io::Result<bool> {
    loop {
        if wait_for_any(sources, Some(Duration::ZERO))? {
            return Ok(true);
        }
        if began.elapsed() >= PROMPT.min(at_most) {
            return Ok(false);
        }
        thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    use super::*;

    /// Long enough for whatever is there already, or will be when the test says so.
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn who_is_answered_promptly_stays_awake_and_one_vigil_in_vain_is_followed_by_sleep() {
        let prompt = Vigil::default().after(false, true);
        assert_eq!(prompt, Vigil::Awake);
        assert_eq!(Vigil::default().after(false, false), Vigil::Asleep(0), "a slow peer is slept for");
        assert_eq!(prompt.after(false, true), Vigil::Awake, "no permit this time, and still prompt");
        assert_eq!(prompt.after(false, false), Vigil::Asleep(0));
        let mut vigil = prompt.after(true, false);
        for _ in 0..REST {
            assert_ne!(vigil, Vigil::Awake);
            vigil = vigil.after(false, true);
        }
        assert_eq!(vigil.after(false, true), Vigil::Awake, "another try");
    }

    #[test]
    fn what_is_there_already_says_nothing_of_the_peer() {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
        socket.send_to(b"x", socket.local_addr().expect("its address")).expect("sent");
        for before in [Vigil::Awake, Vigil::Asleep(0), Vigil::Asleep(7)] {
            let mut vigil = before;
            let found =
                vigil.wait([socket.as_fd()], LONG, || -> Option<()> { panic!("nothing to wait for") });
            assert!(found.expect("no error"));
            assert_eq!(vigil, before);
        }
    }

    #[test]
    fn what_comes_is_found_awake_with_a_permit_and_asleep_without() {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
        let (given_back, mut vigil) = (Cell::new(0), Vigil::Awake);
        for has_permit in [true, true, false] {
            let found = vigil.wait([socket.as_fd()], LONG, || {
                socket.send_to(b"x", socket.local_addr().expect("its address")).expect("sent");
                has_permit.then(|| GivenBack(&given_back))
            });
            assert!(found.expect("no error"));
            // Asleep it may have come promptly or not.
            assert!(vigil == Vigil::Awake || !has_permit);
            socket.recv(&mut [0]).expect("it was there");
        }
        assert_eq!(given_back.get(), 2);
    }

    /// A permit that counts when it is given back.
    struct GivenBack<'a>(&'a Cell<u32>);

    impl Drop for GivenBack<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn a_vigil_in_vain_ends_and_so_does_the_wait() {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
        let mut vigil = Vigil::Awake;
        let short = Duration::from_millis(1);
        assert!(!vigil.wait([socket.as_fd()], short, || Some(())).expect("no error"), "nothing comes");
        assert_eq!(vigil, Vigil::Asleep(REST));
    }
}
