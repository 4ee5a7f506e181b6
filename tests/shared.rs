//! Several servers, one chat room: `wharf serve --shared`, with a real `redis-server`.

#[cfg(feature = "accounts")]
mod accounts;
mod faults;
#[cfg(all(feature = "accounts", feature = "tls"))]
mod over_tls;
mod paused;
#[cfg(feature = "accounts")]
mod records;

use std::thread;

use serde_json::Value;

use crate::chat::Ear;
use crate::common::store::Store;
use crate::common::{Wharf, eventually};

/// The kinds of events that a test waits for.
const SPOKEN: [&str; 2] = ["message", "private"];

/// Some servers on one folder, with one room.
struct Replicas {
    servers: Vec<Wharf>,
    folder: tempfile::TempDir,
    shared: String,
}

/// A member, whose token is valid at all servers.
struct Member {
    fields: String,
}

impl Replicas {
    fn start(count: usize, shared: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut replicas = Self { servers: Vec::new(), folder, shared: shared.to_owned() };
        (0..count).for_each(|_| replicas.add());
        replicas
    }

    /// Starts one more, and waits until it follows the room.
    fn add(&mut self) {
        let flags = ["--shared", &self.shared, "--allow", "everyone=edit,chat"];
        let server = Wharf::serve_folder(self.folder.path(), &flags);
        eventually("it follows the room", || server.log().contains("follows the shared room"));
        self.servers.push(server);
    }

    fn join(&self, server: usize, name: &str) -> Member {
        let answer = self.try_join(server, name);
        assert_eq!(answer.0, 200, "{name}: {}", answer.1);
        let joined: Value = serde_json::from_str(&answer.1).expect("JSON");
        Member { fields: format!("Wharf-Member: {}\r\n", joined["token"].as_str().expect("a token")) }
    }

    fn try_join(&self, server: usize, name: &str) -> (u16, String) {
        let body = format!("user={name}");
        let answer = self.servers[server].ask("POST", "/.wharf/chat/join", "", body.as_bytes());
        (answer.code(), answer.text())
    }

    fn say(&self, server: usize, member: &Member, query: &str, text: &str) -> u16 {
        let target = format!("/.wharf/chat/messages{query}");
        self.servers[server].ask("POST", &target, &member.fields, text.as_bytes()).code()
    }

    fn listen(&self, server: usize, member: &Member) -> Ear {
        Ear::open(&self.servers[server], &member.fields)
    }

    fn resume(&self, server: usize, member: &Member, last: &str) -> Ear {
        let fields = format!("{}Last-Event-ID: {last}\r\n", member.fields);
        Ear::open(&self.servers[server], &fields)
    }
}

/// The next texts of messages.
fn texts(ear: &mut Ear, count: usize) -> Vec<String> {
    (0..count).map(|_| ear.hear_of(&SPOKEN).1["text"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn messages_arrive_at_all_servers_once_and_in_one_order() {
    let Some(store) = Store::start(&[]) else { return };
    let replicas = Replicas::start(3, &store.url());
    let members: Vec<_> = (0..3).map(|server| replicas.join(server, &format!("member{server}"))).collect();
    let mut ears: Vec<_> = (0..3).map(|server| replicas.listen(server, &members[server])).collect();
    for ear in &mut ears {
        ear.hear_of(&["welcome"]);
    }
    thread::scope(|scope| {
        for (index, member) in members.iter().enumerate() {
            let replicas = &replicas;
            scope.spawn(move || {
                for number in 0..30 {
                    // Each message at another server.
                    let code = replicas.say((index + number) % 3, member, "", &format!("{index}:{number}"));
                    assert_eq!(code, 202, "{index}:{number}");
                }
            });
        }
    });
    let heard: Vec<_> = ears.iter_mut().map(|ear| texts(ear, 90)).collect();
    assert!(heard[0] == heard[1] && heard[1] == heard[2], "one order: {heard:?}");
    for index in 0..3 {
        let own: Vec<_> = heard[0].iter().filter(|text| text.starts_with(&format!("{index}:"))).collect();
        let said: Vec<_> = (0..30).map(|number| format!("{index}:{number}")).collect();
        assert_eq!(own, said.iter().collect::<Vec<_>>(), "each message once, in order");
    }
}

#[test]
fn names_and_private_messages_are_those_of_one_room() {
    let Some(store) = Store::start(&[]) else { return };
    let replicas = Replicas::start(3, &store.url());
    let (ann, bob, eve) = (replicas.join(0, "ann"), replicas.join(1, "Bob"), replicas.join(2, "eve"));
    for server in 0..3 {
        assert_eq!(replicas.try_join(server, "BOB").0, 409, "the name is taken");
    }
    let mut ears = [&ann, &bob, &eve].map(|member| replicas.listen(2, member));
    for ear in &mut ears {
        let (_, welcome) = ear.hear_of(&["welcome"]);
        assert_eq!(welcome["users"], serde_json::json!(["ann", "Bob", "eve"]));
    }
    assert_eq!(replicas.say(1, &ann, "?to=bob", "secret"), 202);
    assert_eq!(replicas.say(0, &ann, "?to=nobody", "x"), 404);
    assert_eq!(replicas.say(0, &eve, "", "the end"), 202);
    for (ear, expected) in
        ears.iter_mut().zip([&["secret", "the end"][..], &["secret", "the end"], &["the end"]])
    {
        assert_eq!(texts(ear, expected.len()), expected);
    }
    let left = replicas.servers[0].ask("POST", "/.wharf/chat/leave", &bob.fields, b"");
    assert_eq!(left.code(), 204);
    assert_eq!(ears[0].hear_of(&["leave"]).1["user"], "Bob");
    eventually("the token is not valid any more", || replicas.say(1, &bob, "", "x") == 403);
    replicas.join(1, "bob");
    // Polling, without a stream, at each server.
    let polled = replicas.servers[0].ask("GET", "/.wharf/chat/messages", &eve.fields, b"").text();
    assert!(polled.contains("the end") && !polled.contains("secret"), "{polled}");
}

#[test]
fn a_stream_continues_at_another_server() {
    let Some(store) = Store::start(&[]) else { return };
    let mut replicas = Replicas::start(2, &store.url());
    let (ann, bob) = (replicas.join(0, "ann"), replicas.join(1, "bob"));
    let mut ear = replicas.listen(0, &ann);
    ear.hear_of(&["welcome"]);
    for round in 0..10 {
        assert_eq!(replicas.say(round % 2, &bob, "", &format!("before {round}")), 202);
        let event = loop {
            let event = ear.hear().expect("an event");
            assert_ne!(event.event, "reset");
            if event.event == "message" {
                break event;
            }
        };
        assert!(event.data.contains(&format!("before {round}")), "{event:?}");
        drop(ear);
        // The server that it moves to may not have heard this yet.
        assert_eq!(replicas.say(round % 2, &bob, "", &format!("between {round}")), 202);
        ear = replicas.resume((round + 1) % 2, &ann, &event.id);
        let next = ear.hear().expect("an event");
        assert!(next.data.contains(&format!("between {round}")), "{next:?}");
    }
    // One that has just started knows what was said before.
    replicas.add();
    let last = replicas.servers[0].ask("GET", "/.wharf/chat/messages", &bob.fields, b"").text();
    let last: Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!(replicas.say(1, &bob, "", "newest"), 202);
    let mut ear = replicas.resume(2, &ann, last["last"].as_str().expect("an id"));
    assert_eq!(texts(&mut ear, 1), ["newest"]);
    let fresh = replicas.join(2, "eve");
    let (_, welcome) = replicas.listen(2, &fresh).hear_of(&["welcome"]);
    assert_eq!(welcome["history"].as_array().map(Vec::len), Some(21));
}

#[test]
fn changed_files_are_announced_at_all_servers() {
    let Some(store) = Store::start(&[]) else { return };
    let replicas = Replicas::start(2, &store.url());
    let ann = replicas.join(0, "ann");
    let mut ear = replicas.listen(0, &ann);
    ear.hear_of(&["welcome"]);
    assert_eq!(replicas.servers[1].ask("PUT", "/a.txt", &ann.fields, b"one").code(), 201);
    let (_, uploaded) = ear.hear_of(&["upload"]);
    assert_eq!((&uploaded["path"], &uploaded["size"]), (&"a.txt".into(), &3.into()));
    assert_eq!(replicas.servers[0].ask("GET", "/a.txt", "", b"").text(), "one");
    let destination = format!("{}Destination: /b.txt\r\n", ann.fields);
    assert_eq!(replicas.servers[1].ask("MOVE", "/a.txt", &destination, b"").code(), 201);
    assert_eq!(ear.hear_of(&["move"]).1["old_path"], "a.txt");
    assert_eq!(replicas.servers[1].ask("DELETE", "/b.txt", &ann.fields, b"").code(), 204);
    assert_eq!(ear.hear_of(&["remove"]).1["path"], "b.txt");
}

#[test]
fn two_rooms_in_one_store_are_apart() {
    let Some(store) = Store::start(&[]) else { return };
    let rooms = ["#one", "#two"].map(|name| Replicas::start(1, &format!("{}{name}", store.url())));
    let members = rooms.each_ref().map(|room| room.join(0, "ann"));
    let mut ears = [0, 1].map(|index| rooms[index].listen(0, &members[index]));
    for index in [0, 1] {
        assert_eq!(rooms[index].say(0, &members[index], "", &index.to_string()), 202);
        assert_eq!(rooms[1 - index].say(0, &members[index], "", "x"), 403);
    }
    assert_eq!(ears.each_mut().map(|ear| texts(ear, 1)), [["0"], ["1"]]);
}

#[test]
fn a_server_without_a_shared_room_has_no_thread_more() {
    let threads = |wharf: &Wharf| {
        let tasks =
            std::fs::read_dir(format!("/proc/{}/task", wharf.pid().as_raw_nonzero())).expect("it runs");
        let names = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.starts_with("room-") || name.starts_with("records")).count()
    };
    assert_eq!(threads(&Wharf::serve(&[])), 0);
    let Some(store) = Store::start(&[]) else { return };
    assert_eq!(threads(&Replicas::start(1, &store.url()).servers[0]), 2);
}
