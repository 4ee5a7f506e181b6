//! Members: names, tokens, absence.

use super::*;

#[test]
fn names_are_free_or_taken() {
    let mut scene = Scene::new();
    let ann = scene.join("ann");
    let rows = [("taken", "ann", false), ("other case", "ANN", false), ("longer", "anna", true)];
    for (case, who, is_free) in rows {
        let expected = if is_free { None } else { Some(RoomError::NameTaken(name(who))) };
        assert_eq!(scene.try_join(who).err(), expected, "{case}");
    }
    scene.room.leave(ann, scene.now).unwrap();
    assert!(scene.try_join("Ann").is_ok(), "free at once after leaving");
    assert_eq!(scene.here(), ["anna", "Ann"], "in the order of joining");
}

#[test]
fn tokens_identify_members() {
    let mut scene = Scene::new();
    let mut tokens = Vec::new();
    for (who, secret) in [("ann", 1), ("bob", 2), ("old", 3)] {
        tokens.push(
            scene
                .room
                .join(name(who), (), Secret::new([secret; SECRET_LEN]), ClientKey::Here, scene.now)
                .unwrap(),
        );
    }
    let [ann, bob, old] = [0, 1, 2].map(|index: usize| tokens[index].expose());
    scene.room.leave(tokens[2].member(), scene.now).unwrap();
    let (number, secret_of_bob) = (ann.split_once('-').unwrap().0, bob.split_once('-').unwrap().1);
    let rows = [
        ("ann's", ann.clone(), Some("ann")),
        ("bob's", bob.clone(), Some("bob")),
        ("of a member that left", old, None),
        ("ann's number, bob's secret", format!("{number}-{secret_of_bob}"), None),
        ("one byte longer", format!("{ann}00"), None),
        ("none", String::new(), None),
    ];
    for (case, token, expected) in rows {
        let found = scene.room.authenticate(&token).map(|(person, ())| person.name.as_str());
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn a_member_that_left_is_rejected_everywhere() {
    let mut scene = Scene::new();
    let [ann, gone] = ["ann", "gone"].map(|who| scene.join(who));
    let stream = scene.listen(gone);
    scene.room.leave(gone, scene.now).unwrap();
    let now = scene.now;
    let refused = Some(RoomError::NotAMember);
    assert_eq!(scene.room.say(gone, text("x"), now).err(), refused);
    assert_eq!(scene.room.say_to(gone, "ann", text("x"), now).err(), refused);
    assert_eq!(scene.room.leave(gone, now).err(), refused);
    assert_eq!(scene.room.subscribe(gone, None).err(), refused);
    assert_eq!(scene.room.poll(gone, None, now, |_| true).err(), refused);
    assert_eq!(scene.room.welcome(&stream).err(), refused);
    scene.cut(stream);
    let mut of_ann = scene.listen(ann);
    assert_eq!(scene.heard(&mut of_ann), ["+gone", "-gone"], "one leave was posted, and no message");
}

#[test]
fn absent_members_leave_after_thirty_seconds() {
    let mut scene = Scene::new();
    let never = scene.join("never");
    assert_eq!(scene.gone_after(ABSENCE.saturating_sub(MOMENT)), [""; 0]);
    assert_eq!(scene.gone_after(MOMENT), ["never"], "a member that never listens leaves too");
    assert_eq!(scene.gone_after(ABSENCE), [""; 0], "once");
    assert_eq!(scene.room.leave(never, scene.now), Err(RoomError::NotAMember));

    let ann = scene.join("ann");
    let (first, second) = (scene.listen(ann), scene.listen(ann));
    scene.cut(first);
    assert_eq!(scene.gone_after(ABSENCE * 100), [""; 0], "one stream is enough");
    scene.cut(second);
    assert_eq!(scene.gone_after(ABSENCE.saturating_sub(MOMENT)), [""; 0]);
    assert_eq!(scene.gone_after(MOMENT), ["ann"]);
}

#[test]
fn reconnecting_in_time_posts_nothing() {
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
fn messages_and_polls_keep_a_member_present() {
    let mut scene = Scene::new();
    let [speaks, polls, silent] = ["speaks", "polls", "silent"].map(|who| scene.join(who));
    for _ in 0..3 {
        scene.pass(ABSENCE / 2);
        scene.say(speaks, "x");
        scene.room.poll(polls, None, scene.now, |_| true).unwrap();
    }
    assert_eq!(scene.gone_after(MOMENT), ["silent"]);
    assert_eq!(scene.gone_after(ABSENCE), ["speaks", "polls"]);
    assert_eq!(scene.room.poll(silent, None, scene.now, |_| true).err(), Some(RoomError::NotAMember));
}

#[test]
fn the_caller_keeps_names_and_ends_memberships() {
    let mut scene = Scene::new();
    let [ann, bob] = ["ann", "bob"].map(|who| scene.join(who));
    let (here, now) = (ClientKey::Here, scene.now);
    assert_eq!(scene.room.holder(&name("ANN")).map(|(person, ())| person.id), Some(ann));
    assert_eq!(scene.room.holder(&name("carl")), None);
    let again = scene.room.token_again(ann, now).unwrap().expose();
    assert_eq!(scene.room.authenticate(&again).map(|(person, ())| person.id), Some(ann));
    let refused = (0..=CLIENT.burst).map(|_| scene.room.refuse(name("carl"), here, now));
    let mut refused = refused.skip_while(|error| *error == RoomError::NameTaken(name("carl")));
    assert_eq!(refused.next(), Some(RoomError::TooFast { wait: CLIENT.interval }), "it counts as a join");
    drop(refused);
    let mut streams = [ann, bob].map(|who| scene.listen(who));
    let gone = scene.room.dismiss_unless(|name, ()| name.as_str() != "bob", now);
    assert_eq!(gone.iter().map(|person| person.id).collect::<Vec<_>>(), [bob]);
    assert_eq!(scene.here(), ["ann"]);
    let [a, b] = streams.each_mut().map(|stream| scene.heard(stream));
    assert_eq!((a.last().map(String::as_str), b.as_slice()), (Some("-bob"), &["OVER".to_owned()][..]));
}
