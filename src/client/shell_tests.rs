//! Prompts: what is printed for each line, and at the end.

use super::*;
use crate::client::fake_peer::{FakePeer, PeerAction};
use crate::client::prompt::FAREWELL;
use PeerAction::{Read, Say};

/// What a shell prints for these lines on stdout and stderr, and whether all succeeded.
fn run(server: Endpoint, lines: &str, downloads: &Path) -> (String, String, bool) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (address, undo) = (ServerAddress::root(server), UndoCookies::default());
    let shell = Shell::new(address, downloads.to_owned(), undo, &mut out, &mut err);
    let all_well = shell.run_piped(lines.as_bytes()).expect("writing to a vector cannot fail");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(out), text(err), all_well)
}

/// A server that is not running.
fn nobody() -> Endpoint {
    Endpoint::Unix(PathBuf::from("/nowhere/w.sock"))
}

#[test]
fn lines_that_need_no_server() {
    let cases = [
        ("the end", "", "stopping client.\n", "", true),
        ("quit", "# bye\n\nQUIT\nGET never", "stopping client.\n", "", true),
        (
            "unknown",
            "FETCH\n",
            "stopping client.\n",
            "commands: GET, POST, LIST, cd, pwd, rm, mv, cp, mkdir, undo, trash, shutdown, exit, quit, help\n",
            false,
        ),
        ("no file", "POST no\x1bthing", "stopping client.\n", "File no\\u{1b}thing not found.\n", false),
        (
            "no server, and the next command",
            "GET a\r\nLIST",
            "stopping client.\n",
            "Server is not running. (unix:/nowhere/w.sock)\nServer is not running. (unix:/nowhere/w.sock)\n",
            false,
        ),
    ];
    for (name, lines, out, err, all_well) in cases {
        let said = run(nobody(), lines, Path::new("downloads"));
        assert_eq!(said, (out.to_owned(), err.to_owned(), all_well), "{name}");
    }
}

#[test]
fn a_prompt_over_one_connection() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("up.txt");
    std::fs::write(&file, "hello").expect("written");
    let listing = "HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{\"path\":\"/\",\"entries\":[]}\r\n";
    let refusal = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let ok = Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let peer = FakePeer::plays(&[&[Read, ok, Read, ok, Read, Say(listing), Read, Say(refusal)]]);
    let lines = format!("GET a.txt\nPOST {}\nLIST sub\nGET b.txt\n", file.display());
    let (out, err, all_well) = run(peer.server(), &lines, folder.path());
    assert_eq!(std::fs::read(folder.path().join("a.txt")).expect("saved"), b"ok");
    let untimed: Vec<_> = out.lines().map(|line| line.split(" in ").next().unwrap_or_default()).collect();
    let saved = format!("200 OK → {}, 2 B", folder.path().join("a.txt").display());
    assert_eq!(untimed, [saved.as_str(), "200 OK → /up.txt, 5 B", "No shared files", FAREWELL]);
    assert_eq!((err.as_str(), all_well), ("b.txt: 404 Not Found\n", false));
    let asked: Vec<_> =
        peer.heard().iter().filter_map(|head| head.lines().next().map(str::to_owned)).collect();
    let expected = ["GET /a.txt", "POST /up.txt", "GET /sub/?list", "GET /b.txt"];
    assert_eq!(asked, expected.map(|line| format!("{line} HTTP/1.1")));
}

#[test]
fn changes_over_one_connection() {
    let says = |status: &str, body: &str| {
        let length = body.len();
        Say(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").leak())
    };
    let listing = r#"{"entries":[{"name":"a b","kind":"file"},{"name":".c","kind":"file"},{"name":"d","kind":"directory"}]}"#;
    let (gone, listed) = (says("204 x", ""), says("200 x", listing));
    let answers = [
        ("rm -f none", says("404 x", ""), "DELETE /none"),
        ("ls", listed, "GET /?list"),
        ("rm 1", gone, "DELETE /a%20b"),
        ("rm -r 3", gone, "DELETE /d/"),
        ("rm *b", listed, "GET /?list"),
        ("", gone, "DELETE /a%20b"),
        ("mv 1 x/", says("201 x", ""), "MOVE /a%20b"),
        ("mkdir y", says("201 x", ""), "MKCOL /y/"),
        ("undo", says("200 x", r#"{"path":"/a b"}"#), "POST /.wharf/undo"),
        ("trash empty", says("200 x", r#"{"count":2}"#), "DELETE /.wharf/trash"),
    ];
    let part: Vec<_> = answers.iter().flat_map(|(_, answer, _)| [Read, *answer]).collect();
    let peer = FakePeer::plays(&[&part]);
    let lines: String = answers.iter().flat_map(|(line, _, _)| [line, "\n"]).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = "rm 3\nrm 4\nrm /\nrm -x a\ntrash\n";
    let (out, err, all_well) = run(peer.server(), &format!("{lines}{wrong}"), folder.path());
    let said: Vec<_> = out.lines().skip(3).collect();
    let expected = [
        "removed /a b for good",
        "removed /d/ for good",
        "removed /a b for good",
        "moved /a b → /x/a b",
        "created /y/",
        "restored /a b",
        "deleted 2 entries",
        FAREWELL,
    ];
    assert_eq!(said, expected, "{out}");
    let errors: Vec<_> = err.lines().collect();
    let expected = [
        "/d/: it is a directory (rm -r removes it, with everything in it)",
        "4 is not in the last list, which has 3 entries",
        "/: the root cannot be changed (a pattern, as in '/*', selects what is in it)",
        "unknown option -x: rm [-rfn] path … (-- ends the options)",
        "trash needs list, restore or empty",
    ];
    assert_eq!((errors, all_well), (expected.to_vec(), false));
    let heard = peer.heard();
    let asked: Vec<_> = heard.iter().map(|head| head.lines().next().unwrap_or_default()).collect();
    assert_eq!(asked, answers.map(|(_, _, request)| format!("{request} HTTP/1.1")));
}
