//! The broadcaster: one thread that holds the connections of all subscribers and sends them events.
//!
//! A subscriber is a position in the chat room's ring, or follows a directory. Events that do not fit into a socket wait in the ring, not here.
//! For a slow reader, the broadcaster keeps only one partly sent event and the position. Heartbeats find dead
//! connections; a subscriber that reads nothing for a while is disconnected.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::http::event_stream::HEARTBEAT;
use crate::net::poller::{Arming, Interest, PollKey, Poller};
use crate::net::transport::{More, Transferred};
use crate::server::chat::state::{ChatState, EncodedEvent, NextBytes, now};
use crate::server::connection::Connection;
use crate::server::connections::tracked::Tracked;
use crate::server::moment::Moment;
use crate::server::served_stream::ServedStream;
use crate::server::waker::Waker;

/// After this time without an event, the server sends a comment to a subscriber, to find out whether it is still
/// connected (WHATWG HTML §9.2.7).
const HEARTBEAT_AFTER: Duration = Duration::from_secs(15);

/// A subscriber that reads nothing for this long is disconnected. The kernel waits just as long for an acknowledgement.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// How often to send heartbeats and to look for stuck subscribers and absent members.
const ROUND: Duration = Duration::from_secs(1);

/// Accepts subscribers and serves them until it is ended.
#[derive(Debug)]
pub(super) struct Broadcaster {
    /// The chat, if there is one.
    chat: Option<Arc<ChatState>>,
    waker: Arc<Waker>,
    poller: Poller,
    inbox: Mutex<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    newcomers: Vec<Subscriber>,
    is_closed: bool,
}

/// The connection of a subscriber, and its event stream.
#[derive(Debug)]
struct Subscriber {
    events: ServedStream,
    tracked: Box<Tracked<Connection>>,
    /// An event or a heartbeat that has not been sent completely, and how many of its bytes have been.
    half: Option<(EncodedEvent, usize)>,
    arming: Arming,
    /// What the poller watches for.
    armed: Option<Interest>,
    /// When something was last sent.
    moved: Moment,
}

/// The result of sending all available events.
enum Delivery {
    All,
    WouldWait,
    Gone,
}

impl Broadcaster {
    /// A broadcaster for this chat, if there is one, and for those who follow directories.
    pub(super) fn new(chat: Option<Arc<ChatState>>, waker: Arc<Waker>) -> io::Result<Self> {
        let poller = Poller::new()?;
        poller.watch(&*waker)?;
        Ok(Self { chat, waker, poller, inbox: Mutex::default() })
    }

    /// Adds a subscriber, whose response head has been sent.
    pub(super) fn admit(&self, mut tracked: Box<Tracked<Connection>>, events: ServedStream) {
        if let Err(error) = tracked.connection.transport().give_up_after(STUCK_AFTER) {
            log::debug!("{}: {error}", tracked.connection.peer());
        }
        let subscriber = Subscriber {
            events,
            tracked,
            half: None,
            arming: Arming::First,
            armed: None,
            moved: Moment::now(),
        };
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        if !inbox.is_closed {
            inbox.newcomers.push(subscriber);
            drop(inbox);
            self.waker.wake();
        }
    }

    /// Ends every stream and the thread that serves them.
    pub(super) fn end(&self) {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.waker.wake();
    }

    /// Serves until [`Self::end`] is called.
    pub(super) fn run(&self) {
        let mut subscribers: HashMap<u64, Subscriber> = HashMap::new();
        let (mut number, mut round, mut events) = (0, Moment::now(), Vec::new());
        loop {
            let waited = self.poller.wait(&mut events, Some(ROUND));
            if let Err(error) = waited {
                log::error!("cannot poll the event streams: {error}");
                self.end();
            }
            let mut ready: Vec<PollKey> = events.drain(..).map(|event| event.key).collect();
            let is_woken = ready.contains(&PollKey::WAKE);
            if is_woken {
                // The wake is cleared before its events are sent, so that later events set it again.
                self.waker.clear();
            }
            let Some(newcomers) = self.newcomers() else { return };
            for newcomer in newcomers {
                number += 1;
                subscribers.insert(number, newcomer);
                ready.push(PollKey(number));
            }
            for PollKey(number) in ready {
                let subscriber = subscribers.get_mut(&number);
                let stays = subscriber.is_none_or(|subscriber| spared(|| self.attend(number, subscriber)));
                if !stays {
                    subscribers.remove(&number);
                }
            }
            if is_woken {
                subscribers.retain(|number, subscriber| spared(|| self.tell(*number, subscriber)));
            }
            if round.elapsed() >= ROUND {
                round = Moment::now();
                self.mind_absent();
                subscribers
                    .retain(|number, subscriber| spared(|| self.look_after(*number, subscriber, round)));
            }
        }
    }

    /// The new subscribers; `None` once the broadcaster has ended; then those that have just arrived are
    /// dropped.
    fn newcomers(&self) -> Option<Vec<Subscriber>> {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let newcomers = std::mem::take(&mut inbox.newcomers);
        (!inbox.is_closed).then_some(newcomers)
    }

    /// Handles an event on a subscriber's socket: it was closed, or is writable again.
    fn attend(&self, number: u64, subscriber: &mut Subscriber) -> bool {
        subscriber.armed = None;
        !subscriber.has_ended() && self.tell(number, subscriber)
    }

    /// Sends a subscriber the events that it lacks; returns whether it stays.
    fn tell(&self, number: u64, subscriber: &mut Subscriber) -> bool {
        let interest = match subscriber.tell() {
            Delivery::All => Interest::Readable,
            Delivery::WouldWait => Interest::Writable,
            Delivery::Gone => return false,
        };
        if subscriber.armed.replace(interest) == Some(interest) {
            return true;
        }
        let arming = std::mem::replace(&mut subscriber.arming, Arming::Again);
        self.poller.arm(&subscriber.tracked.connection, PollKey(number), interest, arming).is_ok()
    }

    /// Sends a heartbeat if it is due. Returns whether the subscriber stays: it must still read, and must still have
    /// the right to listen.
    fn look_after(&self, number: u64, subscriber: &mut Subscriber, now: Moment) -> bool {
        if !subscriber.events.may_go_on() {
            return false;
        }
        let quiet = now.since(subscriber.moved);
        match subscriber.half {
            Some(_) => quiet < STUCK_AFTER,
            None if quiet < HEARTBEAT_AFTER => true,
            None => {
                subscriber.half = Some((EncodedEvent::from(HEARTBEAT), 0));
                self.tell(number, subscriber)
            }
        }
    }

    /// Removes members that have been absent for too long.
    fn mind_absent(&self) {
        let Some(chat) = &self.chat else { return };
        let left = chat.room().on_time(now());
        for person in &left {
            log::info!("{} was absent for too long and left the chat", person.name);
        }
        if !left.is_empty() {
            self.waker.wake();
        }
    }
}

/// Calls `act` for one subscriber. Returns whether the subscriber stays. A panic ends only its stream.
fn spared(act: impl FnOnce() -> bool) -> bool {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| {
        log::error!("serving an event stream panicked; the stream was closed");
        false
    })
}

impl Subscriber {
    /// Sends as much as fits into the socket.
    fn tell(&mut self) -> Delivery {
        loop {
            let (bytes, at) = match self.half.take() {
                Some(half) => half,
                None => match self.events.next() {
                    NextBytes::Bytes(bytes) => (bytes, 0),
                    NextBytes::Nothing => {
                        return match self.tracked.connection.transport().flush() {
                            Ok(true) => Delivery::All,
                            Ok(false) => Delivery::WouldWait,
                            Err(_) => Delivery::Gone,
                        };
                    }
                    NextBytes::Over => return Delivery::Gone,
                },
            };
            match self.tracked.connection.transport().write(&bytes[at..], More::Ends) {
                Ok(Transferred::Bytes(count)) => {
                    self.moved = Moment::now();
                    if at + count < bytes.len() {
                        self.half = Some((bytes, at + count));
                    }
                }
                Ok(Transferred::WouldWait | Transferred::End) => {
                    self.half = Some((bytes, at));
                    return Delivery::WouldWait;
                }
                Err(_) => return Delivery::Gone,
            }
        }
    }

    /// Whether the client has closed the connection. Its input is read and discarded.
    fn has_ended(&mut self) -> bool {
        let mut bytes = [0; 512];
        matches!(self.tracked.connection.transport().read(&mut bytes), Ok(Transferred::End) | Err(_))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::access::{Access, Principal, Rights};
    use crate::chat::client_key::ClientKey;
    use crate::chat::name::Name;
    use crate::chat::room::MAX_SUBSCRIBERS;
    use crate::chat::token::{SECRET_LEN, Secret};
    use crate::net::peer::Peer;
    use crate::net::poller::PollEvent;
    use crate::net::transport::Transport;
    use crate::server::base::Base;
    use crate::server::connections::lead::Lead;
    use crate::server::connections::slot::Capacity;
    use crate::server::connections::table::ConnectionTable;
    use crate::server::request::ClientAddress;
    use crate::server::timing::IdleClock;

    /// A room with one member, and a subscriber of that member in the inbox.
    struct Scene {
        table: ConnectionTable<Connection>,
        broadcaster: Broadcaster,
        client: UnixStream,
        chat: Arc<ChatState>,
    }

    impl Scene {
        fn new() -> Self {
            let waker = Arc::new(Waker::new().expect("a descriptor"));
            let chat = ChatState::new(MAX_SUBSCRIBERS, Base::default(), None, Arc::clone(&waker));
            let chat = Arc::new(chat);
            let name = Name::new("ann").expect("a name");
            chat.room()
                .join(name, None, Secret::new([7; SECRET_LEN]), ClientKey::Here, now())
                .expect("joined");
            let who = chat.room().who().next().expect("ann").clone();
            let (server, client) = UnixStream::pair().expect("two sockets");
            let peer = Peer::of_unix(&server);
            let stream = Transport::Unix(server, peer);
            let active = Arc::new(IdleClock::new(None, Moment::now())).begin();
            let judge = Access::new(Rights::VIEW).judge(&Principal::anonymous(None));
            let (events, _) =
                chat.subscribe(who, None, ClientAddress::of_peer(peer), judge, active).expect("a free slot");
            let capacity = Capacity { connections: 1, spare: 0, descriptors: 1 };
            let table = ConnectionTable::new(capacity, Arc::new(Lead::new(1))).expect("a poller");
            let tracked =
                table.admit(Connection::new(stream, false, false), ClientKey::Here).expect("a free slot");
            let broadcaster = Broadcaster::new(Some(Arc::clone(&chat)), waker).expect("a poller");
            broadcaster.admit(tracked, ServedStream::Room(events));
            Self { table, broadcaster, client, chat }
        }

        fn newcomer(&self) -> Subscriber {
            self.broadcaster.newcomers().and_then(|mut newcomers| newcomers.pop()).expect("a new subscriber")
        }
    }

    #[test]
    fn a_subscriber_just_before_the_end_is_dropped() {
        let Scene { table, broadcaster, chat, .. } = Scene::new();
        broadcaster.end();
        broadcaster.run();
        assert_eq!((chat.room().subscribers(), table.open()), (0, 0));
    }

    #[test]
    fn a_panic_ends_one_stream() {
        assert!(spared(|| true) && !spared(|| panic!("on purpose")));
    }

    #[test]
    fn a_stuck_subscriber_is_retried_and_then_disconnected() {
        let mut scene = Scene::new();
        let mut subscriber = scene.newcomer();
        let mut sent = 0;
        while let Transferred::Bytes(count) =
            subscriber.tracked.connection.transport().write(&[b' '; 4096], More::Ends).expect("open")
        {
            sent += count;
        }
        let (key, moved) = (7, subscriber.moved);
        let broadcaster = &scene.broadcaster;
        assert!(broadcaster.look_after(key, &mut subscriber, moved + HEARTBEAT_AFTER));
        assert!(subscriber.half.is_some(), "the heartbeat waits");
        assert!(
            broadcaster.look_after(key, &mut subscriber, moved + HEARTBEAT_AFTER + ROUND),
            "some patience"
        );
        assert!(!broadcaster.look_after(key, &mut subscriber, moved + STUCK_AFTER), "disconnected");
        scene.client.read_exact(&mut vec![0; sent]).expect("all input");
        broadcaster.waker.clear();
        let mut ready = Vec::new();
        broadcaster.poller.wait(&mut ready, Some(STUCK_AFTER)).expect("a poller");
        assert_eq!(ready, [PollEvent { key: PollKey(key), may_leave_more: false }], "the socket is writable");
        assert!(broadcaster.attend(key, &mut subscriber));
        let mut heartbeat = [0; HEARTBEAT.len()];
        scene.client.read_exact(&mut heartbeat).expect("a heartbeat");
        assert_eq!(heartbeat, HEARTBEAT);
    }
}
