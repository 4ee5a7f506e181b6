use std::net::TcpListener;
use std::sync::Arc;

use super::*;
use crate::folder::{Folder, OnConflict, Rules};
use crate::server::baton::Baton;
use crate::server::timing::{IdleClock, KeepAlive};
use crate::server::{Digests, Permits, Shelf, Site};
use crate::stop::Stop;

#[test]
fn a_job_that_takes_long_costs_its_client_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path(), Duration::from_millis(1));
    let (stream, _client) = stream();
    let mut connection = Connection::new(stream);
    let exchange = Exchange::of_no_head(b"", Why::Framing, Instant::now(), &state);
    let (ended, when) = std::sync::mpsc::channel();
    let job: Job = Box::new(move |_| {
        let _ = ended.send(Instant::now());
        Outcome::Answer(Answer::text(Status::OK, "saved\n"), None)
    });
    let next = connection.work(Work { job, exchange, waits: false }, &state, Duration::ZERO);
    let Next::Park(wish) = next else { panic!("it has been done") };
    let ended = when.recv().expect("it was done");
    assert!(wish.deadline >= Deadline::after(ended, state.stall), "counted from its end");
    let mut turn = Turn { state: &state, input: &mut Input::new(), timeout: Duration::ZERO };
    assert!(matches!(connection.expire(&mut turn), Next::Park(_)), "nothing has been tried yet");
    assert!(matches!(connection.expire(&mut turn), Next::Close), "nothing has moved since");
}

#[test]
fn a_connection_is_kept_for_as_long_as_was_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path(), Duration::from_secs(60));
    let (stream, _client) = stream();
    let mut connection = Connection::new(stream);
    let mut exchange = Exchange::of_no_head(b"", Why::BodyUnread, Instant::now(), &state);
    exchange.body_was_read();
    let job: Job = Box::new(|_| Outcome::Answer(Answer::text(Status::OK, "saved\n"), None));
    let (few, many, now) = (Duration::from_secs(19), Duration::from_secs(5), Instant::now());
    connection.work(Work { job, exchange, waits: false }, &state, few);
    let mut turn = Turn { state: &state, input: &mut Input::new(), timeout: many };
    let Next::Park(wish) = connection.advance(&mut turn) else { panic!("it is to be kept") };
    assert!(wish.idle_since.is_some() && wish.deadline >= Deadline::after(now, few));
}

pub(in crate::server) fn state(root: &std::path::Path, stall: Duration) -> State {
    let rules = Rules {
        hidden: false,
        read_only: true,
        reserve: 0,
        on_conflict: OnConflict::Refuse,
        max_upload: None,
        durable: false,
    };
    State {
        baton: Arc::new(Baton::new(1)),
        folder: Folder::open_at(root, rules).expect("a folder"),
        root: root.to_owned(),
        shelf: Shelf::default(),
        archives: Permits::new(1),
        digests: Digests::default(),
        site: Site::new(Vec::new()),
        keep_alive: KeepAlive::Dynamic,
        stall,
        idle: Arc::new(IdleClock::new(None, Instant::now())),
        stop: Stop::new().expect("a descriptor"),
        trust_html: false,
        allow_exit: false,
        talk: None,
        recorder: None,
    }
}

/// A connection, and its client's end.
fn stream() -> (Stream, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let client = listener.local_addr().and_then(std::net::TcpStream::connect).expect("a connection");
    let (server, peer) = listener.accept().expect("a connection");
    server.set_nonblocking(true).expect("set");
    (Stream::Tcp(server, peer), client)
}
