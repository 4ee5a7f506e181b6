use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::*;
use crate::access::{Access, Rights};
use crate::blocking::Blocking;
use crate::folder::{Folder, OnConflict, Rules};
use crate::http::body::Framing;
use crate::http::persistence::CloseReason;
use crate::http::status::Status;
use crate::net::poller::Interest;
use crate::server::client_key::ClientKey;
use crate::server::connection::phase::ReceivingBody;
use crate::server::connections::lead::Lead;
use crate::server::connections::slot::Capacity;
use crate::server::connections::table::ConnectionTable;
use crate::server::jobs::fair_permits::FairPermits;
use crate::server::jobs::{CROWDED, Chores, Jobs};
use crate::server::moment::Moment;
use crate::server::observe::Observers;
use crate::server::readiness::ReadinessChecks;
use crate::server::receive::small_body::SmallBody;
use crate::server::receive::{AfterBody, Job, Receiving};
use crate::server::runtime::Runtime;
use crate::server::timing::{IdleClock, KeepAlive};
use crate::server::{AllowedHosts, Base, Cache, Digests, Permits, TrustedProxies};
use crate::stop::Stop;

/// README.md says how many bytes an idle connection takes: this struct, its entry in the table, and its entry
/// in the list of deadlines.
#[test]
fn an_idle_connection_is_small() {
    assert!(size_of::<Tracked<Connection>>() <= 184, "{}", size_of::<Tracked<Connection>>());
}

#[test]
fn a_slow_job_does_not_use_up_its_clients_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path(), Duration::from_millis(1));
    let (transport, _client) = transport();
    let mut connection = Connection::new(transport, false, false);
    let exchange = exchange(&state);
    let (ended, when) = std::sync::mpsc::channel();
    let job: Job = Box::new(move |_, _| {
        let _ = ended.send(Moment::now());
        JobOutcome::Respond(Response::text(Status::OK, "saved\n"), None)
    });
    let next = connection.work(*work(job, exchange), &state, Duration::ZERO, Blocking::own_thread());
    let AfterTurn::Park(wait_for) = next else { panic!("the job is done") };
    let ended = when.recv().expect("the job ran");
    assert!(
        wait_for.deadline >= Deadline::after(ended, state.stall),
        "the deadline starts at the end of the job"
    );
    let (jobs, mut input) = (Jobs::new(1), Input::default());
    let mut turn = turn(&state, &jobs, &mut input, Duration::ZERO);
    assert!(
        matches!(connection.expire(&mut turn), AfterTurn::Park(_)),
        "nothing was sent before the first deadline"
    );
    assert!(matches!(connection.expire(&mut turn), AfterTurn::Close), "the client has read nothing since");
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
fn a_panic_costs_one_connection() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path(), Duration::from_secs(60));
    let capacity = Capacity { connections: 3, spare: 0, descriptors: 9 };
    let table = ConnectionTable::new(capacity, Arc::clone(&state.lead)).expect("a poller");
    let shared = Arc::new(Runtime {
        state,
        table,
        jobs: Jobs::new(1),
        passwords: Jobs::new(1),
        broadcaster: None,
        shedding: Permits::new(1),
    });
    let exchange = || exchange(&shared.state);
    let deadline = Deadline::after(Moment::now(), shared.state.stall);
    let admit = |transport, phase, unread: &[u8]| {
        let connection = Connection {
            transport,
            source: None,
            certificate: None,
            credential: None,
            phase,
            unread: unread.into(),
            has_waited: false,
            is_exposed: false,
        };
        shared.table.admit(connection, ClientKey::Here).expect("a free slot")
    };
    let waiting = || Phase::RecvHead(WaitingForHead::default());
    let [(in_turn, one), (in_job, other), (well, mut third)] = [(); 3].map(|()| transport());

    let then = AfterBody::Respond(Box::new(|_, _| panic!("in a worker, on purpose")));
    let receiving = Box::new(Receiving::in_memory(Framing::Sized(1), SmallBody::new(8), then));
    let body = Phase::RecvBody(Box::new(ReceivingBody { exchange: exchange(), receiving, deadline }));
    shared.park(admit(in_turn, body, b"x"), WaitFor::writable(deadline));
    let job: Job = Box::new(|_, _| panic!("in a job, on purpose"));
    shared.settle(admit(in_job, waiting(), b""), AfterTurn::Work(work(job, exchange())));
    let [worker, jobs] = [Runtime::work, Runtime::do_jobs].map(|act| {
        let shared = Arc::clone(&shared);
        std::thread::spawn(move || act(&shared))
    });
    for mut client in [one, other] {
        assert_eq!(client.read(&mut [0]).expect("closed without a reset"), 0);
    }
    third.write_all(b"GET /.wharf/health HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
    shared.park(admit(well, waiting(), b""), WaitFor::readable(deadline));
    let mut answer = [0; 12];
    third.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200", "the same worker continues");
    shared.jobs.end();
    jobs.join().expect("no panic");
    assert_eq!(shared.table.open(), 1, "their slots are free");
    shared.table.end();
    worker.join().expect("no panic");
}

#[test]
fn no_job_runs_for_a_client_that_disconnected() {
    type Go = fn(std::net::TcpStream) -> Option<std::net::TcpStream>;
    let chunked = |sent: &str| {
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        decoder.decode(sent.as_bytes()).expect("valid");
        Some(decoder)
    };
    let sized = |length| Some(BodyDecoder::new(Framing::Sized(length)));
    let stay: Go = Some;
    let close: Go = |_client| None;
    let end: Go = |client| client.shutdown(std::net::Shutdown::Write).map(|()| client).ok();
    let reset: Go = |client| {
        socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("set");
        None
    };
    let table: [(&str, Option<BodyDecoder>, &str, Go, bool, bool); 11] = [
        ("connected", None, "", stay, false, false),
        ("connected, and crowded", None, "", stay, true, false),
        ("a reset", None, "", reset, false, true),
        ("sending side closed, may still read", None, "", close, false, false),
        ("sending side closed, and crowded", None, "", close, true, true),
        ("the rest has arrived", sized(4), "rest", end, false, false),
        ("the rest has arrived, and crowded", sized(4), "rest", end, true, true),
        ("truncated", sized(5), "rest", close, false, true),
        ("complete chunks", chunked("9\r\n"), "123456789\r\n0\r\n\r\n", close, false, false),
        ("truncated chunks", chunked("9\r\n"), "123456789\r\n", close, false, true),
        ("malformed chunks get a response", chunked("9\r\n"), "123456789x", close, false, false),
    ];
    for (name, rest, sent, go, is_crowded, expected) in table {
        let (transport, mut client) = transport();
        client.write_all(sent.as_bytes()).expect("sent");
        let client = go(client);
        let has_ended = client.is_none() || rest.is_some();
        let connection = Connection::new(transport, false, false);
        while has_ended && connection.transport.other_end() == OtherEnd::Open {
            std::thread::yield_now();
        }
        assert_eq!(connection.has_gone(rest.as_ref(), is_crowded), expected, "{name}");
    }
}

#[test]
fn a_delayed_upload_is_dropped_when_its_client_disconnects() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path(), Duration::from_secs(60));
    let capacity = Capacity { connections: 16, spare: 0, descriptors: 64 };
    let table = ConnectionTable::new(capacity, Arc::clone(&state.lead)).expect("a poller");
    let shared = Arc::new(Runtime {
        state,
        table,
        jobs: Jobs::new(1),
        passwords: Jobs::new(1),
        broadcaster: None,
        shedding: Permits::new(1),
    });
    let mut clients = Vec::new();
    let mut admit = || {
        let (transport, client) = transport();
        clients.push(client);
        shared.table.admit(Connection::new(transport, false, false), ClientKey::Here).expect("a free slot")
    };
    let jobs = CROWDED;
    for _ in 0..jobs {
        let exchange = exchange(&shared.state);
        let job: Job = Box::new(|_, _| JobOutcome::Respond(Response::text(Status::OK, "saved\n"), None));
        shared.settle(admit(), AfterTurn::Work(work(job, exchange)));
    }
    let more_than_jobs = 2 * jobs - 1;
    let held_back: Vec<_> = (jobs..more_than_jobs).map(|_| admit()).collect();
    // All clients but the last disconnect.
    clients.drain(jobs..more_than_jobs - 1);
    for tracked in held_back {
        shared.settle(tracked, AfterTurn::HeldBack(ClientKey::Here));
    }
    shared.jobs.end();
    shared.do_jobs();
    assert_eq!(shared.table.open() as usize, jobs + 1);
}

#[test]
fn a_job_counts_for_the_client_of_its_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path(), Duration::from_secs(60));
    let capacity = Capacity { connections: 16, spare: 0, descriptors: 64 };
    let table = ConnectionTable::new(capacity, Arc::clone(&state.lead)).expect("a poller");
    let shared = Arc::new(Runtime {
        state,
        table,
        jobs: Jobs::new(1),
        passwords: Jobs::new(1),
        broadcaster: None,
        shedding: Permits::new(1),
    });
    let proxy = ClientKey::User(1);
    for _ in 0..CROWDED {
        let tracked =
            shared.table.admit(Connection::new(transport().0, false, false), proxy).expect("a free slot");
        let job: Job = Box::new(|_, _| JobOutcome::Respond(Response::text(Status::OK, "saved\n"), None));
        let work = Work { descriptors: 3, ..*work(job, exchange(&shared.state)) };
        shared.settle(tracked, AfterTurn::Work(Box::new(work)));
    }
    assert!(shared.jobs.is_crowded(ClientKey::Here) && !shared.jobs.is_crowded(proxy));
    let (heaviest, holding) = shared.table.heaviest().expect("a client");
    assert_eq!((heaviest, holding.descriptors), (ClientKey::Here, 3 * CROWDED as u64));
}

#[test]
fn a_truncated_form_is_not_started() {
    let part = |name| {
        format!("--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n{name}\r\n")
    };
    let form = part("a") + &part("b") + "--B--\r\n";
    for (name, length, is_begun) in [("whole", form.len(), true), ("truncated", form.len() + 1, false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let state = state(folder.path(), Duration::from_secs(60));
        let (transport, mut client) = transport();
        let fields = "Host: localhost\r\nContent-Type: multipart/form-data; boundary=B";
        write!(client, "POST / HTTP/1.1\r\n{fields}\r\nContent-Length: {length}\r\n\r\n{form}")
            .expect("sent");
        drop(client);
        let mut connection = Connection::new(transport, false, false);
        while connection.transport.other_end() == OtherEnd::Open {
            std::thread::yield_now();
        }
        let (jobs, mut input) = (Jobs::new(1), Input::default());
        let mut next = connection.advance(&mut turn(&state, &jobs, &mut input, Duration::ZERO));
        assert_eq!(matches!(next, AfterTurn::Work(_)), is_begun, "{name}");
        assert_eq!(matches!(next, AfterTurn::Close), !is_begun, "{name}");
        // Each file is a job, without a turn in between.
        let mut files = 0;
        while let AfterTurn::Work(work) = next {
            next = connection.work(*work, &state, Duration::ZERO, Blocking::own_thread());
            files += 1;
        }
        assert_eq!(files, if is_begun { 2 } else { 0 }, "{name}");
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
        assert!(matches!(connection.advance(&mut turn), AfterTurn::NeedsDisk(_)));
    }
    let mut on_its_own = turn(&state, &jobs, &mut input, Duration::ZERO);
    assert!(matches!(connection.advance(&mut on_its_own), AfterTurn::Close));
    drop((taken, connection));
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("content"), "{answer}");
}

/// A request of a program on this machine.
fn exchange(state: &State) -> Exchange {
    let client = ClientAddress::of_peer(Peer::Unix(None));
    Exchange::of_no_head(b"", client, CloseReason::BodyUnread, Moment::now(), state)
}

fn work(job: Job, exchange: Exchange) -> Box<Work> {
    let job = Deferred::new(job, &Chores::new().0);
    Box::new(Work { job, exchange, waits: false, rest: None, descriptors: 1, saves: false, begun: None })
}

/// A turn on a thread that may block.
fn turn<'a>(state: &'a State, jobs: &'a Jobs<Task>, input: &'a mut Input, timeout: Duration) -> Turn<'a> {
    Turn { state, input, timeout, disk: Disk::OwnThread, may_open: true, jobs }
}

pub(in crate::server) fn state(root: &std::path::Path, stall: Duration) -> State {
    let rules = Rules {
        hidden: false,
        read_only: false,
        reserve: 0,
        on_conflict: OnConflict::Refuse,
        max_upload: None,
        durable: false,
        trash: None,
        trash_size: None,
        stall,
    };
    State {
        lead: Arc::new(Lead::new(1)),
        folder: Folder::open_at(root, rules).expect("a folder"),
        access: Access::new(Rights::VIEW.with(Rights::SAVE)),
        root: root.to_owned(),
        cache: Cache::default(),
        blocking: Permits::new(1),
        chores: Chores::new().0,
        trash_sweeps: Permits::new(1),
        readiness: ReadinessChecks::default(),
        archives: FairPermits::new(1),
        copies: FairPermits::new(1),
        listings: Permits::new(1),
        large_send_buffers: Permits::new(1),
        spin_permits: Permits::new(1),
        digests: Digests::default(),
        #[cfg(feature = "archive")]
        crcs: Arc::default(),
        #[cfg(feature = "archive")]
        zip_memory: FairPermits::new(crate::server::handle::archive::ZIP_PERMITS),
        allowed_hosts: AllowedHosts::new(Vec::new()),
        base: Base::default(),
        grace: Duration::ZERO,
        proxies: TrustedProxies::default(),
        keep_alive: KeepAlive::Dynamic,
        stall,
        idle: Arc::new(IdleClock::new(None, Moment::now())),
        stop: Stop::new().expect("a descriptor"),
        tcp: Vec::new(),
        trust_html: false,
        index: None,
        allow_exit: false,
        chat: None,
        observers: Observers::default(),
        tls: None,
        accounts: None,
        #[cfg(feature = "accounts")]
        ambient_users: crate::server::ambient_users::AmbientUsers::default(),
        udp_read_only: false,
    }
}

/// A connection, and its client's end.
pub(in crate::server) fn transport() -> (Transport, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let client = listener.local_addr().and_then(std::net::TcpStream::connect).expect("a connection");
    let (server, peer) = listener.accept().expect("a connection");
    server.set_nonblocking(true).expect("set");
    (Transport::Tcp(server, peer), client)
}
