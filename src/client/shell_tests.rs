//! Prompts: what is printed for each line, and at the end.

use super::*;
use crate::client::fake_peer::{FakePeer, PeerAction};
use crate::client::prompt::FAREWELL;
use PeerAction::{Read, Say};

/// What a shell prints for these lines on stdout and stderr, and whether all succeeded.
fn run(server: Endpoint, lines: &str, downloads: &Path) -> (String, String, bool) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let shell = Shell::new(ServerAddress::root(server), downloads.to_owned(), &mut out, &mut err);
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
            "commands: GET, POST, LIST, cd, pwd, shutdown, exit, quit, help\n",
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
