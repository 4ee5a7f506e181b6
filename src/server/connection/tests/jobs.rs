//! Jobs of connections: their time, their clients, and their panics.

use super::*;
use crate::http::body::BodyDecoder;
use crate::net::transport::OtherEnd;
use crate::server::broadcaster::Broadcaster;

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

fn broadcaster() -> Broadcaster {
    Broadcaster::new(None, Arc::new(Waker::new().expect("a descriptor"))).expect("a poller")
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
        broadcaster: broadcaster(),
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
        broadcaster: broadcaster(),
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
        broadcaster: broadcaster(),
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
