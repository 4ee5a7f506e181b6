//! Messages, and which members receive them.

use super::*;

#[test]
fn each_member_receives_its_messages_once() {
    let mut scene = Scene::new();
    let [ann, bob, eve] = ["ann", "bob", "eve"].map(|who| scene.join(who));
    let mut streams = [ann, bob, eve].map(|who| scene.listen(who));
    let mut second_of_ann = scene.listen(ann);
    scene.say(ann, "to all");
    scene.say_to(ann, "BOB", "to one").unwrap();
    scene.say_to(eve, "eve", "to myself").unwrap();
    let by = Uploader::Address("192.0.2.1:4000".into());
    scene.room.announce_upload(by, b"a.txt".to_vec(), None, 3, scene.now);
    scene.room.leave(bob, scene.now).unwrap();
    let [a, b, e] = streams.each_mut().map(|stream| scene.heard(stream));
    let upload = "192.0.2.1:4000 put a.txt 3";
    let after_join = ["+bob", "+eve", "ann: to all", "ann>bob: to one", upload, "-bob"];
    assert_eq!(a, after_join, "the sender receives both, once");
    assert_eq!(b, ["OVER"], "a member that left receives nothing");
    assert_eq!(e, ["ann: to all", "eve>eve: to myself", upload, "-bob"]);
    assert_eq!(scene.heard(&mut second_of_ann), after_join[2..], "a second stream begins when it is opened");
}

#[test]
fn an_upload_is_heard_by_those_who_may_see_it_wherever_it_lies() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    let mut stream = scene.listen(ann);
    for (path, lies_at) in
        [("open/1", None), ("closed/2", None), ("open/3", Some("closed/3")), ("open/4", Some("open/5"))]
    {
        let by = Uploader::Address("192.0.2.1:4000".into());
        let lies_at = lies_at.map(|path| path.as_bytes().to_vec());
        scene.room.announce_upload(by, path.as_bytes().to_vec(), lies_at, 0, scene.now);
    }
    let expected = ["+bob", "192.0.2.1:4000 put open/1 0", "192.0.2.1:4000 put open/4 0"];
    let is_open = |path: &[u8]| path.starts_with(b"open/");
    let mut heard = Vec::new();
    while let StreamItem::Event(posted) = scene.room.next(&mut stream, is_open) {
        heard.push(short(&posted.event));
    }
    assert_eq!(heard, expected);
    let polled = scene.room.poll(bob, None, scene.now, is_open).unwrap();
    assert_eq!(shorts(&polled.events), expected[1..]);
}

#[test]
fn a_change_is_heard_by_those_who_may_see_all_of_its_paths() {
    let mut scene = Scene::new();
    let [ann, _] = ["ann", "bob"].map(|who| scene.join(who));
    let mut stream = scene.listen(ann);
    let moved = |from: &str| FileChange::Moved { from: from.into() };
    for (path, is_directory, change, also_at) in [
        ("open/1", true, FileChange::Removed, vec![]),
        ("closed/2", false, FileChange::Removed, vec![]),
        ("open/3", false, FileChange::Removed, vec![b"closed/3".to_vec()]),
        ("open/4", false, FileChange::Restored, vec![b"open/d/4".to_vec()]),
        ("open/5", true, moved("open/6"), vec![]),
        ("open/7", false, moved("closed/7"), vec![]),
        ("closed/8", false, moved("open/8"), vec![]),
    ] {
        let by = Uploader::Named(name("ann"));
        scene.room.announce_change(by, (path.into(), is_directory), change, also_at, scene.now);
    }
    let mut heard = Vec::new();
    while let StreamItem::Event(posted) = scene.room.next(&mut stream, |path| path.starts_with(b"open/")) {
        heard.push(short(&posted.event));
    }
    assert_eq!(heard, ["+bob", "ann removed open/1/", "ann restored open/4", "ann moved open/6 to open/5/"]);
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
fn a_message_to_an_unknown_name_is_rejected() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    let mut stream = scene.listen(bob);
    for to in ["carl", "", "no such", "server", "bo"] {
        assert_eq!(scene.say_to(ann, to, "hi"), Err(RoomError::NoSuchUser), "{to}");
    }
    assert_eq!(RoomError::NoSuchUser.to_string(), "User not found.");
    assert_eq!(scene.heard(&mut stream), [""; 0]);
}

#[test]
fn an_event_is_encoded_once() {
    let mut scene = Scene::new();
    let mut streams = ["ann", "bob"].map(|who| {
        let member = scene.join(who);
        scene.listen(member)
    });
    scene.heard(&mut streams[0]);
    let by = Uploader::Address("x".into());
    scene.room.announce_upload(by, b"a".to_vec(), None, 0, scene.now);
    let [a, b] = streams.each_mut().map(|stream| match scene.room.next(stream, |_| true) {
        StreamItem::Event(posted) => Arc::clone(&posted.ready),
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
    assert!(id.to_string().starts_with("000000000000feed-"), "{id}");
    let mut stream = scene.listen(ann);
    let StreamItem::Event(posted) = scene.room.next(&mut stream, |_| true) else { panic!("nothing") };
    assert_eq!(posted.event.id, id);
    assert_eq!(posted.event.at, SystemTime::UNIX_EPOCH + Duration::from_millis(5050));
}
