//! Those who listen: one thread has all their connections, and writes to each what it has not heard yet.
//!
//! A listener is a place in the room's ring. What a socket has no room for waits in the ring, not here: of a slow
//! reader, the server keeps one event that is half sent, and the place. A heartbeat finds those who are gone; one who
//! takes nothing for a while is cut.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::connection_table::Tracked;
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
    tracked: Box<Tracked<Connection>>,
    /// An event or a heartbeat that has not been sent, or in part only.
    half: Option<(Ready, usize)>,
    arming: Arming,
    /// What the poller looks out for.
    armed: Option<Interest>,
    /// When something was sent.
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
    pub fn admit(&self, tracked: Box<Tracked<Connection>>, listening: Listening) {
        if let Err(error) = tracked.connection.stream().give_up_after(STUCK_AFTER) {
            log::debug!("{}: {error}", tracked.connection.peer());
        }
        let listener = Listener {
            listening,
            tracked,
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
        let (mut number, mut round, mut events) = (0, Instant::now(), Vec::new());
        loop {
            let waited = self.poller.wait(&mut events, Some(ROUND));
            if let Err(error) = waited {
                log::error!("the listeners' poller failed: {error}");
                self.end();
            }
            let mut ready: Vec<Key> = events.drain(..).map(|event| event.key).collect();
            let is_rung = ready.contains(&Key::WAKE);
            if is_rung {
                // Before looking at anything that it is rung for: what comes from now on rings it again.
                self.talk.hush();
            }
            let Some(newcomers) = self.newcomers() else { return };
            for newcomer in newcomers {
                number += 1;
                listeners.insert(number, newcomer);
                ready.push(Key(number));
            }
            for Key(number) in ready {
                let listener = listeners.get_mut(&number);
                let stays = listener.is_none_or(|listener| spared(|| self.attend(number, listener)));
                if !stays {
                    listeners.remove(&number);
                }
            }
            if is_rung {
                listeners.retain(|number, listener| spared(|| self.tell(*number, listener)));
            }
            if round.elapsed() >= ROUND {
                round = Instant::now();
                self.mind_absent();
                listeners.retain(|number, listener| spared(|| self.look_after(*number, listener, round)));
            }
        }
    }

    /// Who has come; `None` when it is over, and who came just before has to go too.
    fn newcomers(&self) -> Option<Vec<Listener>> {
        let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        let newcomers = std::mem::take(&mut door.newcomers);
        (!door.is_shut).then_some(newcomers)
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
        self.poller.arm(&listener.tracked.connection, Key(number), interest, arming).is_ok()
    }

    /// Sends a listener a heartbeat where it is time; whether it stays, as it still takes what it is sent.
    fn look_after(&self, number: u64, listener: &mut Listener, now: Instant) -> bool {
        let quiet = now.saturating_duration_since(listener.moved);
        match listener.half {
            Some(_) => quiet < STUCK_AFTER,
            None if quiet < HEARTBEAT_AFTER => true,
            None => {
                listener.half = Some((Ready::from(HEARTBEAT), 0));
                self.tell(number, listener)
            }
        }
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

/// Does something for one listener, and says whether it stays. A panic costs that listener alone, and not all streams.
fn spared(act: impl FnOnce() -> bool) -> bool {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| {
        log::error!("a listener could not be served; its stream was ended");
        false
    })
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
            match self.tracked.connection.stream().write(&bytes[at..], More::Ends) {
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
        matches!(self.tracked.connection.stream().read(&mut bytes), Ok(Moved::End) | Err(_))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::chat::name::Name;
    use crate::chat::place::Place;
    use crate::chat::room::MAX_SUBSCRIBERS;
    use crate::chat::token::{SECRET_LEN, Secret};
    use crate::net::peer::Peer;
    use crate::net::poller::Event;
    use crate::net::stream::Stream;
    use crate::server::connection_table::{Capacity, ConnectionTable};
    use crate::server::lead::Lead;
    use crate::server::timing::IdleClock;

    /// A room with one member, and a listener of theirs at its door.
    struct Scene {
        table: ConnectionTable<Connection>,
        broadcaster: Broadcaster,
        client: UnixStream,
    }

    impl Scene {
        fn new() -> Self {
            let talk = Arc::new(Talk::new(MAX_SUBSCRIBERS).expect("a descriptor"));
            let name = Name::new("ann").expect("a name");
            talk.room().join(name, Secret::new([7; SECRET_LEN]), Place::Here, now()).expect("joined");
            let who = talk.room().who().next().expect("ann").clone();
            let (server, client) = UnixStream::pair().expect("two sockets");
            let peer = Peer::of_unix(&server);
            let stream = Stream::Unix(server, peer);
            let active = Arc::new(IdleClock::new(None, Instant::now())).begin();
            let (listening, _) = talk.listen(who, None, peer, active).expect("a place");
            let capacity = Capacity { connections: 1, spare: 0, descriptors: 1 };
            let table = ConnectionTable::new(capacity, Arc::new(Lead::new(1))).expect("a poller");
            let tracked = table.admit(Connection::new(stream), Place::Here).expect("a place");
            let broadcaster = Broadcaster::new(talk).expect("a poller");
            broadcaster.admit(tracked, listening);
            Self { table, broadcaster, client }
        }

        fn newcomer(&self) -> Listener {
            self.broadcaster.newcomers().and_then(|mut newcomers| newcomers.pop()).expect("a newcomer")
        }
    }

    #[test]
    fn who_comes_just_before_the_end_goes_too() {
        let Scene { table, broadcaster, .. } = Scene::new();
        broadcaster.end();
        broadcaster.run();
        assert_eq!((broadcaster.talk.room().subscribers(), table.open()), (0, 0));
    }

    #[test]
    fn a_panic_costs_one_listener() {
        assert!(spared(|| true) && !spared(|| panic!("on purpose")));
    }

    #[test]
    fn who_does_not_take_a_heartbeat_is_written_to_again_and_cut_in_the_end() {
        let mut scene = Scene::new();
        let mut listener = scene.newcomer();
        let mut sent = 0;
        while let Moved::Bytes(count) =
            listener.tracked.connection.stream().write(&[b' '; 4096], More::Ends).expect("open")
        {
            sent += count;
        }
        let (key, moved) = (7, listener.moved);
        let broadcaster = &scene.broadcaster;
        assert!(broadcaster.look_after(key, &mut listener, moved + HEARTBEAT_AFTER));
        assert!(listener.half.is_some(), "the heartbeat waits");
        assert!(broadcaster.look_after(key, &mut listener, moved + HEARTBEAT_AFTER + ROUND), "some patience");
        assert!(!broadcaster.look_after(key, &mut listener, moved + STUCK_AFTER), "not any more");
        scene.client.read_exact(&mut vec![0; sent]).expect("all that was sent");
        broadcaster.talk.hush();
        let mut ready = Vec::new();
        broadcaster.poller.wait(&mut ready, Some(STUCK_AFTER)).expect("a poller");
        assert_eq!(ready, [Event { key: Key(key), may_leave_more: false }], "there is room again");
        assert!(broadcaster.attend(key, &mut listener));
        let mut heartbeat = [0; HEARTBEAT.len()];
        scene.client.read_exact(&mut heartbeat).expect("a heartbeat");
        assert_eq!(heartbeat, HEARTBEAT);
    }
}
