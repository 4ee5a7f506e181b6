//! A random walk of several servers over one stream, which is trimmed, lost, and cut at its end.
//!
//! Every listener receives a subsequence in one order. It misses no acknowledged message, unless it was reset.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::chat::epoch::Epoch;
use crate::chat::shared::walk::{Anchor, Batch, StreamStep, StreamWalk};
use crate::chat::stream_id::StreamId;

const SERVERS: usize = 3;
const LISTENERS: usize = 4;

/// One step of the random walk. Numbers choose a server or a listener, modulo.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// A member says something, perhaps to one other, and waits for the replica or not.
    Say { from: usize, to: Option<usize>, waits: bool },
    /// A server reads some entries.
    Read(usize, usize),
    /// A listener receives some events.
    Hear(usize, usize),
    /// A listener continues at another server.
    Move(usize, usize),
    /// A server starts again, without what it knew.
    Restart(usize),
    /// The stream keeps only its newest entries.
    Trim(usize),
    /// The replica becomes the primary: the entries that nobody waited for are gone.
    Promote,
    /// The store starts again without its data.
    Lose,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let to = prop_oneof![2 => Just(None), 1 => (0..LISTENERS).prop_map(Some)];
    let act = prop_oneof![
        8 => (0..LISTENERS, to, any::<bool>()).prop_map(|(from, to, waits)| Act::Say { from, to, waits }),
        8 => (0..SERVERS, 1_usize..4).prop_map(|(server, count)| Act::Read(server, count)),
        6 => (0..LISTENERS, 1_usize..4).prop_map(|(listener, count)| Act::Hear(listener, count)),
        4 => (0..LISTENERS, 0..SERVERS).prop_map(|(listener, server)| Act::Move(listener, server)),
        1 => (0..SERVERS).prop_map(Act::Restart),
        1 => (0_usize..6).prop_map(Act::Trim),
        1 => Just(Act::Promote),
        1 => Just(Act::Lose),
    ];
    prop::collection::vec(act, 0..150)
}

/// What the primary has, or the replica.
#[derive(Debug, Clone, Default)]
struct Data {
    epoch: Option<Epoch>,
    entries: Vec<(StreamId, EventKind)>,
}

/// A store that a test can break. The text of each message is its number, counted over all of time.
#[derive(Default)]
struct Store {
    primary: Data,
    replica: Data,
    said: u64,
    /// The numbers of the messages that were acknowledged, and who may see them.
    acknowledged: BTreeMap<u64, Option<[usize; 2]>>,
    epochs: u64,
}

impl Store {
    fn say(&mut self, from: usize, to: Option<usize>, waits: bool) {
        self.said += 1;
        let (from_person, text) = (person(from), text(&self.said.to_string()));
        let kind = match to {
            Some(to) => EventKind::Private { from: from_person, to: person(to), text },
            None => EventKind::Message { from: from_person, text },
        };
        self.primary.entries.push((StreamId::of_parts((self.said, 0)), kind));
        if waits {
            self.replica = self.primary.clone();
            self.acknowledged.insert(self.said, to.map(|to| [from, to]));
        }
    }

    fn trim(&mut self, keep: usize) {
        for data in [&mut self.primary, &mut self.replica] {
            let gone = data.entries.len().saturating_sub(keep);
            data.entries.drain(..gone);
        }
    }

    fn read(&self, after: StreamId, count: usize) -> Batch<EventKind> {
        let entries = &self.primary.entries;
        let newer = entries.iter().filter(|(id, _)| *id > after);
        let is_there = entries.iter().any(|(id, _)| *id == after);
        let oldest = entries.first().map(|(id, _)| *id);
        Batch {
            entries: newer.clone().take(count).cloned().collect(),
            is_last: newer.count() <= count,
            anchor: if is_there { Anchor::There } else { Anchor::Missing(oldest) },
            epoch: self.primary.epoch,
        }
    }

    fn renew(&mut self, old: Option<Epoch>) {
        if self.primary.epoch == old {
            self.epochs += 1;
            self.primary.epoch = Some(Epoch::new(self.epochs, KEY));
        }
    }
}

struct Server {
    walk: StreamWalk<EventKind>,
    room: Room<Arc<[u8]>, ()>,
    /// Messages up to this number were heard here, or are gone.
    heard: u64,
}

impl Server {
    fn new() -> Self {
        let room = Room::new(EPOCH, KEY, MAX_SUBSCRIBERS, ready).of_stream();
        Self { walk: StreamWalk::default(), room, heard: 0 }
    }

    fn read(&mut self, store: &mut Store, count: usize, now: Now) {
        match self.walk.take(store.read(self.walk.after(), count)) {
            StreamStep::More => {}
            StreamStep::Renew(old) => store.renew(old),
            StreamStep::Loaded(epoch, entries) => {
                let members: Vec<_> = (0..LISTENERS).map(person).collect();
                self.room.load((&epoch, 7), entries, &members, now);
                self.heard = store.said;
            }
            StreamStep::New(entries) => {
                for (id, kind) in entries {
                    self.heard = number(&kind);
                    self.room.hear(id, kind, now);
                }
            }
        }
    }
}

struct Listener {
    index: usize,
    server: usize,
    /// The stream, and the id of the last event; `None` until the server has loaded the room.
    stream: Option<Subscription>,
    last: Option<EventId>,
    /// Messages up to this number need not be received.
    excused: u64,
    received: Vec<u64>,
}

impl Listener {
    fn hear(&mut self, servers: &mut [Server], count: usize) {
        let server = &mut servers[self.server];
        if self.stream.is_none() && !self.open(server) {
            return;
        }
        let Some(stream) = &mut self.stream else { return };
        for _ in 0..count {
            match server.room.next(stream, |_| true) {
                StreamItem::Event(posted) => {
                    if let EventKind::Private { from, to, .. } = &posted.event.kind {
                        assert!([from, to].contains(&&person(self.index)), "a private message of others");
                    }
                    self.received.push(number(&posted.event.kind));
                    self.last = Some(posted.event.id);
                }
                StreamItem::Lapped => {
                    self.last = Some(server.room.welcome(stream).unwrap().id);
                    self.excused = server.heard;
                }
                StreamItem::NothingYet => return,
                StreamItem::Over => panic!("the member is in the room"),
            }
        }
    }

    fn open(&mut self, server: &mut Server) -> bool {
        let last = self.last.map(|id| id.to_string());
        let Ok((stream, start)) = server.room.subscribe(MemberId(self.index as u64 + 1), last.as_deref())
        else {
            return false;
        };
        if start != Start::Resumed {
            self.last = Some(server.room.welcome(&stream).unwrap().id);
            self.excused = server.heard;
        }
        self.stream = Some(stream);
        true
    }

    fn cut(&mut self, servers: &mut [Server], now: Now) {
        if let Some(stream) = self.stream.take() {
            servers[self.server].room.unsubscribe(stream, now);
        }
    }
}

fn person(index: usize) -> Person {
    Person { id: MemberId(index as u64 + 1), name: name(&format!("m{index}")) }
}

fn number(kind: &EventKind) -> u64 {
    match kind {
        EventKind::Message { text, .. } | EventKind::Private { text, .. } => text.as_str().parse().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn play(acts: &[Act]) {
    let now = Now { steady: Instant::now(), wall: SystemTime::UNIX_EPOCH };
    let mut store = Store::default();
    let mut servers: Vec<_> = (0..SERVERS).map(|_| Server::new()).collect();
    let mut listeners: Vec<_> = (0..LISTENERS)
        .map(|index| Listener {
            index,
            server: index % SERVERS,
            stream: None,
            last: None,
            excused: 0,
            received: Vec::new(),
        })
        .collect();
    for act in acts {
        match *act {
            Act::Say { from, to, waits } => store.say(from, to, waits),
            Act::Read(server, count) => servers[server].read(&mut store, count, now),
            Act::Hear(listener, count) => listeners[listener].hear(&mut servers, count),
            Act::Move(listener, server) => {
                listeners[listener].cut(&mut servers, now);
                listeners[listener].server = server;
            }
            Act::Restart(server) => {
                let here = listeners.iter_mut().filter(|listener| listener.server == server);
                here.for_each(|listener| listener.cut(&mut servers, now));
                servers[server] = Server::new();
            }
            Act::Trim(keep) => store.trim(keep),
            Act::Promote => store.primary = store.replica.clone(),
            Act::Lose => (store.primary, store.replica) = Default::default(),
        }
    }
    // The first message may lead to a new epoch, and the second to a reset. What comes after that shows whether anything is
    // missing.
    for _ in 0..4 {
        store.say(0, None, true);
        for server in &mut servers {
            // Loading begins again at most once for each of the three reasons.
            (0..10).for_each(|_| server.read(&mut store, usize::MAX, now));
        }
        for listener in &mut listeners {
            listener.hear(&mut servers, usize::MAX);
        }
    }
    for Listener { index, received, excused, .. } in &listeners {
        assert!(received.windows(2).all(|pair| pair[0] < pair[1]), "{index}: {received:?}");
        for (number, seen_by) in store.acknowledged.range(excused + 1..) {
            let is_due = seen_by.is_none_or(|members| members.contains(index));
            assert!(!is_due || received.contains(number), "{index} lacks {number}: {received:?}, {excused}");
        }
        assert_eq!(received.last(), Some(&store.said), "{index} receives what is said in the end");
    }
}

proptest! {
    #[test]
    fn acknowledged_messages_arrive_in_one_order_unless_a_listener_is_reset(acts in acts()) {
        play(&acts);
    }
}

#[test]
fn a_listener_continues_at_a_server_that_is_behind() {
    let say = Act::Say { from: 0, to: None, waits: true };
    let (load, hear) =
        ([Act::Read(0, 9), Act::Read(0, 9), Act::Read(1, 9), Act::Read(1, 9)], Act::Hear(0, 9));
    let rest = [hear, say, Act::Read(0, 9), hear, Act::Move(0, 1), hear, Act::Trim(0), say];
    play(&[&load[..], &rest[..]].concat());
}

/// The server that is behind does not send what the listener has seen, and does not reset it.
#[test]
fn nothing_is_repeated_at_a_server_that_is_behind() {
    let now = Now { steady: Instant::now(), wall: SystemTime::UNIX_EPOCH };
    let (mut store, mut servers) = (Store::default(), [Server::new(), Server::new()]);
    store.say(0, None, true);
    for server in &mut servers {
        (0..3).for_each(|_| server.read(&mut store, 9, now));
    }
    let mut listener =
        Listener { index: 0, server: 0, stream: None, last: None, excused: 0, received: Vec::new() };
    listener.hear(&mut servers, 9);
    store.say(0, None, true);
    servers[0].read(&mut store, 9, now);
    listener.hear(&mut servers, 9);
    listener.cut(&mut servers, now);
    listener.server = 1;
    for _ in 0..2 {
        listener.hear(&mut servers, 9);
        servers[1].read(&mut store, 9, now);
        store.say(0, None, true);
    }
    listener.hear(&mut servers, 9);
    assert_eq!((listener.received, listener.excused), (vec![2, 3], 1));
}
