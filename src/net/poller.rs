//! A small wrapper around epoll. One wait returns several events. A descriptor is armed for one event, or for all
//! events from then on.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// The maximum number of events per wait. Under load, this many requests share one system call.
pub const EVENTS: usize = 64;

/// Waits for many descriptors at once.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
}

/// Identifies the descriptor of an event: any number except [`PollKey::WAKE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollKey(pub u64);

impl PollKey {
    /// The key of the descriptor that [`Poller::watch`] was given.
    pub const WAKE: Self = Self(u64::MAX);
}

/// What a descriptor is armed for. A connection never waits to read and to write at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Data to read, or the end of the peer's stream (RDHUP): one event.
    Readable,
    /// Space to write: one event.
    Writable,
    /// Like [`Interest::Readable`], but with a further event whenever more arrives (EPOLLET), until the descriptor is
    /// armed differently. Use it only after everything was read: data that is left unread causes no event.
    News,
    /// Nothing: only a broken connection causes an event.
    Nothing,
}

/// What a wait reports about one descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollEvent {
    /// Identifies the descriptor.
    pub key: PollKey,
    /// Whether one read may leave something behind for which no further event comes. This is the end of the peer's
    /// stream, a broken connection, or data after urgent data, where a read stops (tcp(7)).
    pub may_leave_more: bool,
}

/// Whether the poller has seen this descriptor before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arming {
    /// No.
    First,
    /// Yes.
    Again,
}

impl PollEvent {
    fn of(event: &epoll::Event) -> Self {
        let more = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR | EventFlags::PRI;
        // Copied first: the struct is packed.
        let (flags, data) = (event.flags, event.data);
        Self { key: PollKey(data.u64()), may_leave_more: flags.intersects(more) }
    }
}

impl Poller {
    /// A poller that watches nothing yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    /// Arms a descriptor; if it is already ready, there is an event at once. A closed descriptor is removed
    /// automatically.
    pub fn arm(&self, source: impl AsFd, key: PollKey, interest: Interest, arming: Arming) -> io::Result<()> {
        let flags = match interest {
            Interest::Readable => EventFlags::IN | EventFlags::RDHUP | EventFlags::ONESHOT,
            Interest::Writable => EventFlags::OUT | EventFlags::ONESHOT,
            Interest::News => EventFlags::IN | EventFlags::RDHUP | EventFlags::PRI | EventFlags::ET,
            Interest::Nothing => EventFlags::ONESHOT,
        };
        match arming {
            Arming::First => epoll::add(&self.epoll, source, EventData::new_u64(key.0), flags)?,
            Arming::Again => epoll::modify(&self.epoll, source, EventData::new_u64(key.0), flags)?,
        }
        Ok(())
    }

    /// Stops watching a descriptor that another poller will watch from now on.
    pub fn forget(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, source)?)
    }

    /// Whether a descriptor is ready for what it was armed for; does not wait. If so, its event will come.
    /// [`Interest::News`] is the exception: data that a read has left causes no event. False if the system call fails.
    pub fn is_ready(source: impl AsFd, interest: Interest) -> bool {
        let flags = match interest {
            Interest::Readable | Interest::News => PollFlags::IN | PollFlags::RDHUP,
            Interest::Writable => PollFlags::OUT,
            Interest::Nothing => PollFlags::empty(),
        };
        let now = Timespec::default();
        poll(&mut [PollFd::new(&source, flags)], Some(&now)).is_ok_and(|count| count > 0)
    }

    /// Watches a descriptor: from the moment at which it is readable, all waits return at once.
    pub fn watch(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, source, EventData::new_u64(PollKey::WAKE.0), EventFlags::IN)?)
    }

    /// Waits for events, up to a timeout if there is one, and appends at most [`EVENTS`] of them. There may
    /// be none.
    pub fn wait(&self, events: &mut Vec<PollEvent>, at_most: Option<Duration>) -> io::Result<()> {
        let mut room = [const { MaybeUninit::<epoll::Event>::uninit() }; EVENTS];
        let at_most = at_most.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        match epoll::wait(&self.epoll, &mut room, at_most.as_ref()) {
            Ok((found, _)) => events.extend(found.iter().map(PollEvent::of)),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
