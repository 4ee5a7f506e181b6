//! epoll, as far as it is needed here: an event or two a wait, and each arming good for one event.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

/// Waits for many descriptors at once.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
}

/// What an event is for: any number that the caller can make something of, but [`Key::WAKE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(pub u64);

impl Key {
    /// The key of the descriptor that [`Poller::watch`] was given.
    pub const WAKE: Self = Self(u64::MAX);
}

/// What a descriptor is armed for. Never both: a connection waits for one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Something to read, or the other side's end (RDHUP).
    Readable,
    /// Room to write.
    Writable,
}

/// Whether the poller has seen this descriptor before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arming {
    /// It has not.
    First,
    /// It has.
    Again,
}

impl Poller {
    /// One that watches nothing yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    /// Arms a descriptor for one event. A closed descriptor leaves by itself.
    pub fn arm(&self, source: impl AsFd, key: Key, interest: Interest, arming: Arming) -> io::Result<()> {
        let flags = match interest {
            Interest::Readable => EventFlags::IN | EventFlags::RDHUP,
            Interest::Writable => EventFlags::OUT,
        } | EventFlags::ONESHOT;
        match arming {
            Arming::First => epoll::add(&self.epoll, source, EventData::new_u64(key.0), flags)?,
            Arming::Again => epoll::modify(&self.epoll, source, EventData::new_u64(key.0), flags)?,
        }
        Ok(())
    }

    /// Watches a descriptor that, once it is readable, wakes everybody who waits, then and ever after.
    pub fn watch(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, source, EventData::new_u64(Key::WAKE.0), EventFlags::IN)?)
    }

    /// Waits for events, at most so long, and adds their keys: as many as there are, up to some hundred.
    pub fn wait_for(&self, keys: &mut Vec<Key>, at_most: Duration) -> io::Result<()> {
        let mut events = [const { MaybeUninit::<Event>::uninit() }; 256];
        let at_most = Timespec::try_from(at_most).map_err(io::Error::other)?;
        match epoll::wait(&self.epoll, &mut events, Some(&at_most)) {
            Ok((found, _)) => keys.extend(found.iter().map(|event| Key(event.data.u64()))),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Waits for an event, however long it takes; gives a second one too, if that is there already.
    pub fn wait(&self) -> io::Result<(Key, Option<Key>)> {
        let mut events = [const { MaybeUninit::<Event>::uninit() }; 2];
        loop {
            match epoll::wait(&self.epoll, &mut events, None) {
                Ok((found, _)) => {
                    let mut keys = found.iter().map(|event| Key(event.data.u64()));
                    if let Some(first) = keys.next() {
                        return Ok((first, keys.next()));
                    }
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
