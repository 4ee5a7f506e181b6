//! Tests of the room: this file has what they share, and the modules below have the tests, by subject.

use std::time::{Duration, Instant, SystemTime};

use super::*;
use crate::chat::flood::{CLIENT, MEMBER};
use crate::chat::limits::{ABSENCE, MAX_MEMBERS, MEMBERS_PER_CLIENT, STREAMS_PER_MEMBER};
use crate::chat::token::SECRET_LEN;

mod limits;
mod members;
mod saying;
mod shared_walk;
mod streams;
mod walk;

const EPOCH: u64 = 0xfeed;
const KEY: [u8; KEY_LEN] = [9; KEY_LEN];

/// A room with its own clock, and members by name.
struct Scene {
    room: Room<Arc<[u8]>, ()>,
    now: Now,
    /// The number of joins so far, each from its own client.
    joined: u32,
}

fn ready(event: &Event) -> Arc<[u8]> {
    event.id.to_string().into_bytes().into()
}

fn text(words: &str) -> MessageText {
    MessageText::new(words.as_bytes()).unwrap()
}

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

/// An event in short: `ann: hi`, `ann>bob: hi`, `+ann`, `-ann`, `ann put a.txt 3`.
fn short(event: &Event) -> String {
    match &event.kind {
        EventKind::Message { from, text } => format!("{}: {}", from.name, text.as_str()),
        EventKind::Private { from, to, text } => format!("{}>{}: {}", from.name, to.name, text.as_str()),
        EventKind::Join { who } => format!("+{}", who.name),
        EventKind::Leave { who } => format!("-{}", who.name),
        EventKind::Upload { by, path, size, .. } => {
            format!("{by} put {} {size}", path.escape_ascii())
        }
        EventKind::Change { by, path, is_directory, change, .. } => {
            let path = format!("{}{}", path.escape_ascii(), if *is_directory { "/" } else { "" });
            match change {
                FileChange::Removed => format!("{by} removed {path}"),
                FileChange::Moved { from } => format!("{by} moved {} to {path}", from.escape_ascii()),
                FileChange::Restored => format!("{by} restored {path}"),
            }
        }
    }
}

fn shorts(events: &[Arc<Event>]) -> Vec<String> {
    events.iter().map(|event| short(event)).collect()
}

impl Scene {
    fn new() -> Self {
        Self::of(Room::new(EPOCH, KEY, MAX_SUBSCRIBERS, ready))
    }

    fn with_ring(items: usize) -> Self {
        Self::of(Room::with_bounds(Ids::new(EPOCH, KEY), ready, Bounds { items, weight: RING_BYTES }))
    }

    fn of(room: Room<Arc<[u8]>, ()>) -> Self {
        Self { room, now: Now { steady: Instant::now(), wall: SystemTime::UNIX_EPOCH }, joined: 0 }
    }

    fn pass(&mut self, time: Duration) {
        self.now.steady += time;
        self.now.wall += time;
    }

    fn try_join(&mut self, who: &str) -> Result<MemberToken, RoomError> {
        self.joined += 1;
        self.room.join(name(who), (), Secret::new([7; SECRET_LEN]), ClientKey::User(self.joined), self.now)
    }

    fn join(&mut self, who: &str) -> MemberId {
        self.try_join(who).unwrap().member()
    }

    /// Posts a message, after the pause that flood control requires.
    fn say(&mut self, who: MemberId, words: &str) -> EventId {
        self.pass(Duration::from_millis(50));
        self.room.say(who, text(words), self.now).unwrap()
    }

    fn say_to(&mut self, who: MemberId, to: &str, words: &str) -> Result<EventId, RoomError> {
        self.pass(Duration::from_millis(50));
        self.room.say_to(who, to, text(words), self.now)
    }

    fn listen(&mut self, who: MemberId) -> Subscription {
        self.room.subscribe(who, None).unwrap().0
    }

    fn resume(&mut self, who: MemberId, last: EventId) -> (Subscription, Start) {
        self.room.subscribe(who, Some(&last.to_string())).unwrap()
    }

    /// The number of the event with this id, or of the event before this place.
    fn seq(&self, id: EventId) -> u64 {
        self.room.ids.after(&id.to_string()).expect("an id of this room").passed()
    }

    /// The id of the newest event.
    fn newest(&self) -> EventId {
        self.room.ids.of_event(Position::after(self.room.ring.end().passed() - 1).unwrap())
    }

    /// Cuts a stream.
    fn cut(&mut self, stream: Subscription) {
        self.room.unsubscribe(stream, self.now);
    }

    /// All items of a stream, in short, with `LAPPED` and `OVER`.
    fn heard(&self, stream: &mut Subscription) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            match self.room.next(stream, |_| true) {
                StreamItem::Event(posted) => heard.push(short(&posted.event)),
                StreamItem::Lapped => heard.push("LAPPED".into()),
                StreamItem::NothingYet => return heard,
                StreamItem::Over => {
                    heard.push("OVER".into());
                    return heard;
                }
            }
        }
    }

    fn here(&self) -> Vec<String> {
        self.room.who().map(|person| person.name.to_string()).collect()
    }

    /// The members that leave because of absence after this time.
    fn gone_after(&mut self, time: Duration) -> Vec<String> {
        self.pass(time);
        self.room.on_time(self.now).iter().map(|person| person.name.to_string()).collect()
    }
}

const MOMENT: Duration = Duration::from_millis(1);
