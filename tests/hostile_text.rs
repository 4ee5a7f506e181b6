//! Text from a hostile server, client or file name is filtered before it reaches the terminal, reports and
//! logs.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use percent_encoding::NON_ALPHANUMERIC;
use serde_json::json;

use crate::common::{Fake, Running, Wharf, eventually, field, outside, run, target_of};

/// Control and invisible characters that may appear in a header field.
const IN_FIELD: &str =
    "\u{9b}31m\u{85}\u{202e}\u{2066}\u{200b}\u{feff}\u{ad}\u{fff9}\u{3164}\u{e0041}\u{2028}EVIL";

/// The text of [`IN_FIELD`], preceded by characters that no field may contain.
fn evil() -> String {
    format!("\x1b]0;x\u{7}\x1b[2J\u{7f}\u{8}{IN_FIELD}")
}

/// A [`Fake`] closes the connection after each response. If the response does not announce this, the client
/// may send its next POST over it, and correctly does not retry it.
const CLOSES: &str = "Connection: close\r\n";

/// Characters that must not be in an output: control characters except line feed, and one invisible character
/// of each kind.
fn acts(text: &[u8]) -> Option<char> {
    let text = String::from_utf8_lossy(text);
    let is_evil =
        |c: char| (c.is_control() && c != '\n') || (!c.is_ascii_alphanumeric() && IN_FIELD.contains(c));
    text.chars().find(|c| is_evil(*c))
}

/// Reads the content of a request: closing with unread bytes would reset the connection. A client with
/// `Expect: 100-continue` sends no content.
fn read_content(head: &str, stream: &mut TcpStream) {
    if field(head, "Expect").is_some() {
        return;
    }
    let length = field(head, "Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let _ = std::io::copy(&mut stream.take(length), &mut std::io::sink());
}

/// How the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// An error with a text.
    Refuses,
    /// A redirect to somewhere else.
    SendsAway,
    /// A listing for `?list`, a file for every other target.
    Lists,
    /// Like [`Manner::Lists`], but its entries lead outside.
    ListsOutside,
    /// Success, with odd fields.
    Accepts,
    /// Something that is not HTTP.
    Babbles,
}

const MANNERS: [Manner; 6] = [
    Manner::Refuses,
    Manner::SendsAway,
    Manner::Lists,
    Manner::ListsOutside,
    Manner::Accepts,
    Manner::Babbles,
];

fn listing(manner: Manner, target: &str) -> String {
    let evil = evil();
    let (file, directory) = match manner {
        Manner::ListsOutside => (json!(format!("../{evil}")), json!(format!("/{evil}/"))),
        _ => (json!(null), json!(null)),
    };
    // One level only, or the tree would be endless.
    let kind = if target == "/?list" { "directory" } else { evil.as_str() };
    json!({
        "path": evil, "id": format!("{target}{evil}"), "entries": [
            {"name": format!("a{evil}"), "kind": evil, "size": 3, "modified": evil, "href": file},
            {"name": format!("b{evil}"), "kind": kind, "modified": evil, "href": directory},
            {"name": format!(".c{evil}"), "kind": "file", "size": 3, "modified": evil},
        ]
    })
    .to_string()
}

fn fake(manner: Manner) -> Fake {
    Fake::answers(move |head, stream| {
        read_content(head, stream);
        let (target, length) = (target_of(head), evil().len());
        let fields = format!(
            "Server: wharf {IN_FIELD}\r\n{CLOSES}ETag: \"{IN_FIELD}\"\r\nLast-Modified: {IN_FIELD}\r\nContent-Disposition: {IN_FIELD}\r\n"
        );
        let answer = match manner {
            Manner::Refuses => format!(
                "HTTP/1.1 403 {IN_FIELD}\r\n{fields}Content-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{}",
                evil()
            ),
            Manner::SendsAway => {
                format!(
                    "HTTP/1.1 302 {IN_FIELD}\r\n{fields}Location: http://{IN_FIELD}/\r\nContent-Length: 0\r\n\r\n"
                )
            }
            Manner::Lists | Manner::ListsOutside if target.ends_with("?list") => {
                let body = listing(manner, target);
                let length = body.len();
                format!(
                    "HTTP/1.1 200 OK\r\n{fields}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
                )
            }
            Manner::Lists | Manner::ListsOutside | Manner::Accepts => {
                let location = format!("Location: http://other/{IN_FIELD}\r\n");
                format!(
                    "HTTP/1.1 201 {IN_FIELD}\r\n{fields}{location}Content-Type: {IN_FIELD}\r\nContent-Length: 3\r\n\r\nabc"
                )
            }
            Manner::Babbles => format!("{}\r\n\r\n", evil()),
        };
        let _ = stream.write_all(answer.as_bytes());
    })
}

/// Every command that reads a response, for a server at this URL.
fn commands(url: &str) -> Vec<(Vec<String>, &'static str)> {
    let words = |line: &str| line.replace("URL", url).split(' ').map(str::to_owned).collect();
    vec![
        (words("get URL/f --retries=0"), ""),
        (words("get URL/d/ --retries=0"), ""),
        (words("get URL/* --retries=0"), ""),
        (words("get -R URL/ --retries=0 --hidden"), ""),
        (words("get --serial --split 1 -R URL/ --retries=0"), ""),
        (words("get URL/f -o out --retries=0"), ""),
        (words("put f --to URL/ --retries=0"), ""),
        (words("put large --to URL/ --retries=0"), ""),
        (words("put -R dir --to URL/ --retries=0"), ""),
        (words("list URL/"), ""),
        (words("list -R URL/"), ""),
        (words("list --json -R URL/"), ""),
        (
            words("client URL"),
            "LIST\nGET f\nget 1-3\nget *\nget --hidden --serial *\nPOST f\nPUT f x\nexit\n",
        ),
        (words("chat ann URL"), "hi\n/who\n/file\n/download f\n/quit\n"),
        (words("replay script URL --json report.json --junit report.xml"), ""),
    ]
}

/// Files for the commands.
fn stage(place: &Path) {
    fs::write(place.join("f"), "abc").expect("written");
    fs::write(place.join("large"), vec![0; 1 << 20]).expect("written");
    fs::create_dir(place.join("dir")).expect("a directory");
    fs::write(place.join("dir").join(evil()), "abc").expect("written");
    let script = "GET f -> 200 type=text/plain\nPOST f /x\nLIST -> 200\nGET f -> 201\n";
    fs::write(place.join("script"), script).expect("written");
}

#[test]
fn no_http_response_acts_on_the_terminal() {
    for manner in MANNERS {
        let (server, mut shown) = (fake(manner), 0);
        let place = tempfile::tempdir().expect("a directory");
        stage(place.path());
        for (arguments, input) in commands(&server.url("")) {
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            let output = run(&arguments, input, place.path());
            let reports = ["report.json", "report.xml"]
                .map(|file| fs::read(place.path().join(file)).unwrap_or_default());
            for text in [output.stdout.as_bytes(), output.stderr.as_bytes(), &reports[0], &reports[1]] {
                assert_eq!(acts(text), None, "{manner:?} {arguments:?}: {:?}", String::from_utf8_lossy(text));
                // `put -R dir` prints local names.
                if !arguments.contains(&"dir") {
                    shown += String::from_utf8_lossy(text).matches("EVIL").count();
                }
            }
        }
        // If a response is printed at all, it is filtered.
        assert_eq!(shown > 0, manner != Manner::Babbles, "{manner:?}: {shown}");
    }
}

/// In the terminal that `script` provides, there are progress bars; every control character is part of one of
/// their escape sequences.
#[test]
fn no_name_acts_in_a_progress_bar() {
    let Some(mut script) = outside("script") else { return };
    let (server, place) = (fake(Manner::Lists), tempfile::tempdir().expect("a directory"));
    let command = format!("{} get -R {} --hidden", env!("CARGO_BIN_EXE_wharf"), server.url("/"));
    let output = script
        .args(["-q", "-c", &command, "/dev/null"])
        .current_dir(place.path())
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("EVIL"), "{text}");
    for c in IN_FIELD.chars().filter(|c| !c.is_ascii()).chain(['\u{7f}']) {
        assert!(!text.contains(c), "{c:?} in {text:?}");
    }
    assert!(!text.contains("\x1b]0;x"), "{text:?}");
}

/// A server that lets every client join, and sends one event of each kind.
fn room() -> Fake {
    Fake::answers(|head, stream| {
        read_content(head, stream);
        let evil = evil();
        let json = |body: String| {
            format!(
                "HTTP/1.1 200 OK\r\nServer: wharf\r\n{CLOSES}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let answer = match target_of(head) {
            "/.wharf/chat/join" => json(json!({"user": "ann", "token": IN_FIELD}).to_string()),
            "/.wharf/chat/events" => {
                // Unescaped where JSON allows it: only characters below U+0020 must be escaped.
                let all = json!({
                    "text": evil, "user": evil, "users": [evil], "from": evil, "to": evil, "by": evil, "path": evil,
                    "href": evil, "size": evil, "at": format!("2026-01-01T{evil}"),
                    "history": [{"from": evil, "text": evil, "at": evil}],
                });
                let event = |kind| format!("id: {IN_FIELD}\nevent: {kind}\ndata: {all}\n\n");
                let events: String =
                    ["welcome", "message", "private", "join", "leave", "reset", IN_FIELD, "upload"]
                        .map(event)
                        .concat();
                let head = "HTTP/1.1 200 OK\r\nServer: wharf\r\nContent-Type: text/event-stream\r\n\r\n";
                let _ = stream.write_all(format!("{head}{events}").as_bytes());
                await_end(stream);
                return;
            }
            _ => format!(
                "HTTP/1.1 409 {IN_FIELD}\r\n{CLOSES}Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{evil}",
                evil.len()
            ),
        };
        let _ = stream.write_all(answer.as_bytes());
    })
}

fn await_end(stream: &mut TcpStream) {
    while stream.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {}
}

#[test]
fn no_chat_event_acts_on_the_terminal() {
    let (server, place) = (room(), tempfile::tempdir().expect("a directory"));
    let mut child = Running::start(
        Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(["chat", "ann", &server.url("")])
            .current_dir(place.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(" uploaded ") {
        assert!(stdout.read_until(b'\n', &mut heard).expect("readable") > 0, "it ended");
    }
    let lines = "hi\n/who\n/unicast bob hi\n/file\n/download f\n/quit\n";
    child.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("it reads");
    stdout.read_to_end(&mut heard).expect("readable");
    let said = child.output().stderr;
    for (text, least) in [(&heard, 12), (&said, 4)] {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(acts(text), None, "{shown:?}");
        assert!(shown.matches("EVIL").count() >= least, "{shown}");
    }
}

/// A TFTP server that answers a request for a directory with a listing, and any other with an error.
fn tftp() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let url = format!("tftp://{}", socket.local_addr().expect("bound"));
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let name = buffer[2..length].split(|byte| *byte == 0).next().unwrap_or_default();
            let reads = buffer[..2] == [0, 1] && (name.is_empty() || name.ends_with(b"/"));
            let answer = match buffer[1] {
                1 if reads => [b"\0\x03\0\x01", format!("a{IN_FIELD}\t3\t{IN_FIELD}\n").as_bytes()].concat(),
                1 | 2 => [b"\0\x05\0\x01", evil().as_bytes(), b"\0"].concat(),
                _ => continue,
            };
            let _ = socket.send_to(&answer, from);
        }
    });
    url
}

#[test]
fn no_tftp_response_acts_on_the_terminal() {
    let (url, place) = (tftp(), tempfile::tempdir().expect("a directory"));
    stage(place.path());
    let table = [
        (format!("get {url}/f"), ""),
        (format!("get {url}/f -o out"), ""),
        (format!("put f --to {url}/"), ""),
        (format!("list {url}/"), ""),
        (format!("list --json {url}/"), ""),
        (format!("client {url}"), "list\nget f\nput f\nexit\n"),
    ];
    for (line, input) in table {
        let output = run(&line.split(' ').collect::<Vec<_>>(), input, place.path());
        for text in [&output.stdout, &output.stderr] {
            assert_eq!(acts(text.as_bytes()), None, "{line}: {text:?}");
        }
        assert!(format!("{}{}", output.stdout, output.stderr).contains("EVIL"), "{line}: {output:?}");
    }
}

/// The other direction: requests and file names in the server's log, recordings and listings.
#[test]
fn no_name_and_no_request_acts_in_the_servers_output() {
    let place = tempfile::tempdir().expect("a directory");
    let record = place.path().join("record");
    let wharf = Wharf::serve(&["--udp", "0", "--record", record.to_str().expect("text")]);
    let name = evil();
    let encoded =
        percent_encoding::percent_encode(format!("{name}\nPOST ").as_bytes(), NON_ALPHANUMERIC).to_string();
    assert_eq!(wharf.ask("POST", &format!("/{encoded}/etc/x"), "", b"x").code(), 200);
    wharf.write(&name, "x");
    let mut tftp = crate::common::Tftp::new(wharf.tftp());
    assert!(tftp.get(&format!("none{name}")).is_err());
    tftp.send_request(&[b"\0\x05\0\0", name.as_bytes(), b"\0"].concat());
    wharf.connect().send([b"GET /", name.as_bytes(), b" HTTP/1.1\r\n\r\n"].concat()).read_answer(false);
    let listing = |accept: &str| wharf.ask("GET", "/?list", &format!("Accept: {accept}\r\n"), b"").text();
    let json = listing("application/json");
    assert!(acts(json.as_bytes()).is_none() && json.contains("EVIL"), "{json:?}");
    let text = listing("text/plain");
    let breaks = |c: char| (c.is_control() && !"\n\t".contains(c)) || "\u{202e}\u{2066}\u{2028}".contains(c);
    assert!(!text.contains(breaks) && text.contains("EVIL"), "{text:?}");
    let log = wharf.settled_log();
    assert_eq!(acts(log.as_bytes()), None, "{log:?}");
    assert!(log.matches("EVIL").count() >= 4, "{log}");
    eventually("it is recorded", || {
        fs::read_to_string(&record).is_ok_and(|script| script.contains("settled"))
    });
    let script = fs::read_to_string(&record).expect("a script");
    assert_eq!(acts(script.as_bytes()), None, "{script:?}");
    assert!(script.lines().all(|line| !line.starts_with("POST")), "{script}");
}
