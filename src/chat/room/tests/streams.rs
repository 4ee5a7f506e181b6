//! Streams and polls: the welcome, and that nothing is lost or repeated after it.

use super::*;

#[test]
fn a_new_listener_is_shown_members_and_history() {
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
    let end = scene.room.ring.end();
    let other_epoch = Ids::new(EPOCH + 1, KEY).of_event(end).to_string();
    let other_key = Ids::new(EPOCH, [8; KEY_LEN]).of_event(end).to_string();
    let future = scene.room.ids.of_event(end).to_string();
    let last = scene.room.ids.of_event(Position::after(u64::MAX - 1).unwrap()).to_string();
    let rows: [(&str, String, Start, &[&str]); 11] = [
        ("the newest", of(7), Start::Resumed, &[]),
        ("within the ring", of(5), Start::Resumed, &["ann: 6", "ann: 7"]),
        ("right before the oldest", of(3), Start::Resumed, &["ann: 4", "ann: 5", "ann: 6", "ann: 7"]),
        ("the next is evicted", of(2), Start::Reset, &[]),
        ("before a restart", other_epoch, Start::Reset, &[]),
        ("of another key", other_key, Start::Reset, &[]),
        ("not posted yet", future, Start::Reset, &[]),
        ("the last number", last, Start::Reset, &[]),
        ("not an id", "7".into(), Start::Reset, &[]),
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
fn a_lapped_listener_learns_it_and_continues_from_now() {
    let mut scene = Scene::with_ring(4);
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    let (mut quick, mut slow) = (scene.listen(ann), scene.listen(bob));
    scene.heard(&mut quick);
    for count in 0..5 {
        scene.say(ann, &count.to_string());
        assert_eq!(scene.heard(&mut quick), [format!("ann: {count}")]);
    }
    assert!(matches!(scene.room.next(&mut slow, |_| true), StreamItem::Lapped));
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
            while let StreamItem::Event(posted) = scene.room.next(&mut stream, |_| true) {
                heard.push(short(&posted.event));
                last = posted.event.id;
            }
        }
    }
    heard.extend(scene.heard(&mut stream));
    assert_eq!(heard, (0..10_000).map(|count| format!("ann: {count}")).collect::<Vec<_>>());
}

#[test]
fn polls_return_what_is_new() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    scene.say(ann, "old");
    let carl = scene.join("carl");
    scene.say_to(ann, "carl", "psst").unwrap();
    let poll = |scene: &mut Scene, last: Option<EventId>| {
        let last = last.map(|id| id.to_string());
        scene.room.poll(carl, last.as_deref(), scene.now, |_| true).unwrap()
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
    let unknown = Ids::new(EPOCH + 1, KEY).of_event(scene.room.ring.end());
    let reset = poll(&mut scene, Some(unknown));
    assert_eq!((reset.start, reset.events.len()), (Start::Reset, HISTORY));
    assert_eq!(scene.seq(reset.last), scene.seq(fourth.last));
}

#[test]
fn nothing_shows_how_many_events_a_listener_does_not_see() {
    let mut scene = Scene::new();
    let [ann, bob, eve] = ["ann", "bob", "eve"].map(|who| scene.join(who));
    let poll = |scene: &mut Scene, last: &EventId| {
        scene.room.poll(eve, Some(&last.to_string()), scene.now, |_| false).unwrap()
    };
    let mut last = scene.newest();
    let mut seen = std::collections::HashSet::new();
    for hidden in [0, 0, 1, 7] {
        for _ in 0..hidden {
            scene.say_to(ann, "bob", "not for eve").unwrap();
            let by = Uploader::Address("x".into());
            scene.room.announce_upload(by, b"closed/a".to_vec(), None, 0, scene.now);
        }
        let polled = poll(&mut scene, &last);
        assert_eq!((polled.start, polled.more), (Start::Resumed, false));
        assert!(shorts(&polled.events).iter().all(|event| event == "eve: x"), "{:?}", polled.events);
        last = polled.last;
        assert!(seen.insert(last), "each poll has another id, whatever has happened");
        let stream = scene.listen(eve);
        assert!(seen.insert(scene.room.welcome(&stream).unwrap().id), "and so has each stream");
        scene.cut(stream);
        assert!(seen.insert(scene.say(eve, "x")), "and each message");
    }
    scene.say(bob, "for all");
    assert_eq!(shorts(&poll(&mut scene, &last).events), ["eve: x", "bob: for all"]);
}
