//! What one turn does with a connection, and when the connection is kept.

use super::*;
use crate::http::response::Head;
use crate::server::content::{Chunk, ContentSource, Produced};

/// README.md says how many bytes an idle connection takes: this struct, its entry in the table, and its entry
/// in the list of deadlines.
#[test]
fn an_idle_connection_is_small() {
    assert!(size_of::<Tracked<Connection>>() <= 184, "{}", size_of::<Tracked<Connection>>());
}

#[test]
fn a_connection_is_kept_for_the_promised_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path(), Duration::from_secs(60));
    let (transport, _client) = transport();
    let mut connection = Connection::new(transport, false, false);
    let mut exchange = exchange(&state);
    exchange.body_was_read();
    let job: Job = Box::new(|_, _| JobOutcome::Respond(Response::text(Status::OK, "saved\n"), None));
    let (few, many, now) = (Duration::from_secs(19), Duration::from_secs(5), Moment::now());
    connection.work(*work(job, exchange), &state, few, Blocking::own_thread());
    let (jobs, mut input) = (Jobs::new(1), Input::default());
    let mut turn = turn(&state, &jobs, &mut input, many);
    let AfterTurn::Park(wait_for) = connection.advance(&mut turn) else {
        panic!("the connection must be kept")
    };
    assert!(wait_for.idle_since.is_some() && wait_for.deadline >= Deadline::after(now, few));
}

#[test]
fn a_client_waiting_for_its_job_can_read_why_it_is_closed() {
    let (transport, mut client) = transport();
    let mut connection = Connection {
        transport,
        source: None,
        certificate: None,
        credential: None,
        phase: Phase::Away,
        unread: Box::default(),
        has_waited: false,
        is_exposed: false,
    };
    client.write_all(b"the rest of a body").expect("sent");
    let wait_for = connection.turn_away(b"no slot").expect("it must not be closed at once");
    assert_eq!(wait_for.interest, Interest::Readable, "further input is read");
    let mut told = String::new();
    client.read_to_string(&mut told).expect("no reset");
    assert_eq!(told, "no slot");
}

#[test]
fn only_a_connection_without_unread_input_stays_armed() {
    const ROOM: usize = 64 * 1024;
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path(), Duration::from_secs(60));
    let request = |length: usize| {
        let (before, behind) = ("GET /.wharf/health HTTP/1.1\r\nHost: localhost\r\nX: ", "\r\n\r\n");
        format!("{before}{}{behind}", "x".repeat(length - before.len() - behind.len()))
    };
    let (tcp, to_tcp) = transport();
    let (full, to_full) = transport();
    let (unix, to_unix) = UnixStream::pair().expect("a pair");
    unix.set_nonblocking(true).expect("set");
    let unix = Transport::Unix(unix, Peer::Unix(None));
    let filled = request(ROOM / 8).repeat(8) + &request(100);
    let table: [(&str, Transport, OwnedFd, String, &[Interest]); 3] = [
        ("one request", tcp, to_tcp.into(), request(100), &[Interest::News]),
        ("more than a full buffer", full, to_full.into(), filled, &[Interest::Readable, Interest::News]),
        ("a socket whose reads may stop early", unix, to_unix.into(), request(100), &[Interest::Readable]),
    ];
    for (name, transport, client, said, expected) in table {
        std::fs::File::from(client.try_clone().expect("cloned")).write_all(said.as_bytes()).expect("sent");
        while rustix::io::ioctl_fionread(&transport).expect("asked") < said.len() as u64 {
            std::thread::yield_now();
        }
        let mut connection = Connection::new(transport, false, false);
        let (jobs, mut input) = (Jobs::new(1), Input::default());
        let mut turn = turn(&state, &jobs, &mut input, Duration::from_secs(5));
        for interest in expected {
            let AfterTurn::Park(wait_for) = connection.advance(&mut turn) else {
                panic!("{name}: the connection must be kept")
            };
            assert_eq!(wait_for.interest, *interest, "{name}");
        }
        drop(client);
    }
}

#[test]
fn a_request_stays_unread_if_its_worker_may_not_block() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a"), "content").expect("written");
    let state = state(folder.path(), Duration::from_secs(60));
    let (transport, mut client) = transport();
    let mut connection = Connection::new(transport, false, false);
    let (jobs, mut input) = (Jobs::new(1), Input::default());
    client.write_all(b"GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
    let taken = state.blocking.take().expect("the only permit");
    while rustix::io::ioctl_fionread(&connection).expect("asked") == 0 {
        std::thread::yield_now();
    }
    for disk in [Disk::Worker, Disk::Never] {
        let mut turn = Turn { disk, ..turn(&state, &jobs, &mut input, Duration::ZERO) };
        assert!(matches!(connection.advance(&mut turn), AfterTurn::NeedsThread(_, JobKind::General)));
    }
    let mut on_its_own = turn(&state, &jobs, &mut input, Duration::ZERO);
    assert!(matches!(connection.advance(&mut on_its_own), AfterTurn::Close));
    drop((taken, connection));
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("content"), "{answer}");
}

/// Content of which nothing comes, as in a search that finds nothing.
#[derive(Debug)]
struct Nothing;

impl ContentSource for Nothing {
    fn next(&mut self, _: Blocking<'_>) -> std::io::Result<Produced> {
        Ok(Produced::Later)
    }

    fn descriptors(&self) -> u32 {
        0
    }
}

#[test]
fn a_response_of_which_nothing_comes_ends_when_its_client_has_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path(), Duration::from_secs(60));
    let (transport, client) = transport();
    let mut connection = Connection::new(transport, false, false);
    let content = Chunk::source(Nothing, &state.chores);
    let job: Job = Box::new(|_, _| JobOutcome::Respond(Response::new(Head::new(Status::OK), content), None));
    let timeout = Duration::from_secs(60);
    connection.work(*work(job, exchange(&state)), &state, timeout, Blocking::own_thread());
    let (jobs, mut input) = (Jobs::new(1), Input::default());
    let mut turn = turn(&state, &jobs, &mut input, timeout);
    for _ in 0..3 {
        assert!(matches!(connection.advance(&mut turn), AfterTurn::Park(_)), "the client waits");
    }
    // It has not read the head, so this resets the connection.
    drop(client);
    while !matches!(connection.advance(&mut turn), AfterTurn::Close) {
        std::thread::yield_now();
    }
}
