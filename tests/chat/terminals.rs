//! The chat in a terminal: `wharf chat`, and curl.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use super::Person;
use crate::common::{ClosedPort, PATIENCE, Running, Wharf, eventually, outside, run};

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
pub(crate) struct Terminal {
    child: Running,
    out: std::sync::Arc<std::sync::Mutex<String>>,
}

impl Terminal {
    pub(crate) fn join(wharf: &Wharf, name: &str, place: &std::path::Path) -> Self {
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

    pub(crate) fn line(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().expect("piped"), "{line}").expect("it reads");
    }

    pub(crate) fn shows(&self, text: &str) {
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
