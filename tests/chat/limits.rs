//! Limits of messages, members and event streams: no member slows down another.

use super::Person;
use crate::common::{Wharf, eventually, raise_open_files};

#[test]
fn a_flood_is_throttled_and_other_members_are_not() {
    // The messages are sent all at once, so that the server receives them together even on a slow machine.
    const FLOOD: usize = 200;
    let wharf = Wharf::serve(&[]);
    let (ann, bob) = (Person::join(&wharf, "ann"), Person::join(&wharf, "bob"));
    let mut ear = bob.listen();
    let mut wire = wharf.connect();
    let head =
        format!("POST /.wharf/chat/messages HTTP/1.1\r\nHost: {}\r\n{}", wharf.address(), ann.fields());
    wire.send(format!("{head}Content-Length: 1\r\n\r\nx").repeat(FLOOD));
    let answers: Vec<_> = (0..FLOOD).map(|_| wire.read_answer(false)).collect();
    let refused = answers.iter().find(|answer| answer.code() == 429).expect("the limit is reached");
    assert!(refused.field("Retry-After").parse::<u64>().is_ok_and(|seconds| seconds >= 1));
    assert_eq!(bob.say("", "I may speak"), 202);
    while ear.text() != "I may speak" {}
}

#[test]
fn a_stuck_reader_delays_no_one() {
    let wharf = Wharf::serve(&[]);
    let people: Vec<_> = (0..30).map(|number| Person::join(&wharf, &format!("p{number}"))).collect();
    let stuck = Person::join(&wharf, "stuck");
    let _never_read = stuck.listen();
    let mut ear = people[0].listen();
    let before = wharf.status("VmRSS");
    for round in 0..40 {
        for person in &people {
            assert_eq!(person.say("", format!("{round} {}", "y".repeat(4000))), 202);
        }
        // A client that reads never falls so far behind that the server drops it.
        for _ in &people {
            assert!(ear.text().starts_with(&format!("{round} ")));
        }
    }
    let grown = wharf.status("VmRSS").saturating_sub(before);
    assert!(grown < 48 * 1024, "{grown} KB: the ring is bounded to 32 MiB");
}

#[test]
fn silent_listeners_use_no_worker() {
    // A member may have a few windows open. One opens at once: a client that does not listen is removed after a
    // while. The others open when all have joined, because each window is told of each member that joins.
    const WINDOWS: usize = 10;
    // Both ends of each stream need a descriptor in this process; the rest are for everything else.
    let wanted = usize::try_from(raise_open_files() / 2).map_or(5000, |files| files.min(5000));
    let wharf = Wharf::serve(&["--workers", "2"]);
    wharf.write("a", "x");
    let (mut people, mut ears) = (Vec::new(), Vec::new());
    for number in 0..wanted / WINDOWS {
        let person = Person::join(&wharf, &format!("p{number}"));
        ears.push(person.listen());
        people.push(person);
    }
    for person in &people {
        ears.extend((1..WINDOWS).map(|_| person.listen()));
    }
    for _ in 0..20 {
        assert_eq!(wharf.ask("GET", "/a", "", b"").code(), 200);
    }
    assert!(wharf.status("Threads") < 20);
    assert!(wharf.status("VmRSS") < 100 * 1024);
    assert_eq!(people[0].say("", "to all of them"), 202);
    for ear in &mut ears {
        assert_eq!(ear.text(), "to all of them");
    }
    let listeners = ears.len();
    drop(ears);
    eventually("the streams are released", || {
        wharf.log().matches("closed its event stream").count() == listeners
    });
}

#[test]
fn event_streams_have_a_limit_of_their_own() {
    let wharf = Wharf::serve(&["--max-subscribers", "2"]);
    let ann = Person::join(&wharf, "ann");
    let (first, _second) = (ann.listen(), ann.listen());
    let third = wharf.ask("GET", "/.wharf/chat/events", &ann.fields(), b"");
    assert_eq!(third.code(), 503);
    assert_eq!(third.text(), "2 streams are open already (close one, or try again later)\n");
    assert_eq!(ann.say("", "still here"), 202, "clients without a stream are served");
    drop(first);
    eventually("its place is free again", || wharf.log().contains("closed its event stream"));
    ann.listen();
}

#[test]
fn no_member_takes_all_streams_and_no_address_all_names() {
    let wharf = Wharf::serve(&[]);
    let ann = Person::join(&wharf, "ann");
    let ears: Vec<_> = (0..16).map(|_| ann.listen()).collect();
    let answer = wharf.ask("GET", "/.wharf/chat/events", &ann.fields(), b"");
    assert_eq!(answer.code(), 429);
    assert_eq!(answer.text(), "you have 16 streams open already (close one)\n");
    // All at once: a member that does not listen is removed after a while.
    let mut wire = wharf.connect();
    let join = |number: usize| {
        let body = format!("user=p{number}");
        let length = body.len();
        format!(
            "POST /.wharf/chat/join HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n\r\n{body}",
            wharf.address()
        )
    };
    wire.send((1..=1024).map(join).collect::<String>());
    for number in 1..1024 {
        assert_eq!(wire.read_answer(false).code(), 200, "{number}");
    }
    let answer = wire.read_answer(false);
    assert_eq!(answer.code(), 429);
    assert_eq!(answer.text(), "your address has 1024 members already (try again later)\n");
    let bob = Person::join_from(2, &wharf, "bob");
    assert_eq!(bob.say("", "from elsewhere"), 202);
    bob.listen();
    drop(ears);
}

#[test]
fn an_event_stream_keeps_the_server_up_and_ends_when_the_server_stops() {
    // The limit is long, because a busy machine may delay the test before it listens.
    let mut wharf = Wharf::serve(&["--idle-exit", "3"]);
    let token = Person::join(&wharf, "ann").token;
    let mut ear = Person { wharf: &wharf, token }.listen();
    ear.hear().expect("a welcome");
    wharf.outlasts_an_idle_one("3");
    wharf.signal(rustix::process::Signal::TERM);
    assert!(ear.hear().is_none(), "the stream ends");
    let (said, status) = wharf.wait();
    assert!(status.success(), "{said}");
}
