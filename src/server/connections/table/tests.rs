//! Parking, waking, deadlines and eviction.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use rustix::net::SendFlags;

use super::*;
use crate::server::connections::slot::Holding;
use crate::server::moment::Moment;

fn table_for<C: AsFd>(connections: u32) -> ConnectionTable<C> {
    let capacity = Capacity { connections, spare: 0, descriptors: 100 };
    ConnectionTable::new(capacity, Arc::new(Lead::new(2))).expect("a poller")
}

fn in_seconds(seconds: u64) -> Deadline {
    Deadline::after(Moment::now(), Duration::from_secs(seconds))
}

fn idle_for(seconds: u64) -> WaitFor {
    WaitFor::idle(Moment::now(), Duration::from_secs(seconds))
}

#[test]
fn the_entry_of_a_connection_is_small() {
    assert!(size_of::<Mutex<TableEntry<TcpStream>>>() <= 64, "in the table");
    assert!(size_of::<(Deadline, u32)>() <= 16, "in the list of deadlines");
}

#[test]
fn a_parked_connection_is_returned_when_its_client_sends() {
    let table = table_for(4);
    let (mut client, server) = UnixStream::pair().expect("a pair");
    let tracked = table.admit(server, ClientKey::Here).expect("a free slot");
    table.park(tracked, idle_for(60)).expect("armed");
    assert_eq!(table.open(), 1);
    client.write_all(b"x").expect("written");
    let taken = table.take(&mut Vec::new()).expect("taken");
    table.park(taken, idle_for(60)).expect("armed again");
    drop(table.take(&mut Vec::new()).expect("still readable"));
    assert_eq!(table.open(), 0);
}

/// Reads all available bytes.
fn read_all(tracked: &mut Tracked<UnixStream>) {
    tracked.connection.set_nonblocking(true).expect("set");
    let read = io::Read::read(&mut tracked.connection, &mut [0; 64]);
    assert!(read.is_ok_and(|count| count > 0), "there is input");
}

/// The events that have arrived.
fn events_now(table: &ConnectionTable<UnixStream>) -> Vec<PollEvent> {
    let mut events = Vec::new();
    table.poller.wait(&mut events, Some(Duration::ZERO)).expect("a poller");
    events
}

/// The connection that the next event is for; `None` after a long wait without one.
fn heard<C: AsFd>(table: &ConnectionTable<C>) -> Option<Box<Tracked<C>>> {
    const LONG: Duration = Duration::from_secs(10);
    let mut events = Vec::new();
    table.poller.wait(&mut events, Some(LONG)).expect("a poller");
    events.into_iter().find_map(|event| table.claim(event))
}

#[test]
fn an_armed_connection_gets_one_event_per_arrival() {
    let table = table_for(1);
    let (mut client, server) = UnixStream::pair().expect("a pair");
    let mut tracked = table.admit(server, ClientKey::Here).expect("a free slot");
    for _ in 0..3 {
        table.park(tracked, idle_for(60).for_news()).expect("armed");
        client.write_all(b"x").expect("written");
        tracked = table.take(&mut Vec::new()).expect("an event");
        assert!(events_now(&table).is_empty(), "one event, although nothing was read");
        read_all(&mut tracked);
    }
    // Once all input is read, the next event is for input that arrives after it was parked for writing.
    table.park(tracked, WaitFor::writable(in_seconds(60))).expect("armed");
    let tracked = table.take(&mut Vec::new()).expect("writable");
    table.park(tracked, idle_for(60).for_news()).expect("armed");
    assert!(events_now(&table).is_empty(), "no further event");
    client.write_all(b"x").expect("written");
    read_all(&mut table.take(&mut Vec::new()).expect("an event"));
}

#[test]
fn an_event_during_service_is_not_lost() {
    type Say = fn(&mut UnixStream);
    let more: Say = |client| client.write_all(b"more").expect("written");
    let end: Say = |client| client.shutdown(std::net::Shutdown::Write).expect("ended");
    for (name, before, while_served) in [
        ("more input, whose event another worker takes", None, Some(more)),
        ("the end, whose event another worker takes", None, Some(end)),
        ("the end, together with the input before it", Some(end), None),
    ] {
        let table = table_for(1);
        let (mut client, server) = UnixStream::pair().expect("a pair");
        table
            .park(table.admit(server, ClientKey::Here).expect("a free slot"), idle_for(60).for_news())
            .expect("armed");
        client.write_all(b"x").expect("written");
        if let Some(say) = before {
            say(&mut client);
        }
        let mut tracked = table.take(&mut Vec::new()).expect("an event");
        read_all(&mut tracked);
        if let Some(say) = while_served {
            say(&mut client);
            for event in events_now(&table) {
                assert!(table.claim(event).is_none(), "{name}: busy");
            }
        }
        table.park(tracked, idle_for(60).for_news()).expect("armed");
        assert!(heard(&table).is_some(), "{name}");
    }
}

#[test]
fn unread_input_is_served_at_the_deadline_and_at_shutdown() {
    for is_stop in [false, true] {
        let table = table_for(1);
        let (mut client, server) = UnixStream::pair().expect("a pair");
        let over = WaitFor::idle(Moment::now(), Duration::ZERO).for_news();
        table.park(table.admit(server, ClientKey::Here).expect("a free slot"), over).expect("armed");
        client.write_all(b"x").expect("written");
        let unread = table.take(&mut Vec::new()).expect("an event");
        table.park(unread, over).expect("it stays armed");
        assert!(events_now(&table).is_empty(), "no event");
        if is_stop {
            table.drain(|_, is_idle| assert!(!is_idle, "it has unread input"));
        } else {
            let expired = table.next_expired(Some(over.deadline));
            assert!(matches!(expired, Expired::Nothing), "it has unread input");
        }
        assert!(heard(&table).is_some(), "at shutdown: {is_stop}");
    }
}

#[test]
fn data_after_urgent_data_is_served() {
    let table: ConnectionTable<TcpStream> = table_for(1);
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a listener");
    let mut client = TcpStream::connect(listener.local_addr().expect("its address")).expect("connected");
    let (server, _) = listener.accept().expect("accepted");
    table
        .park(table.admit(server, ClientKey::Here).expect("a free slot"), idle_for(60).for_news())
        .expect("armed");
    client.write_all(b"before").expect("written");
    rustix::net::send(&client, b"!", SendFlags::OOB).expect("sent");
    client.write_all(b"behind").expect("written");
    let mut said = Vec::new();
    while !said.ends_with(b"behind") {
        let mut tracked = heard(&table).expect("a read that leaves input is followed by an event");
        let mut bytes = [0; 64];
        let count = io::Read::read(&mut tracked.connection, &mut bytes).expect("there is input");
        said.extend_from_slice(&bytes[..count]);
        table.park(tracked, idle_for(60).for_news()).expect("armed");
    }
}

#[test]
fn slots_are_bounded_and_the_longest_idle_is_evicted() {
    let table = table_for(2);
    let mut clients = Vec::new();
    for seconds in [30, 20] {
        let (client, server) = UnixStream::pair().expect("a pair");
        clients.push(client);
        table
            .park(table.admit(server, ClientKey::Here).expect("a free slot"), idle_for(seconds))
            .expect("armed");
    }
    let (_client, server) = UnixStream::pair().expect("a pair");
    let server = table.admit(server, ClientKey::Here).expect_err("full");
    assert!(table.evict_idle(Moment::now()).map(drop).is_some());
    let busy = table.admit(server, ClientKey::Here).expect("a free slot");
    let mut byte = [0];
    assert_eq!(
        io::Read::read(&mut clients[0], &mut byte).expect("closed"),
        0,
        "the one that came first, though it had more time left"
    );
    let not_idle = WaitFor::readable(in_seconds(60));
    table.park(busy, not_idle).expect("armed");
    assert!(table.evict_idle(Moment::now()).is_some());
    assert!(table.evict_idle(Moment::now()).is_none(), "the last one is busy");
    assert_eq!(table.open(), 1);
}

#[test]
fn a_client_with_unread_input_is_not_idle() {
    let table = table_for(1);
    let (mut client, server) = UnixStream::pair().expect("a pair");
    table.park(table.admit(server, ClientKey::Here).expect("a free slot"), idle_for(60)).expect("armed");
    client.write_all(b"x").expect("written");
    assert!(table.evict_idle(Moment::now()).is_none(), "it has unread input");
    assert!(table.take(&mut Vec::new()).is_some(), "it is served");
}

#[test]
fn the_client_with_the_most_descriptors_loses_its_longest_waiting() {
    let table = table_for(10);
    let mut clients = Vec::new();
    for (uid, seconds) in [(1, 10), (2, 30), (2, 20), (2, 40)] {
        let (client, server) = UnixStream::pair().expect("a pair");
        clients.push(client);
        let mut tracked = table.admit(server, ClientKey::User(uid)).expect("a free slot");
        tracked.hold(3, None);
        table.park(tracked, WaitFor::readable(in_seconds(seconds))).expect("armed");
    }
    let (heaviest, holding) = table.heaviest().expect("a client");
    assert_eq!((heaviest, holding), (ClientKey::User(2), Holding { connections: 3, descriptors: 9 }));
    assert_eq!(table.evict_holders(heaviest, 4).len(), 2, "three descriptors each");
    let closed = |client: &mut UnixStream| {
        client.set_nonblocking(true).expect("set");
        io::Read::read(client, &mut [0]).is_ok()
    };
    assert_eq!(
        clients.iter_mut().map(closed).collect::<Vec<_>>(),
        [false, true, true, false],
        "the first two of three"
    );
    assert_eq!(table.evict_holders(heaviest, 100).len(), 1);
    assert!(table.evict_holders(heaviest, 1).is_empty());
}

#[test]
fn only_a_client_with_far_more_connections_is_evicted() {
    let table = table_for(40);
    let mut open = Vec::new();
    let mut admit = |uid| {
        let (client, server) = UnixStream::pair().expect("a pair");
        open.push((client, table.admit(server, ClientKey::User(uid)).expect("a free slot")));
    };
    (0..31).for_each(|_| admit(1));
    assert_eq!(table.greedy(ClientKey::User(2)), Some(ClientKey::User(1)));
    admit(2);
    assert_eq!(table.greedy(ClientKey::User(2)), None, "31 are less than 16 times 2");
    admit(1);
    assert_eq!(table.greedy(ClientKey::User(2)), Some(ClientKey::User(1)));
}

#[test]
fn a_client_active_since_the_last_check_is_evicted_last() {
    let table = table_for(4);
    let before = Moment::now();
    let start = before + Duration::from_millis(1);
    let pairs: Vec<_> = (0..4).map(|_| UnixStream::pair().expect("a pair")).collect();
    let (mut clients, servers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let idle = |at| WaitFor::idle(start + Duration::from_secs(at), Duration::from_secs(60));
    for (at, server) in (0..4).zip(servers) {
        table.park(table.admit(server, ClientKey::Here).expect("a free slot"), idle(at)).expect("armed");
    }
    let made_room = |client: &mut UnixStream| {
        client.set_nonblocking(true).expect("set");
        // The client reads the end of the connection, or a reset because its request was not read.
        io::Read::read(client, &mut [0]).map_err(|error| error.kind()) != Err(io::ErrorKind::WouldBlock)
    };
    let evict = || table.evict_idle(start + Duration::from_secs(9)).map(drop).is_some();
    assert!(table.evict_idle(before).is_none(), "all are newer");
    assert!(evict() && made_room(&mut clients[0]));
    clients[1].write_all(b"x").expect("written");
    let mut spoke = table.take(&mut Vec::new()).expect("readable");
    io::Read::read_exact(&mut spoke.connection, &mut [0]).expect("read");
    table.park(spoke, idle(9)).expect("armed");
    for client in [2, 3, 1] {
        assert!(!made_room(&mut clients[client]), "not yet {client}");
        assert!(evict() && made_room(&mut clients[client]), "{client}");
    }
    assert!(!evict());
}

#[test]
fn deadlines_expire_once_and_in_order() {
    let table = table_for(8);
    let now = Moment::now();
    let mut clients = Vec::new();
    for milliseconds in [3, 1, 2] {
        let (client, server) = UnixStream::pair().expect("a pair");
        clients.push((milliseconds, client));
        let deadline = Deadline::after(now, Duration::from_millis(milliseconds));
        table
            .park(table.admit(server, ClientKey::Here).expect("a free slot"), WaitFor::readable(deadline))
            .expect("armed");
    }
    clients.sort_by_key(|(milliseconds, _)| *milliseconds);
    for (milliseconds, mut client) in clients {
        let Expired::Connection(tracked) = table.next_expired(None) else { panic!("nothing expired") };
        drop(tracked);
        let read = io::Read::read(&mut client, &mut [0]).expect("closed");
        assert_eq!(read, 0, "the one of {milliseconds} ms");
    }
    assert_eq!(table.open(), 0);
    assert!(matches!(table.next_expired(Some(Deadline::after(now, Duration::ZERO))), Expired::Nothing));
}

#[test]
fn a_moved_deadline_expires_at_its_new_time() {
    let table = table_for(1);
    let (mut client, server) = UnixStream::pair().expect("a pair");
    client.write_all(b"x").expect("written");
    let mut tracked = table.admit(server, ClientKey::Here).expect("a free slot");
    let long = in_seconds(600);
    let soon = Deadline::after(Moment::now(), Duration::from_millis(5));
    for deadline in [soon, long, soon, long] {
        table.park(tracked, WaitFor::readable(deadline)).expect("armed");
        tracked = table.take(&mut Vec::new()).expect("readable");
    }
    io::Read::read(&mut tracked.connection, &mut [0]).expect("input");
    table.park(tracked, WaitFor::readable(long)).expect("armed");
    let until = Deadline::after(Moment::now(), Duration::from_millis(20));
    assert!(matches!(table.next_expired(Some(until)), Expired::Nothing), "its entry moved");
    client.write_all(b"x").expect("written");
    let mut tracked = table.take(&mut Vec::new()).expect("readable");
    io::Read::read(&mut tracked.connection, &mut [0]).expect("input");
    table.park(tracked, WaitFor::readable(soon)).expect("armed");
    assert!(
        matches!(table.next_expired(None), Expired::Connection(..)),
        "an earlier one takes precedence over a later one"
    );
}

#[test]
fn a_readable_connection_never_times_out() {
    let now = Deadline::after(Moment::now(), Duration::ZERO);
    for (said, wait_for) in [("in time", WaitFor::readable(now)), ("before the end", idle_for(60))] {
        let table = table_for(1);
        let (mut client, server) = UnixStream::pair().expect("a pair");
        table.park(table.admit(server, ClientKey::Here).expect("a free slot"), wait_for).expect("armed");
        client.write_all(b"x").expect("written");
        assert!(matches!(table.next_expired(Some(now)), Expired::Nothing), "{said}");
        table.drain(|_, is_idle| assert!(!is_idle, "{said}"));
        let mut tracked = table.take(&mut Vec::new()).expect("its event was not lost");
        io::Read::read(&mut tracked.connection, &mut [0]).expect("what it said");
        table.park(tracked, WaitFor::readable(now)).expect("armed");
        let expired = table.next_expired(Some(now));
        assert!(matches!(expired, Expired::Connection(_)), "it has said nothing more");
    }
}

#[test]
fn ending_wakes_all_workers_and_closes_parked_connections() {
    let table = table_for(8);
    let (mut client, server) = UnixStream::pair().expect("a pair");
    table.park(table.admit(server, ClientKey::Here).expect("a free slot"), idle_for(60)).expect("armed");
    std::thread::scope(|scope| {
        let work = || {
            table.lead.join();
            table.take(&mut Vec::new()).is_none()
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        let sweep = scope.spawn(|| matches!(table.next_expired(None), Expired::Ended));
        table.end();
        assert!(workers.into_iter().all(|worker| worker.join().expect("no panic")));
        assert!(sweep.join().expect("no panic"));
    });
    assert_eq!(io::Read::read(&mut client, &mut [0]).expect("closed"), 0);
    assert!(table.wait_until_empty(Duration::ZERO));
}

#[test]
fn draining_closes_idle_connections_and_lets_busy_ones_finish() {
    let table = table_for(8);
    let (_idle_client, idle) = UnixStream::pair().expect("a pair");
    let (mut client, busy) = UnixStream::pair().expect("a pair");
    table.park(table.admit(idle, ClientKey::Here).expect("a free slot"), idle_for(60)).expect("armed");
    let not_idle = WaitFor::readable(in_seconds(60));
    table.park(table.admit(busy, ClientKey::Here).expect("a free slot"), not_idle).expect("armed");
    let mut seen = Vec::new();
    table.drain(|_, is_idle| seen.push(is_idle));
    seen.sort_unstable();
    assert_eq!(seen, [false, true]);
    assert_eq!(table.open(), 1);
    client.write_all(b"x").expect("written");
    let tracked = table.take(&mut Vec::new()).expect("readable");
    table.park(tracked, idle_for(60)).expect("refused quietly");
    assert!(table.wait_until_empty(Duration::ZERO), "what became idle was closed");
}
