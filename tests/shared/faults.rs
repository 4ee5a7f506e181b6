//! What happens when the store or a server of a shared room fails, or when other programs write to the store.

use super::{Member, Replicas, texts};
use crate::common::store::Store;
use crate::common::{Wharf, eventually, run};

/// The key of the stream.
const STREAM: &str = "wharf:wharf:stream";

/// Waits until a server takes messages again, and sends one.
fn goes_on(replicas: &Replicas, server: usize, member: &Member, text: &str) {
    eventually("the chat goes on", || replicas.say(server, member, "", text) == 202);
}

#[test]
fn the_chat_pauses_while_the_store_is_away_and_misses_nothing() {
    let Some(mut store) = Store::durable() else { return };
    let replicas = Replicas::start(2, &store.url());
    let (ann, bob) = (replicas.join(0, "ann"), replicas.join(1, "bob"));
    let mut ears = [replicas.listen(0, &ann), replicas.listen(1, &bob)];
    assert_eq!(replicas.say(0, &ann, "", "before"), 202);
    for ear in &mut ears {
        assert_eq!(texts(ear, 1), ["before"]);
    }
    store.kill();
    for ear in &mut ears {
        ear.hear_of(&["pause"]);
    }
    let answer = replicas.servers[0].ask("POST", "/.wharf/chat/messages", &ann.fields, b"x");
    assert_eq!((answer.code(), answer.field("Retry-After")), (503, "2".to_owned()));
    assert_eq!(replicas.try_join(1, "eve").0, 503);
    // Files go on; what happens to them is announced later.
    assert_eq!(replicas.servers[0].ask("PUT", "/a.txt", &ann.fields, b"one").code(), 201);
    store.run();
    for ear in &mut ears {
        let (_, uploaded) = ear.hear_of(&["upload", "reset"]);
        assert_eq!(uploaded["path"], "a.txt");
    }
    goes_on(&replicas, 0, &ann, "after");
    for ear in &mut ears {
        assert_eq!(ear.hear_of(&["message", "reset"]).1["text"], "after");
    }
    replicas.join(1, "eve");
}

#[test]
fn an_empty_store_resets_the_listeners_and_keeps_their_tokens() {
    let Some(mut store) = Store::start(&[]) else { return };
    let replicas = Replicas::start(2, &store.url());
    let (ann, bob) = (replicas.join(0, "ann"), replicas.join(1, "bob"));
    let mut ears = [replicas.listen(0, &ann), replicas.listen(1, &bob)];
    assert_eq!(replicas.say(0, &ann, "", "before"), 202);
    for ear in &mut ears {
        assert_eq!(texts(ear, 1), ["before"]);
    }
    store.kill();
    store.run();
    for ear in &mut ears {
        let (_, reset) = ear.hear_of(&["reset"]);
        assert_eq!(reset["history"], serde_json::json!([]));
    }
    goes_on(&replicas, 1, &ann, "after");
    goes_on(&replicas, 0, &bob, "again");
    for ear in &mut ears {
        assert_eq!(texts(ear, 2), ["after", "again"]);
    }
}

#[test]
fn a_server_that_is_killed_disturbs_no_other() {
    let Some(store) = Store::start(&[]) else { return };
    let mut replicas = Replicas::start(3, &store.url());
    let (ann, bob) = (replicas.join(0, "ann"), replicas.join(2, "bob"));
    let (mut ann_hears, mut bob_hears) = (replicas.listen(0, &ann), replicas.listen(2, &bob));
    ann_hears.hear_of(&["welcome"]);
    bob_hears.hear_of(&["welcome"]);
    let last = loop {
        assert_eq!(replicas.say(1, &bob, "", "before"), 202);
        let event = ann_hears.hear().expect("an event");
        if event.event == "message" {
            break event.id;
        }
    };
    replicas.servers.remove(0).kill();
    assert_eq!(replicas.say(0, &bob, "", "between"), 202);
    let mut ann_hears = replicas.resume(0, &ann, &last);
    let heard = texts(&mut ann_hears, 1);
    assert!(["before", "between"].contains(&heard[0].as_str()), "{heard:?}");
    assert_eq!(replicas.say(1, &ann, "", "after"), 202);
    while texts(&mut ann_hears, 1) != ["after"] {}
    while texts(&mut bob_hears, 1) != ["after"] {}
}

/// The primary is killed, and its replica takes its place.
#[test]
fn acknowledged_messages_survive_the_primary() {
    let Some(mut primary) = Store::start(&["--repl-diskless-sync-delay", "0"]) else { return };
    let port = primary.listen().port();
    let Some(replica) = Store::start(&["--replicaof", "127.0.0.1", &port.to_string()]) else { return };
    eventually("the replica follows", || primary.ask::<redis::Value>("WAIT 1 100") == redis::Value::Int(1));
    let replicas = Replicas::start(2, &format!("{},{}", primary.url(), replica.url()));
    let (ann, bob) = (replicas.join(0, "ann"), replicas.join(1, "bob"));
    let mut ears = [replicas.listen(0, &ann), replicas.listen(1, &bob)];
    let mut acknowledged = Vec::new();
    for number in 0..20 {
        let text = format!("before {number}");
        if replicas.say(number % 2, &ann, "", &text) == 202 {
            acknowledged.push(text);
        }
    }
    assert!(!acknowledged.is_empty(), "the replica confirms");
    primary.kill();
    let _: () = replica.ask("REPLICAOF NO ONE");
    goes_on(&replicas, 0, &ann, "after");
    for ear in &mut ears {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|text| text != "after") {
            heard.extend(texts(ear, 1));
        }
        heard.retain(|text| acknowledged.contains(text));
        assert_eq!(heard, acknowledged);
    }
}

#[test]
fn foreign_data_does_no_harm() {
    let Some(store) = Store::start(&[]) else { return };
    let replicas = Replicas::start(2, &store.url());
    let (ann, bob) = (replicas.join(0, "ann"), replicas.join(1, "bob"));
    let mut ears = [replicas.listen(0, &ann), replicas.listen(1, &bob)];
    let large = vec![b'x'; 10 << 20];
    let add = |fields: &[&[u8]]| {
        let words = [&[b"XADD" as &[u8], STREAM.as_bytes(), b"*"], fields].concat();
        store.ask_words::<String>(&words)
    };
    add(&[b"kind", b"message", b"from", b"1 eve", b"text", &large]);
    add(&[b"kind", b"private", b"from", b"1 eve", b"text", b"to nobody"]);
    add(&[b"kind", b"private", b"from", b"1 eve", b"to", b"7 ann", b"text", b"to another ann"]);
    add(&[b"\xff\0", b"\xff\r\n\r\nevent: message"]);
    add(&[b"kind", b"message", b"from", b"1 \x1b[31m", b"text", b"\x1b[31m"]);
    assert_eq!(replicas.say(0, &ann, "", "the end"), 202);
    for ear in &mut ears {
        assert_eq!(texts(ear, 1), ["the end"]);
    }
    let log = replicas.servers[0].settled_log();
    assert!(log.contains("are skipped") && !log.contains("panicked"), "{log}");
    // Keys of other types, and an epoch of another program.
    let _: () = store.ask("SET wharf:wharf:epoch foreign");
    ears[0].hear_of(&["reset"]);
    let _: () = store.ask("DEL wharf:wharf:members");
    let _: () = store.ask("SET wharf:wharf:members foreign");
    assert_eq!(replicas.try_join(0, "eve").0, 503);
    assert_eq!(store.ask::<i64>("DEL wharf:wharf:members"), 1);
    assert!(!replicas.servers[1].settled_log().contains("panicked"));
}

/// Of entries that are too large, a server reads only the sizes.
#[test]
fn large_entries_take_no_memory() {
    const COUNT: usize = 20;
    const SIZE: usize = 10 << 20;
    let Some(store) = Store::start(&[]) else { return };
    let large = vec![b'x'; SIZE];
    for _ in 0..COUNT {
        store.ask_words::<String>(&[b"XADD", STREAM.as_bytes(), b"*", b"kind", &large]);
    }
    let replicas = Replicas::start(1, &store.url());
    let ann = replicas.join(0, "ann");
    let mut ear = replicas.listen(0, &ann);
    assert_eq!(replicas.say(0, &ann, "", "the end"), 202);
    assert_eq!(texts(&mut ear, 1), ["the end"]);
    let wharf = &replicas.servers[0];
    assert!(
        wharf.settled_log().contains(&format!("{COUNT} entries of the shared room are skipped")),
        "{}",
        wharf.log()
    );
    let peak = wharf.status("VmHWM") << 10;
    assert!(peak < (COUNT * SIZE / 2) as u64, "{peak} bytes");
}

#[test]
fn a_stream_that_was_trimmed_or_deleted_resets_the_listeners() {
    let Some(store) = Store::start(&[]) else { return };
    let replicas = Replicas::start(2, &store.url());
    let (ann, bob) = (replicas.join(0, "ann"), replicas.join(1, "bob"));
    let mut ears = [replicas.listen(0, &ann), replicas.listen(1, &bob)];
    for command in [format!("XTRIM {STREAM} MAXLEN 0"), format!("DEL {STREAM}")] {
        assert_eq!(replicas.say(0, &ann, "", "before"), 202);
        for ear in &mut ears {
            assert_eq!(texts(ear, 1), ["before"]);
        }
        let _: redis::Value = store.ask(&command);
        for ear in &mut ears {
            ear.hear_of(&["reset"]);
        }
        goes_on(&replicas, 1, &bob, "after");
        for ear in &mut ears {
            while texts(ear, 1) != ["after"] {}
        }
    }
}

#[test]
fn a_store_without_memory_refuses_messages_and_the_log_says_why() {
    let Some(store) = Store::start(&["--maxmemory-policy", "noeviction"]) else { return };
    let replicas = Replicas::start(1, &store.url());
    let ann = replicas.join(0, "ann");
    let _: () = store.ask("CONFIG SET maxmemory 1");
    assert_eq!(replicas.say(0, &ann, "", "x"), 503);
    let log = replicas.servers[0].settled_log();
    assert!(log.contains("OOM") && log.contains("raise maxmemory"), "{log}");
    assert_eq!(replicas.servers[0].ask("PUT", "/a.txt", &ann.fields, b"one").code(), 201, "files go on");
    let _: () = store.ask("CONFIG SET maxmemory 0");
    goes_on(&replicas, 0, &ann, "x");
}

#[test]
fn a_wrong_password_is_an_error_and_is_not_shown() {
    let Some(store) = Store::start(&["--requirepass", "right"]) else { return };
    let url = format!("unix:{}?pass=wrongword", store.socket());
    let folder = tempfile::tempdir().expect("a folder");
    for url in [url.as_str(), &store.url()] {
        let output = run(&["serve", ".", "--port", "0", "--shared", url], "", folder.path());
        assert_eq!(output.code, Some(1), "{}", output.stderr);
        let said = output.stderr.lines().last().unwrap_or_default();
        assert!(said.contains("--shared") && said.contains("password is missing or wrong"), "{said}");
        assert!(!output.stderr.contains("wrongword"), "{}", output.stderr);
    }
    let right = format!("unix:{}?pass=right", store.socket());
    let wharf = Wharf::serve_with_variable("WHARF_SHARED", &right, &[]);
    eventually("it follows the room", || wharf.log().contains("follows the shared room"));
    assert!(!wharf.settled_log().contains("pass=right"));
    let environment =
        std::fs::read(format!("/proc/{}/cmdline", wharf.pid().as_raw_nonzero())).expect("it runs");
    assert!(!String::from_utf8_lossy(&environment).contains("pass=right"));
}

#[test]
fn a_server_starts_without_its_store_and_joins_the_room_later() {
    let Some(mut store) = Store::start(&[]) else { return };
    store.kill();
    let wharf = Wharf::serve(&["--shared", &store.url()]);
    wharf.write("a.txt", "one");
    assert_eq!(wharf.ask("GET", "/a.txt", "", b"").text(), "one");
    assert_eq!(wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann").code(), 503);
    eventually("the log says why", || wharf.log().contains("the chat is paused: the store is unavailable"));
    eventually("it is ready, because files are served", || {
        wharf.ask("GET", "/.wharf/ready", "", b"").code() == 200
    });
    store.run();
    eventually("it joins", || wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann").code() == 200);
}

#[test]
fn a_replica_of_the_store_is_not_written_to() {
    let Some(store) = Store::start(&["--replicaof", "127.0.0.1", "9"]) else { return };
    let wharf = Wharf::serve(&["--shared", &store.url()]);
    eventually("the log says why", || wharf.log().contains("it is a replica, which is read-only"));
    assert_eq!(wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann").code(), 503);
    let _: () = store.ask("REPLICAOF NO ONE");
    eventually("it joins", || wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann").code() == 200);
}

#[test]
fn malformed_addresses_are_usage_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    for (flags, said) in [
        (&["--shared", "http://secret"][..], "address 1 is malformed"),
        (&["--shared", "redis://h,x"], "address 2 is malformed"),
        (&["--shared", "redis://h#a b"], "the name after # is malformed"),
        (&["--shared", "redis://h", "--no-chat"], "leave out --no-chat"),
    ] {
        let output = run(&[&["serve", "."], flags].concat(), "", folder.path());
        assert_eq!(output.code, Some(2), "{flags:?}: {}", output.stderr);
        assert!(output.stderr.contains(said) && !output.stderr.contains("secret"), "{}", output.stderr);
    }
}

/// Slow answers are waited for.
#[test]
fn a_store_that_pauses_for_two_seconds_loses_nothing() {
    let Some(store) = Store::start(&[]) else { return };
    let replicas = Replicas::start(1, &store.url());
    let ann = replicas.join(0, "ann");
    let mut ear = replicas.listen(0, &ann);
    let _: () = store.ask("CLIENT PAUSE 2000 ALL");
    assert_eq!(replicas.say(0, &ann, "", "slow"), 202);
    assert_eq!(ear.hear_of(&["message", "pause", "reset"]).1["text"], "slow");
}
