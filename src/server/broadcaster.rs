//! Those who listen: one thread has all their connections, and writes to each what it has not heard yet.
//!
//! A listener is a place in the room's ring. What a socket has no room for waits in the ring, not here: of a slow
//! reader, the server keeps one event that is half sent, and the place. A heartbeat finds those who are gone; one who
//! takes nothing for a while is cut.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::lot::Moored;
use super::talk::{Heard, Listening, Ready, Talk, now};
use crate::http::event_stream::HEARTBEAT;
use crate::net::poller::{Arming, Interest, Key, Poller};
use crate::net::stream::{More, Moved};

/// After so long without a word a listener is sent a comment, to find out whether it is there (WHATWG HTML §9.2.7).
const HEARTBEAT_AFTER: Duration = Duration::from_secs(15);

/// A listener that takes nothing for so long is cut; also what the kernel waits for an acknowledgement.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// How often heartbeats, stuck listeners and absent members are looked for.
const ROUND: Duration = Duration::from_secs(1);

/// Takes listeners in, and serves them until it is ended.
#[derive(Debug)]
pub struct Broadcaster {
    talk: Arc<Talk>,
    poller: Poller,
    door: Mutex<Door>,
}

#[derive(Debug, Default)]
struct Door {
    newcomers: Vec<Listener>,
    is_shut: bool,
}

/// Somebody's connection, and what it has to hear.
#[derive(Debug)]
struct Listener {
    listening: Listening,
    moored: Box<Moored<Connection>>,
    /// An event that has been sent in part.
    half: Option<(Ready, usize)>,
    arming: Arming,
    /// What the poller looks out for.
    armed: Option<Interest>,
    /// When something was sent, or the sending began to fail.
    moved: Instant,
}

/// What came of an attempt to send all that there is.
enum Told {
    All,
    WouldWait,
    Gone,
}

impl Broadcaster {
    /// For this room.
    pub fn new(talk: Arc<Talk>) -> io::Result<Self> {
        let poller = Poller::new()?;
        poller.watch(&*talk)?;
        Ok(Self { talk, poller, door: Mutex::default() })
    }

    /// Takes a listener in. Its head has been sent.
    pub fn admit(&self, moored: Box<Moored<Connection>>, listening: Listening) {
        if let Err(error) = moored.connection.stream().give_up_after(STUCK_AFTER) {
            log::debug!("{}: {error}", moored.connection.peer());
        }
        let listener = Listener {
            listening,
            moored,
            half: None,
            arming: Arming::First,
            armed: None,
            moved: Instant::now(),
        };
        let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        if !door.is_shut {
            door.newcomers.push(listener);
            drop(door);
            self.talk.ring();
        }
    }

    /// Ends every stream, and the thread that serves them.
    pub fn end(&self) {
        self.door.lock().unwrap_or_else(PoisonError::into_inner).is_shut = true;
        self.talk.ring();
    }

    /// Serves until it is ended.
    pub fn run(&self) {
        let mut listeners: HashMap<u64, Listener> = HashMap::new();
        let (mut number, mut round, mut ready) = (0, Instant::now(), Vec::new());
        loop {
            let waited = self.poller.wait_for(&mut ready, ROUND);
            if let Err(error) = waited {
                log::error!("the listeners' poller failed: {error}");
                return;
            }
            let Some(newcomers) = self.newcomers() else { return };
            for newcomer in newcomers {
                number += 1;
                listeners.insert(number, newcomer);
                ready.push(Key(number));
            }
            let is_rung = ready.contains(&Key::WAKE);
            for Key(number) in ready.drain(..) {
                let stays = listeners.get_mut(&number).is_none_or(|listener| self.attend(number, listener));
                if !stays {
                    listeners.remove(&number);
                }
            }
            if is_rung {
                self.talk.hush();
                listeners.retain(|number, listener| self.tell(*number, listener));
            }
            if round.elapsed() >= ROUND {
                round = Instant::now();
                self.mind_absent();
                listeners.retain(|_, listener| listener.is_alive(round));
            }
        }
    }

    /// Who has come; `None` when it is over.
    fn newcomers(&self) -> Option<Vec<Listener>> {
        let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        if door.is_shut { None } else { Some(std::mem::take(&mut door.newcomers)) }
    }

    /// A listener's socket has something: its end, or room again.
    fn attend(&self, number: u64, listener: &mut Listener) -> bool {
        listener.armed = None;
        !listener.has_ended() && self.tell(number, listener)
    }

    /// Sends a listener what it has not heard; whether it stays.
    fn tell(&self, number: u64, listener: &mut Listener) -> bool {
        let interest = match listener.tell() {
            Told::All => Interest::Readable,
            Told::WouldWait => Interest::Writable,
            Told::Gone => return false,
        };
        if listener.armed.replace(interest) == Some(interest) {
            return true;
        }
        let arming = std::mem::replace(&mut listener.arming, Arming::Again);
        self.poller.arm(&listener.moored.connection, Key(number), interest, arming).is_ok()
    }

    /// Lets those go who have been away for too long.
    fn mind_absent(&self) {
        let left = self.talk.room().on_time(now());
        for person in &left {
            log::info!("{} is gone", person.name);
        }
        if !left.is_empty() {
            self.talk.ring();
        }
    }
}

impl Listener {
    /// Sends what there is room for.
    fn tell(&mut self) -> Told {
        loop {
            let (bytes, at) = match self.half.take() {
                Some(half) => half,
                None => match self.listening.hear() {
                    Heard::Bytes(bytes) => (bytes, 0),
                    Heard::Nothing => return Told::All,
                    Heard::Over => return Told::Gone,
                },
            };
            match self.moored.connection.stream().write(&bytes[at..], More::Ends) {
                Ok(Moved::Bytes(count)) => {
                    self.moved = Instant::now();
                    if at + count < bytes.len() {
                        self.half = Some((bytes, at + count));
                    }
                }
                Ok(Moved::WouldWait | Moved::End) => {
                    self.half = Some((bytes, at));
                    return Told::WouldWait;
                }
                Err(_) => return Told::Gone,
            }
        }
    }

    /// Whether the client has closed. What it sends is not asked for, and thrown away.
    fn has_ended(&self) -> bool {
        let mut bytes = [0; 512];
        matches!(self.moored.connection.stream().read(&mut bytes), Ok(Moved::End) | Err(_))
    }

    /// Looked at now and then: sends a heartbeat where it is time, and says whether the listener still takes anything.
    fn is_alive(&mut self, now: Instant) -> bool {
        let quiet = now.saturating_duration_since(self.moved);
        if self.half.is_some() {
            return quiet < STUCK_AFTER;
        }
        if quiet < HEARTBEAT_AFTER {
            return true;
        }
        self.moved = now;
        match self.moored.connection.stream().write(HEARTBEAT, More::Ends) {
            Ok(Moved::Bytes(count)) if count < HEARTBEAT.len() => {
                self.half = Some((Ready::from(HEARTBEAT), count));
                true
            }
            Ok(_) => true,
            Err(_) => false,
        }
    }
}
