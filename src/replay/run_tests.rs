//! Replays against scripted servers.

use super::*;
use crate::client::address::ServerAddress;
use crate::client::fake_peer::{FakePeer, PeerAction};
use PeerAction::{Read, Say};

const OK: PeerAction = Say("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok");
const MISSING: PeerAction = Say("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
const OPTIONS: ReplayOptions = ReplayOptions { connections: 1, repeat: 1, rate: None, quiet: false };

/// What a replay of this script prints on stdout and stderr, without times, and its stats.
fn replay(server: Endpoint, text: &str, options: ReplayOptions) -> (Vec<String>, String, Stats) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.txt");
    std::fs::write(&path, text).expect("written");
    std::fs::write(folder.path().join("up.txt"), "hello").expect("written");
    let script = Script {
        name: "s.txt".to_owned(),
        ..Script::load(&path, &ServerAddress::root(server)).expect("valid")
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let script = Arc::new(script);
    let stats = run(&script, options, &AtomicBool::new(false), &mut Console { out: &mut out, err: &mut err })
        .expect("printed");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let untimed = text(out).lines().map(|line| line.split(" B ").next().unwrap_or(line).to_owned()).collect();
    (untimed, text(err), stats)
}

#[test]
fn each_result_is_a_line() {
    let peer = FakePeer::plays(&[&[Read, OK, Read, OK, Read, MISSING, Read, MISSING, Read, OK, Read, OK]]);
    let digest = "2689367b205c16ce32ed4200942b8b8b1e262dfc70d9bc9fbc77c49699a4f1df";
    let script = format!(
        "GET a\nPOST up.txt\nGET b -> 404\nGET c\n\nGET d -> 404 bytes=2\nGET e -> 200 type=text/plain sha256={digest}"
    );
    let (out, err, stats) = replay(peer.server(), &script, OPTIONS);
    let expected = [
        "✓ 200 GET a 2",
        "✓ 200 POST up.txt 5",
        "✓ 404 GET b 0",
        "✗ s.txt:4: got 404 Not Found (GET c 0",
        "✗ s.txt:6: expected 404, got 200 OK (GET d 2",
        "✓ 200 GET e 2",
    ];
    assert_eq!(out, expected);
    assert_eq!(err, "");
    assert_eq!((stats.sent(), stats.failed(), stats.bytes()), (6, 2, 11));
    let heard = peer.heard();
    assert!(heard[1].starts_with("POST /up.txt ") && heard[1].ends_with("\r\n\r\nhello"), "{}", heard[1]);
}

#[test]
fn a_lost_connection_fails_only_its_request() {
    let cut = Say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok");
    let peer = FakePeer::plays(&[&[Read, cut], &[Read, OK]]);
    let (out, err, stats) = replay(peer.server(), "GET a\nGET b", OPTIONS);
    assert_eq!(out, ["✓ 200 GET b 2"]);
    assert_eq!(err, "✗ s.txt:1: the server closed the connection after 2 of 9 bytes\n");
    assert_eq!((stats.sent(), stats.failed()), (2, 1));
}

#[test]
fn redirects_are_not_followed() {
    let redirect = Say("HTTP/1.1 308 Permanent Redirect\r\nLocation: /a/\r\nContent-Length: 0\r\n\r\n");
    let peer = FakePeer::plays(&[&[Read, redirect]]);
    let (out, ..) = replay(peer.server(), "GET a", OPTIONS);
    assert_eq!(out, ["✓ 308 GET a 0"]);
}

#[test]
fn several_connections_share_the_requests() {
    let connection: &[PeerAction] = &[Read, OK, Read, OK, Read, OK];
    let peer = FakePeer::plays(&[connection, connection, connection]);
    let options = ReplayOptions { connections: 1, repeat: 3, quiet: true, ..OPTIONS };
    let (out, _, stats) = replay(peer.server(), "GET a\nGET b -> 200\nGET c", options);
    assert!(out.is_empty(), "{out:?}");
    assert_eq!((stats.sent(), stats.failed()), (9, 0));
    assert!(stats.lines.iter().all(|line| line.sent == 3));
}

#[test]
fn every_request_is_taken_once() {
    let script = crate::replay::stats::tests::script(3);
    let queue = Queue::new(&script, ReplayOptions { repeat: 7, rate: Some(1e6), ..OPTIONS });
    let taken = thread::scope(|scope| {
        let take = || std::iter::from_fn(|| queue.take()).collect::<Vec<_>>();
        let takers: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
        takers.into_iter().flat_map(|taker| taker.join().expect("taken")).collect::<Vec<_>>()
    });
    let mut numbers: Vec<_> = taken.iter().map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..21).collect::<Vec<_>>());
    for (number, due) in taken {
        assert_eq!(due, Some(queue.begun + Duration::from_micros(number)), "{number}");
    }
}

#[test]
fn a_time_beyond_the_clock_is_not_waited_for() {
    let script = crate::replay::stats::tests::script(1);
    let queue = Queue::new(&script, ReplayOptions { repeat: u64::MAX, rate: Some(1e-6), ..OPTIONS });
    assert_eq!(queue.due(u64::MAX, 1e-6), None);
}

#[test]
fn lateness_counts_as_time() {
    let peer = FakePeer::plays(&[&[Read, OK]]);
    let script = crate::replay::stats::tests::script(1);
    let mut step = script.steps[0].clone();
    step.request.server = peer.server();
    let due = Instant::now().checked_sub(Duration::from_secs(5)).expect("the machine has run so long");
    let response = Sender::default().send(&step, due, &mut 0).expect("a response");
    assert!(response.took >= Duration::from_secs(5), "{:?}", response.took);
}

#[test]
fn a_closed_output_ends_the_replay() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut script = crate::replay::stats::tests::script(1);
    script.steps[0].request.server = Endpoint::Unix("/nowhere/w.sock".into());
    let options = ReplayOptions { repeat: u64::MAX, ..OPTIONS };
    let script = Arc::new(script);
    let ended =
        run(&script, options, &AtomicBool::new(false), &mut Console { out: &mut Gone, err: &mut Gone });
    assert_eq!(ended.map(|_| ()).map_err(|error| error.kind()), Err(io::ErrorKind::BrokenPipe));
}
