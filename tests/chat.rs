//! The chat: each message reaches its recipients once and in order; members cannot be impersonated, and no
//! member delays another.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::Value;
use wharf::http::event_stream::decoder::{EventStreamDecoder, StreamEvent};

use crate::common::{ClosedPort, PATIENCE, Running, Wharf, Wire, eventually, outside, raise_open_files, run};

/// A member of the chat.
struct Person<'w> {
    wharf: &'w Wharf,
    token: String,
}

/// A member's event stream.
pub(super) struct Ear {
    stream: TcpStream,
    decoder: EventStreamDecoder,
    unread: Vec<u8>,
}

impl<'w> Person<'w> {
    fn join(wharf: &'w Wharf, name: &str) -> Self {
        Self::join_from(1, wharf, name)
    }

    /// From 127.0.0.`host`.
    fn join_from(host: u8, wharf: &'w Wharf, name: &str) -> Self {
        let mut wire = Wire::connect_from(host, wharf.address());
        let answer = wire.ask("POST", "/.wharf/chat/join", "", format!("user={name}").as_bytes());
        assert_eq!(answer.code(), 200, "{name}: {}", answer.text());
        let joined: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let token = joined["token"].as_str().expect("a token").to_owned();
        assert_eq!(answer.field("Set-Cookie"), "", "a cookie would be sent by itself");
        Self { wharf, token }
    }

    fn fields(&self) -> String {
        format!("Wharf-Member: {}\r\n", self.token)
    }

    fn say(&self, query: &str, text: impl AsRef<[u8]>) -> u16 {
        self.wharf.ask("POST", &format!("/.wharf/chat/messages{query}"), &self.fields(), text.as_ref()).code()
    }

    fn listen(&self) -> Ear {
        self.resume("")
    }

    fn resume(&self, last: &str) -> Ear {
        let last = if last.is_empty() { String::new() } else { format!("Last-Event-ID: {last}\r\n") };
        Ear::open(self.wharf, &format!("{}{last}", self.fields()))
    }
}

impl Ear {
    /// Opens the stream of the member whose header is in these fields.
    pub(super) fn open(wharf: &Wharf, fields: &str) -> Self {
        let host = wharf.address();
        let mut stream = TcpStream::connect(host).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        let head = format!("GET /.wharf/chat/events HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a head");
            answer.push(byte[0]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
        Self { stream, decoder: EventStreamDecoder::new(), unread: Vec::new() }
    }

    /// The next event; `None` when the stream ends.
    pub(super) fn hear(&mut self) -> Option<StreamEvent> {
        loop {
            let mut rest = self.unread.as_slice();
            let event = self.decoder.next(&mut rest).expect("a stream");
            let left = rest.len();
            self.unread.drain(..self.unread.len() - left);
            if event.is_some() {
                return event;
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.unread.extend_from_slice(&bytes[..count]),
                // Nothing has been received yet: see `Wire::fill`.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("no event: {error}"),
            }
        }
    }

    /// The next event of one of these kinds: its kind and its text.
    pub(super) fn hear_of(&mut self, kinds: &[&str]) -> (String, Value) {
        loop {
            let event = self.hear().expect("another event");
            if kinds.contains(&event.event.as_str()) {
                return (event.event, serde_json::from_str(&event.data).expect("JSON"));
            }
        }
    }

    fn text(&mut self) -> String {
        self.hear_of(&["message", "private"]).1["text"].as_str().expect("a text").to_owned()
    }
}

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
fn a_flood_is_throttled_and_other_members_are_not() {
    // All at once: the server receives them together, however slow this machine is.
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
    // A member may have a few windows open. All at once: a client that does not listen is removed after a
    // while.
    const WINDOWS: usize = 10;
    // Both ends of each stream need a descriptor in this process; the rest are for everything else.
    let wanted = usize::try_from(raise_open_files() / 2).map_or(5000, |files| files.min(5000));
    let wharf = Wharf::serve(&["--workers", "2"]);
    wharf.write("a", "x");
    let (mut people, mut ears) = (Vec::new(), Vec::new());
    for number in 0..wanted / WINDOWS {
        let person = Person::join(&wharf, &format!("p{number}"));
        ears.extend((0..WINDOWS).map(|_| person.listen()));
        people.push(person);
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
    // The limit is longer than this machine delays a test before it listens.
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

#[test]
fn three_kinds_of_clients_are_in_one_chat() {
    let wharf = Wharf::serve(&[]);
    let place = tempfile::tempdir().expect("a folder");
    let (raw, by_curl) = (Person::join(&wharf, "raw"), Person::join(&wharf, "curl"));
    let mut ear = raw.listen();
    let Some(mut curl) = outside("curl") else { return };
    let header = format!("Wharf-Member: {}", by_curl.token);
    let curl = curl
        .args(["-sN", "--max-time", "60", "-H", &header, &wharf.url("/.wharf/chat/events")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let curl = Terminal::watch(Running::start(curl));
    curl.shows("event: welcome\n");
    let mut terminal = Terminal::join(&wharf, "terminal", place.path());
    terminal.shows("Here: raw, curl, terminal\n");
    curl.shows("event: join\n");
    assert_eq!(ear.hear_of(&["join"]).1["user"], "curl");
    assert_eq!(ear.hear_of(&["join"]).1["user"], "terminal");
    terminal.line("to all");
    assert_eq!(ear.text(), "to all");
    curl.shows("\"text\":\"to all\"");
    assert_eq!(raw.say("?to=curl", "to curl"), 202);
    curl.shows("event: private\n");
    assert_eq!(by_curl.say("", "to all again"), 202);
    terminal.shows("curl: to all again\n");
    assert_eq!([ear.text(), ear.text()], ["to curl", "to all again"], "its own message, once");
    drop(terminal.child.stdin.take());
    assert_eq!(ear.hear_of(&["leave"]).1["user"], "terminal");
    curl.shows("event: leave\n");
    terminal.child.wait().expect("ended");
    let shown = terminal.out.lock().expect("whole").clone();
    assert!(!shown.contains("to curl") && !shown.contains("terminal: "), "{shown}");
}

/// A program that prints the events: `wharf chat` with a pipe as its input, or curl.
struct Terminal {
    child: Running,
    out: std::sync::Arc<std::sync::Mutex<String>>,
}

impl Terminal {
    fn join(wharf: &Wharf, name: &str, place: &std::path::Path) -> Self {
        let address = wharf.address();
        let mut chat = Command::new(env!("CARGO_BIN_EXE_wharf"));
        chat.args(["chat", name, &address.ip().to_string(), &address.port().to_string()])
            .current_dir(place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self::watch(Running::start(&mut chat))
    }

    /// Collects a program's output.
    fn watch(mut child: Running) -> Self {
        let out = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().expect("piped")), Box::new(child.stderr.take().expect("piped"))];
        for mut pipe in pipes {
            let out = out.clone();
            std::thread::spawn(move || {
                let mut bytes = [0; 1024];
                while let Ok(count @ 1..) = pipe.read(&mut bytes) {
                    out.lock().expect("whole").push_str(&String::from_utf8_lossy(&bytes[..count]));
                }
            });
        }
        Self { child, out }
    }

    fn line(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().expect("piped"), "{line}").expect("it reads");
    }

    fn shows(&self, text: &str) {
        eventually(&format!("it prints {text:?}: {}", self.out.lock().expect("whole")), || {
            self.out.lock().expect("whole").contains(text)
        });
    }
}

#[test]
fn terminals_chat() {
    let wharf = Wharf::serve(&[]);
    wharf.write("plan.txt", "the plan");
    let place = tempfile::tempdir().expect("a folder");
    let mut ann = Terminal::join(&wharf, "ann", place.path());
    ann.shows("Welcome ann to the server\nHere: ann\n");
    let mut bob = Terminal::join(&wharf, "bob", place.path());
    bob.shows("Here: ann, bob");
    ann.shows("bob has joined the chat.");
    ann.line("hello everybody");
    bob.shows("ann: hello everybody");
    bob.line("/unicast ann only you");
    ann.shows("bob (private): only you");
    bob.line("/broadcast and all");
    ann.shows("bob: and all");
    bob.line("/unicast carl x");
    bob.shows("User not found.\n");
    bob.line("/who");
    bob.shows("Here: ann, bob\n");
    bob.line("/file");
    bob.shows("plan.txt");
    bob.shows("1 in all");
    bob.line("/download plan.txt");
    bob.shows("bob/plan.txt");
    assert_eq!(std::fs::read(place.path().join("bob/plan.txt")).expect("saved"), b"the plan");
    bob.line("/nonsense");
    bob.shows("commands: /broadcast text");
    bob.line("/quit");
    bob.shows("stopping client.");
    ann.shows("[bob] has left the chat.");
    assert_eq!(bob.child.wait().expect("ended").code(), Some(1), "the exit status reports the error");
    drop(ann.child.stdin.take());
    assert_eq!(ann.child.wait().expect("ended").code(), Some(0));
    let said = ann.out.lock().expect("whole").clone();
    assert!(!said.contains("ann: hello everybody") && !said.contains('\x1b'), "{said}");
}

#[test]
fn a_client_reconnects_when_the_server_comes_back() {
    let wharf = Wharf::serve(&[]);
    let address = wharf.address();
    let place = tempfile::tempdir().expect("a folder");
    let mut ann = Terminal::join(&wharf, "ann", place.path());
    ann.shows("Here: ann");
    let folder = wharf.kill();
    ann.shows("The server closed the connection.");
    let again = Wharf::serve_in(folder, &["--port", &address.port().to_string()]);
    eventually("ann is there again", || again.log().contains("opened an event stream as ann"));
    Person::join(&again, "bob").say("", "back");
    ann.shows("bob: back");
    drop(ann.child.stdin.take());
    ann.child.wait().expect("ended");
}

#[test]
fn a_pipe_waits_for_the_limit_and_loses_no_line() {
    let wharf = Wharf::serve(&[]);
    let mut ear = Person::join(&wharf, "bob").listen();
    let place = tempfile::tempdir().expect("a folder");
    let lines: Vec<_> = (0..100).map(|number| format!("n{number}\n")).collect();
    let output = run(
        &["chat", "ann", "127.0.0.1", &wharf.address().port().to_string()],
        &lines.concat(),
        place.path(),
    );
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    for number in 0..100 {
        assert_eq!(ear.text(), format!("n{number}"));
    }
}

#[test]
fn a_line_typed_while_the_server_is_away_is_sent_when_it_is_back() {
    let wharf = Wharf::serve(&[]);
    let address = wharf.address();
    let place = tempfile::tempdir().expect("a folder");
    let mut ann = Terminal::join(&wharf, "ann", place.path());
    ann.shows("Here: ann");
    let folder = wharf.kill();
    ann.line("first");
    ann.line("second");
    ann.shows("The message will be sent when the server is back.");
    let again = Wharf::serve_in(folder, &["--port", &address.port().to_string()]);
    let bob = Person::join(&again, "bob");
    let mut ear = bob.listen();
    // The welcome may already contain them.
    eventually("both are sent", || {
        let messages = again.ask("GET", "/.wharf/chat/messages?since=0-0", &bob.fields(), b"").text();
        messages.contains("first") && messages.contains("second")
    });
    ann.line("third");
    while ear.text() != "third" {}
    drop(ann.child.stdin.take());
    assert_eq!(ann.child.wait().expect("ended").code(), Some(0));
}

#[test]
fn each_error_is_one_line() {
    let wharf = Wharf::serve(&[]);
    let place = tempfile::tempdir().expect("a folder");
    let _ann = Person::join(&wharf, "ann");
    let port = wharf.address().port().to_string();
    let closed = ClosedPort::reserve();
    let gone = closed.address();
    let cases: [(&[&str], i32, &str); 5] = [
        (&["chat"], 2, "usage: wharf chat USER [HOST [PORT]]\n"),
        (&["chat", "ANN", "127.0.0.1", &port], 1, "the name ANN is taken (choose another)\n"),
        (&["chat", "a b", "127.0.0.1", &port], 1, ""),
        (&["chat", "bob", "127.0.0.1", &gone.port().to_string()], 1, "Server is not running. ("),
        (&["chat", "bob", "127.0.0.1", "x"], 2, "usage: wharf chat"),
    ];
    for (arguments, code, said) in cases {
        let output = run(arguments, "", place.path());
        assert_eq!(output.code, Some(code), "{arguments:?}: {output:?}");
        assert!(output.stderr.contains(said), "{arguments:?}: {output:?}");
    }
}

#[test]
fn the_directory_for_downloads_does_not_depend_on_the_server() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = socket.local_addr().expect("bound").port().to_string();
    let impostor = std::thread::spawn(move || {
        let (mut stream, _) = socket.accept().expect("a client");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        let mut asked = Vec::new();
        while !asked.ends_with(b"user=ann") {
            let mut bytes = [0; 1024];
            let count = stream.read(&mut bytes).expect("a request");
            assert!(count > 0, "it asks to join");
            asked.extend_from_slice(&bytes[..count]);
        }
        let body = r#"{"user":"../elsewhere","token":"1-0"}"#;
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
    });
    let place = tempfile::tempdir().expect("a folder");
    let output = run(&["chat", "ann", "127.0.0.1", &port], "/download x\n", place.path());
    impostor.join().expect("it was asked");
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""));
    assert!(output.stderr.contains("no chat room here"), "{output:?}");
}
