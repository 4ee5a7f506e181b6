//! The room's rules, each by itself.

use std::time::{Duration, Instant, SystemTime};

use super::*;
use crate::chat::flood::{MEMBER, PLACE};
use crate::chat::member::{ABSENCE, MAX_MEMBERS, MEMBERS_PER_PLACE, STREAMS_PER_MEMBER};
use crate::chat::token::SECRET_LEN;

mod walk;

const EPOCH: u64 = 0xfeed;

/// A room with a clock of its own, and people by name.
struct Scene {
    room: Room<Arc<[u8]>>,
    now: Now,
    /// How many have asked to join: each from a place of their own.
    joined: u32,
}

fn ready(event: &Event) -> Arc<[u8]> {
    event.id.to_string().into_bytes().into()
}

fn text(words: &str) -> Text {
    Text::new(words.as_bytes()).unwrap()
}

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

/// An event in short: `ann: hi`, `ann>bob: hi`, `+ann`, `-ann`, `ann put a.txt 3`.
fn short(event: &Event) -> String {
    match &event.kind {
        Kind::Message { from, text } => format!("{}: {}", from.name, text.as_str()),
        Kind::Private { from, to, text } => format!("{}>{}: {}", from.name, to.name, text.as_str()),
        Kind::Join { who } => format!("+{}", who.name),
        Kind::Leave { who } => format!("-{}", who.name),
        Kind::Upload { by, path, size } => {
            let by = match by {
                Uploader::Member(who) => who.name.as_str(),
                Uploader::Address(address) => address,
            };
            format!("{by} put {} {size}", path.escape_ascii())
        }
    }
}

fn shorts(events: &[Arc<Event>]) -> Vec<String> {
    events.iter().map(|event| short(event)).collect()
}

impl Scene {
    fn new() -> Self {
        Self::of(Room::new(EPOCH, MAX_SUBSCRIBERS, ready))
    }

    fn with_ring(items: usize) -> Self {
        Self::of(Room::with_bounds(EPOCH, ready, Bounds { items, weight: RING_BYTES }))
    }

    fn of(room: Room<Arc<[u8]>>) -> Self {
        Self { room, now: Now { steady: Instant::now(), wall: SystemTime::UNIX_EPOCH }, joined: 0 }
    }

    fn pass(&mut self, time: Duration) {
        self.now.steady += time;
        self.now.wall += time;
    }

    fn try_join(&mut self, who: &str) -> Result<Token, Refusal> {
        self.joined += 1;
        self.room.join(name(who), Secret::new([7; SECRET_LEN]), Place::User(self.joined), self.now)
    }

    fn join(&mut self, who: &str) -> MemberId {
        self.try_join(who).unwrap().member()
    }

    /// Says something, after as long a pause as flood control asks for.
    fn say(&mut self, who: MemberId, words: &str) -> EventId {
        self.pass(Duration::from_millis(50));
        self.room.say(who, text(words), self.now).unwrap()
    }

    fn say_to(&mut self, who: MemberId, to: &str, words: &str) -> Result<EventId, Refusal> {
        self.pass(Duration::from_millis(50));
        self.room.say_to(who, to, text(words), self.now)
    }

    fn listen(&mut self, who: MemberId) -> Subscription {
        self.room.subscribe(who, None).unwrap().0
    }

    fn resume(&mut self, who: MemberId, last: EventId) -> (Subscription, Start) {
        self.room.subscribe(who, Some(&last.to_string())).unwrap()
    }

    /// Cuts a stream.
    fn cut(&mut self, stream: Subscription) {
        self.room.unsubscribe(stream, self.now);
    }

    /// All that a stream has to give, in short, with `LAPPED` or `OVER` where it says so.
    fn heard(&self, stream: &mut Subscription) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            match self.room.next(stream) {
                Next::Event(posted) => heard.push(short(&posted.event)),
                Next::Lapped => heard.push("LAPPED".into()),
                Next::NothingYet => return heard,
                Next::Over => {
                    heard.push("OVER".into());
                    return heard;
                }
            }
        }
    }

    fn here(&self) -> Vec<String> {
        self.room.who().map(|person| person.name.to_string()).collect()
    }

    /// Who leaves by absence, after so long.
    fn gone_after(&mut self, time: Duration) -> Vec<String> {
        self.pass(time);
        self.room.on_time(self.now).iter().map(|person| person.name.to_string()).collect()
    }
}

const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn each_hears_what_is_for_them_once() {
    let mut scene = Scene::new();
    let [ann, bob, eve] = ["ann", "bob", "eve"].map(|who| scene.join(who));
    let mut streams = [ann, bob, eve].map(|who| scene.listen(who));
    let mut second_of_ann = scene.listen(ann);
    scene.say(ann, "to all");
    scene.say_to(ann, "BOB", "to one").unwrap();
    scene.say_to(eve, "eve", "to myself").unwrap();
    let by = Uploader::Address("192.0.2.1:4000".into());
    scene.room.announce_upload(by, b"a.txt".to_vec(), 3, scene.now);
    scene.room.leave(bob, scene.now).unwrap();
    let [a, b, e] = streams.each_mut().map(|stream| scene.heard(stream));
    let upload = "192.0.2.1:4000 put a.txt 3";
    let after_join = ["+bob", "+eve", "ann: to all", "ann>bob: to one", upload, "-bob"];
    assert_eq!(a, after_join, "the sender hears both, once");
    assert_eq!(b, ["OVER"], "who has left hears nothing more");
    assert_eq!(e, ["ann: to all", "eve>eve: to myself", upload, "-bob"]);
    assert_eq!(scene.heard(&mut second_of_ann), after_join[2..], "a second stream begins at its own time");
}

#[test]
fn a_private_message_reaches_both_ends() {
    let mut scene = Scene::new();
    let [ann, bob, eve] = ["ann", "bob", "eve"].map(|who| scene.join(who));
    let mut streams = [ann, bob, eve].map(|who| scene.listen(who));
    for stream in &mut streams {
        scene.heard(stream);
    }
    scene.say_to(ann, "bob", "psst").unwrap();
    let heard = streams.each_mut().map(|stream| scene.heard(stream));
    assert_eq!(heard, [vec!["ann>bob: psst".to_owned()], vec!["ann>bob: psst".to_owned()], vec![]]);
}

#[test]
fn a_private_message_is_for_the_member_not_for_the_name() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    let before = scene.say(ann, "x");
    scene.say_to(ann, "bob", "for the first bob").unwrap();
    scene.room.leave(bob, scene.now).unwrap();
    let second = scene.join("bob");
    let (mut stream, start) = scene.resume(second, before);
    assert_eq!((start, scene.heard(&mut stream)), (Start::Resumed, vec!["-bob".into(), "+bob".into()]));
}

#[test]
fn an_event_is_made_ready_once_for_all() {
    let mut scene = Scene::new();
    let mut streams = ["ann", "bob"].map(|who| {
        let member = scene.join(who);
        scene.listen(member)
    });
    scene.heard(&mut streams[0]);
    let by = Uploader::Address("x".into());
    scene.room.announce_upload(by, b"a".to_vec(), 0, scene.now);
    let [a, b] = streams.each_mut().map(|stream| match scene.room.next(stream) {
        Next::Event(posted) => Arc::clone(&posted.ready),
        other => panic!("{other:?}"),
    });
    assert!(Arc::ptr_eq(&a, &b));
}

#[test]
fn events_carry_their_time_and_their_id() {
    let mut scene = Scene::new();
    let ann = scene.join("ann");
    scene.pass(Duration::from_secs(5));
    let id = scene.say(ann, "hi");
    assert_eq!(id.to_string(), "000000000000feed-2");
    let mut stream = scene.listen(ann);
    let Next::Event(posted) = scene.room.next(&mut stream) else { panic!("nothing") };
    assert_eq!(posted.event.id, id);
    assert_eq!(posted.event.at, SystemTime::UNIX_EPOCH + Duration::from_millis(5050));
}

#[test]
fn names_are_free_or_taken() {
    let mut scene = Scene::new();
    let ann = scene.join("ann");
    let rows = [("taken", "ann", false), ("other case", "ANN", false), ("longer", "anna", true)];
    for (case, who, is_free) in rows {
        let expected = if is_free { None } else { Some(Refusal::NameTaken(name(who))) };
        assert_eq!(scene.try_join(who).err(), expected, "{case}");
    }
    scene.room.leave(ann, scene.now).unwrap();
    assert!(scene.try_join("Ann").is_ok(), "free at once after leaving");
    assert_eq!(scene.here(), ["anna", "Ann"], "in the order of joining");
}

#[test]
fn tokens_prove_who_asks() {
    let mut scene = Scene::new();
    let mut tokens = Vec::new();
    for (who, secret) in [("ann", 1), ("bob", 2), ("old", 3)] {
        tokens.push(
            scene.room.join(name(who), Secret::new([secret; SECRET_LEN]), Place::Here, scene.now).unwrap(),
        );
    }
    let [ann, bob, old] = [0, 1, 2].map(|index: usize| tokens[index].expose());
    scene.room.leave(tokens[2].member(), scene.now).unwrap();
    let (number, secret_of_bob) = (ann.split_once('-').unwrap().0, bob.split_once('-').unwrap().1);
    let rows = [
        ("ann's", ann.clone(), Some("ann")),
        ("bob's", bob.clone(), Some("bob")),
        ("of one who left", old, None),
        ("ann's number, bob's secret", format!("{number}-{secret_of_bob}"), None),
        ("a byte more", format!("{ann}00"), None),
        ("none", String::new(), None),
    ];
    for (case, token, expected) in rows {
        let found = scene.room.authenticate(&token).map(|person| person.name.as_str());
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn who_is_not_here_is_refused_everything() {
    let mut scene = Scene::new();
    let [ann, gone] = ["ann", "gone"].map(|who| scene.join(who));
    let stream = scene.listen(gone);
    scene.room.leave(gone, scene.now).unwrap();
    let now = scene.now;
    let refused = Some(Refusal::NotAMember);
    assert_eq!(scene.room.say(gone, text("x"), now).err(), refused);
    assert_eq!(scene.room.say_to(gone, "ann", text("x"), now).err(), refused);
    assert_eq!(scene.room.leave(gone, now).err(), refused);
    assert_eq!(scene.room.subscribe(gone, None).err(), refused);
    assert_eq!(scene.room.poll(gone, None, now).err(), refused);
    assert_eq!(scene.room.welcome(&stream).err(), refused);
    scene.cut(stream);
    let mut of_ann = scene.listen(ann);
    assert_eq!(scene.heard(&mut of_ann), ["+gone", "-gone"], "none of it was heard, and one leave");
}

#[test]
fn a_message_to_nobody_is_refused_to_its_sender_alone() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    let mut stream = scene.listen(bob);
    for to in ["carl", "", "no such", "server", "bo"] {
        assert_eq!(scene.say_to(ann, to, "hi"), Err(Refusal::NoSuchUser), "{to}");
    }
    assert_eq!(Refusal::NoSuchUser.to_string(), "User not found.");
    assert_eq!(scene.heard(&mut stream), [""; 0]);
}

#[test]
fn a_flood_is_refused_and_others_speak_on() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    let now = scene.now;
    let taken = (0..1000).filter(|_| scene.room.say(ann, text("x"), now).is_ok()).count();
    assert_eq!(taken, MEMBER.burst as usize);
    let Err(Refusal::TooFast { wait }) = scene.room.say_to(ann, "nobody", text("x"), now) else {
        panic!("private messages count too")
    };
    assert!(scene.room.say(bob, text("x"), now).is_ok());
    scene.pass(wait);
    assert!(scene.room.say(ann, text("x"), scene.now).is_ok(), "the wait was enough");
}

#[test]
fn tries_at_names_count_as_messages() {
    let mut scene = Scene::new();
    let ann = scene.join("ann");
    let now = scene.now;
    let tries = (0..1000).filter(|_| scene.room.say_to(ann, "x", text("x"), now) == Err(Refusal::NoSuchUser));
    assert_eq!(tries.count(), MEMBER.burst as usize);
}

#[test]
fn absence_is_judged_after_thirty_seconds() {
    let mut scene = Scene::new();
    let never = scene.join("never");
    assert_eq!(scene.gone_after(ABSENCE.saturating_sub(MOMENT)), [""; 0]);
    assert_eq!(scene.gone_after(MOMENT), ["never"], "who never listens leaves too");
    assert_eq!(scene.gone_after(ABSENCE), [""; 0], "once");
    assert_eq!(scene.room.leave(never, scene.now), Err(Refusal::NotAMember));

    let ann = scene.join("ann");
    let (first, second) = (scene.listen(ann), scene.listen(ann));
    scene.cut(first);
    assert_eq!(scene.gone_after(ABSENCE * 100), [""; 0], "one stream is enough");
    scene.cut(second);
    assert_eq!(scene.gone_after(ABSENCE.saturating_sub(MOMENT)), [""; 0]);
    assert_eq!(scene.gone_after(MOMENT), ["ann"]);
}

#[test]
fn coming_back_in_time_is_no_noise() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    let mut of_bob = scene.listen(bob);
    for _ in 0..5 {
        let stream = scene.listen(ann);
        scene.cut(stream);
        assert_eq!(scene.gone_after(ABSENCE.saturating_sub(MOMENT)), [""; 0]);
    }
    assert_eq!(scene.heard(&mut of_bob), [""; 0]);
    assert_eq!(scene.gone_after(MOMENT), ["ann"]);
    assert_eq!(scene.heard(&mut of_bob), ["-ann"], "heard once");
}

#[test]
fn speaking_and_polling_are_signs_of_life() {
    let mut scene = Scene::new();
    let [speaks, polls, silent] = ["speaks", "polls", "silent"].map(|who| scene.join(who));
    for _ in 0..3 {
        scene.pass(ABSENCE / 2);
        scene.say(speaks, "x");
        scene.room.poll(polls, None, scene.now).unwrap();
    }
    assert_eq!(scene.gone_after(MOMENT), ["silent"]);
    assert_eq!(scene.gone_after(ABSENCE), ["speaks", "polls"]);
    assert_eq!(scene.room.poll(silent, None, scene.now).err(), Some(Refusal::NotAMember));
}

#[test]
fn a_newcomer_is_shown_who_is_here_and_the_latest_talk() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    for count in 0..HISTORY + 5 {
        scene.say(ann, &count.to_string());
        scene.say_to(ann, "bob", "not public").unwrap();
    }
    let carl = scene.join("carl");
    let mut stream = scene.listen(carl);
    let welcome = scene.room.welcome(&stream).unwrap();
    assert_eq!(welcome.to.name.as_str(), "carl");
    let names: Vec<&str> = welcome.members.iter().map(|person| person.name.as_str()).collect();
    assert_eq!(names, ["ann", "bob", "carl"]);
    let expected: Vec<String> = (5..HISTORY + 5).map(|count| format!("ann: {count}")).collect();
    assert_eq!(shorts(&welcome.history), expected);
    scene.say(bob, "hi carl");
    assert_eq!(scene.heard(&mut stream), ["bob: hi carl"]);
    scene.cut(stream);
    let (mut again, start) = scene.resume(carl, welcome.id);
    assert_eq!((start, scene.heard(&mut again)), (Start::Resumed, vec!["bob: hi carl".into()]));
}

#[test]
fn nothing_is_lost_between_joining_and_listening() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    scene.say(ann, "before");
    let carl = scene.join("carl");
    scene.say(bob, "after");
    scene.say_to(ann, "carl", "psst").unwrap();
    let mut stream = scene.listen(carl);
    assert_eq!(shorts(&scene.room.welcome(&stream).unwrap().history), ["ann: before"]);
    assert_eq!(scene.heard(&mut stream), ["bob: after", "ann>carl: psst"]);
}

#[test]
fn history_outlives_the_ring() {
    let mut scene = Scene::with_ring(4);
    let ann = scene.join("ann");
    scene.say(ann, "public");
    for _ in 0..10 {
        scene.say_to(ann, "ann", "note").unwrap();
    }
    let stream = scene.listen(ann);
    assert_eq!(shorts(&scene.room.welcome(&stream).unwrap().history), ["ann: public"]);
}

#[test]
fn streams_resume_or_are_reset() {
    let mut scene = Scene::with_ring(4);
    let ann = scene.join("ann");
    let ids: Vec<EventId> = (0..8).map(|count| scene.say(ann, &count.to_string())).collect();
    let of = |index: usize| ids[index].to_string();
    let other_epoch = EventId { epoch: EPOCH + 1, seq: ids[7].seq }.to_string();
    let future = EventId { epoch: EPOCH, seq: ids[7].seq + 1 }.to_string();
    let last = EventId { epoch: EPOCH, seq: u64::MAX }.to_string();
    let rows: [(&str, String, Start, &[&str]); 10] = [
        ("the newest", of(7), Start::Resumed, &[]),
        ("within the ring", of(5), Start::Resumed, &["ann: 6", "ann: 7"]),
        ("right before the oldest", of(3), Start::Resumed, &["ann: 4", "ann: 5", "ann: 6", "ann: 7"]),
        ("the next is gone", of(2), Start::Reset, &[]),
        ("before a restart", other_epoch, Start::Reset, &[]),
        ("not said yet", future, Start::Reset, &[]),
        ("the last number", last, Start::Reset, &[]),
        ("no id", "7".into(), Start::Reset, &[]),
        ("empty", String::new(), Start::Reset, &[]),
        ("hostile", "\u{1b}[2J\n-".into(), Start::Reset, &[]),
    ];
    for (case, last, expected, heard) in rows {
        let (mut stream, start) = scene.room.subscribe(ann, Some(&last)).unwrap();
        assert_eq!(start, expected, "{case}");
        assert_eq!(scene.heard(&mut stream), heard, "{case}");
    }
}

#[test]
fn who_is_lapped_is_told_and_goes_on_from_now() {
    let mut scene = Scene::with_ring(4);
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    let (mut quick, mut slow) = (scene.listen(ann), scene.listen(bob));
    scene.heard(&mut quick);
    for count in 0..5 {
        scene.say(ann, &count.to_string());
        assert_eq!(scene.heard(&mut quick), [format!("ann: {count}")]);
    }
    assert!(matches!(scene.room.next(&mut slow), Next::Lapped));
    let welcome = scene.room.welcome(&slow).unwrap();
    assert_eq!(shorts(&welcome.history), ["ann: 0", "ann: 1", "ann: 2", "ann: 3", "ann: 4"]);
    scene.say(ann, "on");
    assert_eq!(scene.heard(&mut slow), ["ann: on"]);
}

#[test]
fn a_stream_cut_at_every_message_gets_each_once() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    let mut stream = scene.listen(bob);
    let mut last = scene.room.welcome(&stream).unwrap().id;
    let mut heard = Vec::new();
    for count in 0..10_000 {
        scene.say(ann, &count.to_string());
        if count % 3 == 0 {
            scene.cut(stream);
            stream = scene.resume(bob, last).0;
        }
        if count % 7 == 0 {
            while let Next::Event(posted) = scene.room.next(&mut stream) {
                heard.push(short(&posted.event));
                last = posted.event.id;
            }
        }
    }
    heard.extend(scene.heard(&mut stream));
    assert_eq!(heard, (0..10_000).map(|count| format!("ann: {count}")).collect::<Vec<_>>());
}

#[test]
fn polls_give_what_is_new() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    scene.say(ann, "old");
    let carl = scene.join("carl");
    scene.say_to(ann, "carl", "psst").unwrap();
    let poll = |scene: &mut Scene, last: Option<EventId>| {
        let last = last.map(|id| id.to_string());
        scene.room.poll(carl, last.as_deref(), scene.now).unwrap()
    };
    let first = poll(&mut scene, None);
    assert_eq!(
        (first.start, shorts(&first.events)),
        (Start::Fresh, vec!["ann: old".into(), "ann>carl: psst".into()])
    );
    scene.say_to(ann, "bob", "not for carl").unwrap();
    let second = poll(&mut scene, Some(first.last));
    assert_eq!((second.start, shorts(&second.events), second.more), (Start::Resumed, vec![], false));
    for count in 0..=POLL_EVENTS {
        scene.say(bob, &count.to_string());
    }
    let third = poll(&mut scene, Some(second.last));
    assert_eq!((third.events.len(), third.more), (POLL_EVENTS, true));
    let fourth = poll(&mut scene, Some(third.last));
    assert_eq!((shorts(&fourth.events), fourth.more), (vec![format!("bob: {POLL_EVENTS}")], false));
    let unknown = EventId { epoch: EPOCH + 1, seq: 1 };
    let reset = poll(&mut scene, Some(unknown));
    assert_eq!((reset.start, reset.events.len(), reset.last), (Start::Reset, HISTORY, fourth.last));
}

#[test]
fn the_room_has_limits() {
    let mut scene = Scene::new();
    let members: Vec<MemberId> = (0..MAX_MEMBERS).map(|count| scene.join(&format!("m{count}"))).collect();
    assert_eq!(scene.try_join("late").err(), Some(Refusal::RoomFull));
    scene.room.leave(members[0], scene.now).unwrap();
    assert!(scene.try_join("late").is_ok());

    for most in [MAX_SUBSCRIBERS, 2] {
        let mut scene = Scene::of(Room::new(EPOCH, most, ready));
        let bob = scene.join("bob");
        let others: Vec<_> = (0..most.min(512)).map(|count| scene.join(&format!("m{count}"))).collect();
        let mut streams: Vec<Subscription> =
            (0..most).map(|count| scene.listen(others[count % others.len()])).collect();
        assert_eq!(scene.room.subscribe(bob, None).err(), Some(Refusal::TooManyStreams(most)));
        scene.cut(streams.pop().unwrap());
        assert_eq!(scene.room.subscribers(), most - 1);
        assert!(scene.room.subscribe(bob, None).is_ok());
    }
}

#[test]
fn the_ring_is_bounded_in_bytes() {
    fn heavy(_: &Event) -> Vec<u8> {
        vec![0; 1000]
    }
    let now = Now { steady: Instant::now(), wall: SystemTime::UNIX_EPOCH };
    let mut room = Room::with_bounds(EPOCH, heavy, Bounds { items: 100, weight: 10_000 });
    let ann = room.join(name("ann"), Secret::new([0; SECRET_LEN]), Place::Here, now).unwrap().member();
    let ids: Vec<EventId> = (0..20).map(|_| room.say(ann, text(&"x".repeat(1000)), now).unwrap()).collect();
    let mut starts = ids.iter().map(|id| room.subscribe(ann, Some(&id.to_string())).unwrap().1);
    assert_eq!(starts.position(|start| start == Start::Resumed), Some(14), "five of 2,000 bytes are held");
}

#[test]
fn one_member_has_streams_enough() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    let mut streams: Vec<_> = (0..STREAMS_PER_MEMBER).map(|_| scene.listen(ann)).collect();
    assert_eq!(scene.room.subscribe(ann, None).unwrap_err(), Refusal::EnoughStreams);
    let _others = scene.listen(bob);
    assert_eq!(scene.room.subscribers(), STREAMS_PER_MEMBER + 1, "what was refused counts nowhere");
    scene.cut(streams.pop().unwrap());
    let _again = scene.listen(ann);
}

#[test]
fn one_place_does_not_fill_the_room() {
    let mut scene = Scene::new();
    let secret = || Secret::new([7; SECRET_LEN]);
    let office = Place::User(1_000_000);
    for count in 0..MEMBERS_PER_PLACE {
        scene.room.join(name(&format!("m{count}")), secret(), office, scene.now).unwrap();
    }
    let one_more = scene.room.join(name("more"), secret(), office, scene.now);
    assert_eq!(one_more.unwrap_err(), Refusal::PlaceFull);
    let ann = scene.join("ann");
    let first = scene.room.who().next().unwrap().id;
    scene.room.leave(first, scene.now).unwrap();
    scene.room.join(name("more"), secret(), office, scene.now).unwrap();
    scene.say(ann, "from elsewhere");
}

#[test]
fn who_comes_and_goes_all_the_time_is_slowed_and_so_is_a_choir() {
    let mut scene = Scene::new();
    let (secret, office) = (|| Secret::new([7; SECRET_LEN]), Place::User(1_000_000));
    let mut joined = 0;
    let wait = loop {
        match scene.room.join(name("revenant"), secret(), office, scene.now) {
            Ok(token) => scene.room.leave(token.member(), scene.now).unwrap(),
            Err(Refusal::TooFast { wait }) => break wait,
            Err(other) => panic!("{other}"),
        };
        joined += 1;
    };
    assert_eq!(joined, PLACE.burst);
    let ann = scene.join("ann");
    scene.say(ann, "from elsewhere, as ever");
    scene.pass(Duration::from_secs(10));
    let choir: Vec<_> = (0..100)
        .map(|n| scene.room.join(name(&format!("c{n}")), secret(), office, scene.now).unwrap().member())
        .collect();
    let mut sung = 0;
    for _ in 0..MEMBER.burst {
        for &member in &choir {
            sung += u32::from(scene.room.say(member, text("la"), scene.now).is_ok());
        }
    }
    assert_eq!(sung, PLACE.burst - 100, "joining took the rest");
    assert!(wait <= Duration::from_millis(5));
}
