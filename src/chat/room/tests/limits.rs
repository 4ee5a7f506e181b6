//! Limits of numbers, sizes and rates.

use super::*;

#[test]
fn a_flood_is_rejected_and_others_are_not_affected() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    let now = scene.now;
    let taken = (0..1000).filter(|_| scene.room.say(ann, text("x"), now).is_ok()).count();
    assert_eq!(taken, MEMBER.burst as usize);
    let Err(RoomError::TooFast { wait }) = scene.room.say_to(ann, "nobody", text("x"), now) else {
        panic!("private messages count too")
    };
    assert!(scene.room.say(bob, text("x"), now).is_ok());
    scene.pass(wait);
    assert!(scene.room.say(ann, text("x"), scene.now).is_ok(), "after the returned wait");
}

#[test]
fn messages_to_unknown_names_count() {
    let mut scene = Scene::new();
    let ann = scene.join("ann");
    let now = scene.now;
    let tries =
        (0..1000).filter(|_| scene.room.say_to(ann, "x", text("x"), now) == Err(RoomError::NoSuchUser));
    assert_eq!(tries.count(), MEMBER.burst as usize);
}

#[test]
fn the_room_has_limits() {
    let mut scene = Scene::new();
    let members: Vec<MemberId> = (0..MAX_MEMBERS).map(|count| scene.join(&format!("m{count}"))).collect();
    assert_eq!(scene.try_join("late").err(), Some(RoomError::RoomFull));
    scene.room.leave(members[0], scene.now).unwrap();
    assert!(scene.try_join("late").is_ok());

    for most in [MAX_SUBSCRIBERS, 2] {
        let mut scene = Scene::of(Room::new(EPOCH, KEY, most, ready));
        let bob = scene.join("bob");
        let others: Vec<_> = (0..most.min(512)).map(|count| scene.join(&format!("m{count}"))).collect();
        let mut streams: Vec<Subscription> =
            (0..most).map(|count| scene.listen(others[count % others.len()])).collect();
        assert_eq!(scene.room.subscribe(bob, None).err(), Some(RoomError::TooManyStreams(most)));
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
    let mut room = Room::with_bounds(Ids::new(EPOCH, KEY), heavy, Bounds { items: 100, weight: 10_000 });
    let ann =
        room.join(name("ann"), (), Secret::new([0; SECRET_LEN]), ClientKey::Here, now).unwrap().member();
    let ids: Vec<EventId> = (0..20).map(|_| room.say(ann, text(&"x".repeat(1000)), now).unwrap()).collect();
    let mut starts = ids.iter().map(|id| room.subscribe(ann, Some(&id.to_string())).unwrap().1);
    assert_eq!(starts.position(|start| start == Start::Resumed), Some(14), "five of 2,000 bytes are held");
}

#[test]
fn streams_per_member_are_limited() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    let mut streams: Vec<_> = (0..STREAMS_PER_MEMBER).map(|_| scene.listen(ann)).collect();
    assert_eq!(scene.room.subscribe(ann, None).unwrap_err(), RoomError::EnoughStreams);
    let _others = scene.listen(bob);
    assert_eq!(scene.room.subscribers(), STREAMS_PER_MEMBER + 1, "a rejected stream is not counted");
    scene.cut(streams.pop().unwrap());
    let _again = scene.listen(ann);
}

#[test]
fn one_place_cannot_fill_the_room() {
    let mut scene = Scene::new();
    let secret = || Secret::new([7; SECRET_LEN]);
    let office = ClientKey::User(1_000_000);
    for count in 0..MEMBERS_PER_CLIENT {
        scene.room.join(name(&format!("m{count}")), (), secret(), office, scene.now).unwrap();
    }
    let one_more = scene.room.join(name("more"), (), secret(), office, scene.now);
    assert_eq!(one_more.unwrap_err(), RoomError::PlaceFull);
    let ann = scene.join("ann");
    let first = scene.room.who().next().unwrap().id;
    scene.room.leave(first, scene.now).unwrap();
    scene.room.join(name("more"), (), secret(), office, scene.now).unwrap();
    scene.say(ann, "from elsewhere");
}

#[test]
fn joins_and_messages_of_one_place_are_limited() {
    let mut scene = Scene::new();
    let (secret, office) = (|| Secret::new([7; SECRET_LEN]), ClientKey::User(1_000_000));
    let mut joined = 0;
    let wait = loop {
        match scene.room.join(name("again"), (), secret(), office, scene.now) {
            Ok(token) => scene.room.leave(token.member(), scene.now).unwrap(),
            Err(RoomError::TooFast { wait }) => break wait,
            Err(other) => panic!("{other}"),
        };
        joined += 1;
    };
    assert_eq!(joined, CLIENT.burst);
    let ann = scene.join("ann");
    scene.say(ann, "from elsewhere");
    scene.pass(Duration::from_secs(10));
    let members: Vec<_> = (0..100)
        .map(|n| scene.room.join(name(&format!("m{n}")), (), secret(), office, scene.now).unwrap().member())
        .collect();
    let mut sent = 0;
    for _ in 0..MEMBER.burst {
        for &member in &members {
            sent += u32::from(scene.room.say(member, text("x"), scene.now).is_ok());
        }
    }
    assert_eq!(sent, CLIENT.burst - 100, "joining took the rest");
    assert!(wait <= Duration::from_millis(5));
}
