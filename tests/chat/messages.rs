//! Which members receive a message, and that no member can send one under another's name.

use serde_json::Value;

use super::Person;
use crate::common::Wharf;

#[test]
fn each_message_reaches_its_recipients_only() {
    let wharf = Wharf::serve(&[]);
    let (ann, bob) = (Person::join(&wharf, "ann"), Person::join(&wharf, "Bob"));
    let (mut ann_hears, mut bob_hears) = (ann.listen(), bob.listen());
    let (_, welcome) = bob_hears.hear_of(&["welcome"]);
    assert_eq!(welcome["text"], "Welcome Bob to the server");
    assert_eq!(welcome["users"], serde_json::json!(["ann", "Bob"]));
    let eve = Person::join(&wharf, "eve");
    let mut eve_hears = eve.listen();
    assert_eq!(ann_hears.hear_of(&["join"]).1["user"], "Bob");
    assert_eq!(ann_hears.hear_of(&["join"]).1["user"], "eve");
    assert_eq!(ann.say("", "to all"), 202);
    assert_eq!(ann.say("?to=BOB", "to bob"), 202, "names ignore case");
    assert_eq!(ann.say("?to=nobody", "to nobody"), 404);
    assert_eq!(ann.say("", "the end"), 202);
    for (name, ear, expected) in [
        ("ann", &mut ann_hears, &["to all", "to bob", "the end"][..]),
        ("bob", &mut bob_hears, &["to all", "to bob", "the end"]),
        ("eve", &mut eve_hears, &["to all", "the end"]),
    ] {
        let heard: Vec<_> = expected.iter().map(|_| ear.text()).collect();
        assert_eq!(heard, expected, "{name}: each message once, in order");
    }
    let left = wharf.ask("POST", "/.wharf/chat/leave", &eve.fields(), b"");
    assert_eq!(left.code(), 204);
    assert_eq!(ann_hears.hear_of(&["leave"]).1["text"], "[eve] has left the chat.");
    while let Some(event) = eve_hears.hear() {
        assert_ne!(event.event, "private", "its stream stays closed");
    }
    assert_eq!(eve.say("", "x"), 403, "an old token");
    wharf.ask("PUT", "/up.txt", &bob.fields(), b"12345");
    let upload = ann_hears.hear_of(&["upload"]).1;
    assert_eq!(
        (upload["by"].as_str(), upload["path"].as_str(), upload["size"].as_u64()),
        (Some("Bob"), Some("up.txt"), Some(5))
    );
    assert_eq!(upload["href"], "/up.txt");
    // The link to a file leads to it even if its name is not UTF-8.
    wharf.ask("PUT", "/a%20b/%ff%3f.txt", "", b"odd");
    let upload = ann_hears.hear_of(&["upload"]).1;
    assert_eq!(upload["path"], "a b/\u{fffd}?.txt");
    let href = upload["href"].as_str().expect("a link");
    assert_eq!(href, "/a%20b/%FF%3F.txt");
    assert_eq!(wharf.ask("GET", href, "", b"").text(), "odd");
    wharf.ask("PUT", "/up.txt", "", b"12345");
    assert!(ann_hears.hear_of(&["upload"]).1["by"].as_str().expect("an address").starts_with("127.0.0.1:"));
}

#[test]
fn invalid_names_and_tokens_are_rejected() {
    let wharf = Wharf::serve(&[]);
    let _ann = Person::join(&wharf, "ann");
    let long = "n".repeat(33);
    let cases = [
        ("user=ann", 409),
        ("user=ANN", 409),
        ("user=", 400),
        ("user=a+b", 400),
        ("user=a%0ab", 400),
        ("user=server", 400),
        ("user=..", 400),
        (&format!("user={long}"), 400),
        ("nobody=x", 400),
        ("", 400),
        (&format!("user={}", "n".repeat(2000)), 413),
    ];
    for (body, code) in cases {
        assert_eq!(wharf.ask("POST", "/.wharf/chat/join", "", body.as_bytes()).code(), code, "{body}");
    }
    let forged = "Wharf-Member: 1-00000000000000000000000000000000\r\n";
    for target in ["/.wharf/chat/events", "/.wharf/chat/messages"] {
        assert_eq!(wharf.ask("GET", target, "", b"").code(), 403, "{target}");
        assert_eq!(wharf.ask("GET", target, forged, b"").code(), 403, "{target}");
    }
    assert_eq!(wharf.ask("POST", "/.wharf/chat/messages", "", b"x").code(), 403);
    assert_eq!(wharf.ask("POST", "/.wharf/chat/join", "Origin: http://evil\r\n", b"user=eve").code(), 403);
    assert_eq!(wharf.ask("GET", "/.wharf/chat/join", "", b"").field("Allow"), "POST, OPTIONS");
    assert_eq!(wharf.ask("GET", "/.wharf/chat/nothing", "", b"").code(), 404);
    let closed = Wharf::serve(&["--no-chat"]);
    assert_eq!(closed.ask("POST", "/.wharf/chat/join", "", b"user=ann").code(), 404);
}

#[test]
fn only_the_header_proves_who_a_member_is_and_no_token_is_logged() {
    let wharf = Wharf::serve(&[]);
    let ann = Person::join(&wharf, "ann");
    let cookie = format!("Cookie: wharf-{}={}\r\n", wharf.address().port(), ann.token);
    let old = format!("Authorization: Bearer {}\r\n", ann.token);
    let hint = "the chat takes the token in the header Wharf-Member (update the client)\n";
    for (case, fields, code, text) in [
        ("the header", ann.fields(), 202, ""),
        ("a cookie", cookie, 403, "not in the room (join first)\n"),
        ("as older clients sent it", old.clone(), 400, hint),
        (
            "of something else",
            "Authorization: Bearer x\r\n".to_owned(),
            403,
            "not in the room (join first)\n",
        ),
        ("both", format!("{old}{}", ann.fields()), 202, ""),
    ] {
        let answer = wharf.ask("POST", "/.wharf/chat/messages", &fields, b"hi");
        assert_eq!(answer.code(), code, "{case}");
        assert!(code == 202 || answer.text() == text, "{case}: {}", answer.text());
        assert_eq!(answer.field("WWW-Authenticate"), "", "{case}: no account is asked for");
    }
    let log = wharf.settled_log();
    assert!(log.contains("joined the chat as ann"), "{log}");
    assert!(
        !log.contains(&ann.token) && !log.contains(ann.token.split('-').nth(1).expect("a secret")),
        "{log}"
    );
}

#[test]
fn message_text_is_data() {
    let wharf = Wharf::serve(&[]);
    let (ann, bob) = (Person::join(&wharf, "ann"), Person::join(&wharf, "bob"));
    let mut ear = bob.listen();
    let taken = [
        "<script>alert(1)</script>",
        "two\nlines",
        "data: x\n\nevent: leave\ndata: {\"user\":\"bob\"}\n\n",
        "id: 1\nretry: 1\n:comment",
        "\u{202e}turned\u{2066}",
        "größe 漢字 🚢",
        &"x".repeat(4096),
    ];
    for text in taken {
        assert_eq!(ann.say("", text), 202, "{text:?}");
        let (kind, data) = ear.hear_of(&["message", "leave"]);
        assert_eq!(
            (kind.as_str(), data["text"].as_str()),
            ("message", Some(text.trim_end())),
            "no line is forged"
        );
    }
    let refused: [(&[u8], u16); 6] = [
        (b"", 400),
        (b" \n ", 400),
        (b"\x1b[2J", 400),
        (b"\x07bell", 400),
        (b"\xff\xfe", 400),
        (&vec![b'x'; 64 * 1024], 413),
    ];
    for (text, code) in refused {
        assert_eq!(ann.say("", text), code, "{:?}", String::from_utf8_lossy(&text[..text.len().min(20)]));
    }
    assert_eq!(ann.say("", "the end"), 202);
    assert_eq!(ear.text(), "the end", "no rejected message was delivered");
}

#[test]
fn no_message_is_lost_over_repeated_disconnections() {
    // Ten thousand messages, from as many members as are needed at the burst limit of each.
    const SPEAKERS: usize = 250;
    const EACH: usize = 40;
    let wharf = Wharf::serve(&[]);
    let listener = Person::join(&wharf, "listener");
    let mut ear = listener.listen();
    let (mut last, mut heard) = (ear.hear().expect("a welcome").id, Vec::new());
    std::thread::scope(|scope| {
        for share in 0..10_u8 {
            let wharf = &wharf;
            scope.spawn(move || {
                for speaker in (0..SPEAKERS).filter(|speaker| speaker % 10 == usize::from(share)) {
                    let person = Person::join_from(2 + share, wharf, &format!("p{speaker}"));
                    let mut wire = wharf.connect();
                    for number in 0..EACH {
                        let text = format!("{speaker} {number}");
                        let fields = person.fields();
                        let code = wire.ask("POST", "/.wharf/chat/messages", &fields, text.as_bytes()).code();
                        assert_eq!(code, 202, "a burst of {EACH} is allowed");
                    }
                }
            });
        }
        while heard.len() < SPEAKERS * EACH {
            // Disconnects after a number of bytes, at any position within an event.
            for _ in 0..=heard.len() % 397 {
                let event = ear.hear().expect("another event");
                last = event.id;
                if event.event == "message" {
                    let data: Value = serde_json::from_str(&event.data).expect("JSON");
                    heard.push(data["text"].as_str().expect("a text").to_owned());
                }
                if heard.len() == SPEAKERS * EACH {
                    break;
                }
            }
            ear = listener.resume(&last);
        }
    });
    for speaker in 0..SPEAKERS {
        let prefix = format!("{speaker} ");
        let said: Vec<_> = heard.iter().filter_map(|text| text.strip_prefix(&prefix)).collect();
        let expected: Vec<_> = (0..EACH).map(|number| number.to_string()).collect();
        assert_eq!(said, expected, "speaker {speaker}: each message once, in order");
    }
    let mut forgotten = listener.resume("0000000000000000-1");
    assert_eq!(forgotten.hear().expect("an event").event, "reset", "an id of another run");
}

#[test]
fn polling_clients_miss_no_message() {
    let wharf = Wharf::serve(&[]);
    let (ann, bob) = (Person::join(&wharf, "ann"), Person::join(&wharf, "bob"));
    let poll = |since: &str| -> Value {
        let target = format!("/.wharf/chat/messages?since={since}");
        serde_json::from_slice(&wharf.ask("GET", &target, &bob.fields(), b"").body).expect("JSON")
    };
    let first = poll("");
    ann.say("", "one");
    ann.say("", "two");
    let second = poll(first["last"].as_str().expect("an id"));
    let texts: Vec<_> = second["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["text"].as_str())
        .collect();
    assert_eq!(texts, ["one", "two"]);
    let third = poll(second["last"].as_str().expect("an id"));
    assert_eq!(third["events"].as_array().map(Vec::len), Some(0));
}
