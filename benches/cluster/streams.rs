//! Many event streams at each server: how long until a message is received by all, and what a stream costs.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::common::PATIENCE;
use super::common::cluster::chat::join;
use super::common::cluster::{Cluster, Pace, Plan, SERVERS};
use super::common::store::Store;
use super::receivers::{Received, Receivers};
use super::report::Report;
use super::speakers::{Speakers, host_of};
use super::usage::{Usage, each, memory};
use super::{Result, Settings};

/// Messages per second, and the members that send them.
const RATE: f64 = 20.0;
const SPEAKERS: usize = 4;

/// How many members join at the same time.
const JOINERS: usize = 8;

/// The limits for the time until 99 % of the copies are received, and for the memory of a server.
const P99: Duration = Duration::from_millis(50);
const MEMORY: u64 = 40_000;

/// Once through HAProxy, and once at the servers.
pub fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    for through_proxy in [true, false] {
        let Some(store) = Store::start(&["--appendonly", "yes"]) else { return Ok(()) };
        let url = store.url();
        let plan = Plan { pace: Pace::OF_DEPLOY, shared: Some(&url), earlier: None };
        let Some(cluster) = Cluster::start(plan) else { return Ok(()) };
        measure_one(settings, report, (&cluster, &store), through_proxy)?;
    }
    Ok(())
}

fn measure_one(
    settings: &Settings,
    report: &mut Report,
    (cluster, store): (&Cluster, &Store),
    through_proxy: bool,
) -> Result<()> {
    let memory_of = |cluster: &Cluster| cluster.servers().iter().map(|server| memory(server.pid())).max();
    let (before, proxy_before) = (memory_of(cluster).unwrap_or(0), memory(cluster.proxy().pid()));
    let count = settings.streams * SERVERS;
    let fields = join_all(cluster.address(), count);
    let speakers = Speakers::join(cluster.address(), SPEAKERS);
    let begun = Instant::now();
    let address = |number: usize| {
        if through_proxy { cluster.address() } else { cluster.servers()[number % SERVERS].address() }
    };
    let streams = (0..).zip(&fields).map(|(number, fields)| open(address(number), host_of(number), fields));
    let streams = streams.collect::<Result<Vec<_>>>()?;
    let mut receivers = Receivers::new(streams, SPEAKERS, begun)?;
    receivers.settle()?;
    let (time, usage) = (Duration::from_secs(settings.seconds), Usage::of(cluster, store));
    let measured = Instant::now();
    let is_over = AtomicBool::new(false);
    let (sent, received, took) = thread::scope(|scope| {
        let is_over = &is_over;
        let receiving = scope.spawn(move || receivers.receive(is_over));
        let sent = speakers.say(RATE / SPEAKERS as f64, time, |speaker, number| {
            format!("line {speaker} {number} {}", begun.elapsed().as_micros())
        });
        let took = measured.elapsed();
        // What is still on its way.
        thread::sleep(Duration::from_secs(2));
        is_over.store(true, Ordering::Relaxed);
        (sent, receiving.join().expect("no panic"), took)
    });
    let (received, used) = (received?, Usage::of(cluster, store).since(usage));
    let way = if through_proxy { "through HAProxy" } else { "without HAProxy" };
    report.begin(&format!("{SERVERS} × {} event streams, {RATE} messages a second, {way}", settings.streams));
    let messages: u64 = sent.acknowledged.iter().sum();
    report.figure("acknowledged messages", messages);
    report.none("messages that were refused", &sent.failures);
    print(report, &received, messages * count as u64);
    report.figure("ms until acknowledged: p50, p99, most", percentiles(&sent.times));
    let most = memory_of(cluster).unwrap_or(0);
    report.target("memory of the largest server, KB", most, "< 40,000", most < MEMORY);
    report.figure(
        "of that for each stream",
        format!("{:.1} KB", (most - before) as f64 / settings.streams as f64),
    );
    if through_proxy {
        let more = memory(cluster.proxy().pid()) - proxy_before;
        report.figure("memory of HAProxy for each stream", format!("{:.1} KB", more as f64 / count as f64));
        report.figure("processor time for each copy: HAProxy", each(used.proxy, received.copies));
    }
    report.figure("processor time for each copy: servers", each(used.servers, received.copies));
    report.figure("processor time for each copy: the clients", each(used.clients, received.copies));
    report.figure("processor time for each message: the store", each(used.store, messages));
    report.figure("share of all processors", format!("{:.0} %", used.share(took)));
    Ok(())
}

fn print(report: &mut Report, received: &Received, expected: u64) {
    report.target("copies received", received.copies, &expected.to_string(), received.copies == expected);
    report.target("streams with a gap or a copy twice", received.wrong, "0", received.wrong == 0);
    report.target("different orders", received.orders, "1", received.orders == 1);
    let p99 = Duration::from_micros(received.times.value_at_quantile(0.99));
    report.target("ms until received: p50, p99, most", percentiles(&received.times), "p99 < 50", p99 < P99);
}

fn percentiles(times: &hdrhistogram::Histogram<u64>) -> String {
    let times = [times.value_at_quantile(0.5), times.value_at_quantile(0.99), times.max()];
    times.map(|time| format!("{:.1}", time as f64 / 1e3)).join(", ")
}

/// Joins the chat under separate names; returns the header fields of each member.
fn join_all(proxy: SocketAddr, count: usize) -> Vec<String> {
    thread::scope(|scope| {
        let join_some = |joiner: usize| {
            move || {
                let numbers = (joiner..count).step_by(JOINERS);
                numbers
                    .map(|number| join(proxy, host_of(number), &format!("member{number}")))
                    .collect::<Vec<_>>()
            }
        };
        let threads: Vec<_> = (0..JOINERS).map(|joiner| scope.spawn(join_some(joiner))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// Requests the events of a member, from 127.0.0.`host`.
fn open(address: SocketAddr, host: u8, fields: &str) -> Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, host], 0)).into())?;
    socket.connect_timeout(&address.into(), PATIENCE)?;
    let mut stream = TcpStream::from(socket);
    stream.write_all(
        format!("GET /.wharf/chat/events HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n").as_bytes(),
    )?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}
