//! The processor time of requests, bytes and messages, in each program.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::common::cluster::{Cluster, Pace, Plan};
use super::common::store::Store;
use super::common::{Wharf, sample};
use super::exchange::Exchange;
use super::report::Report;
use super::speakers::Speakers;
use super::usage::{Usage, each};
use super::{Result, Settings};

/// The sizes of the files, in bytes.
const SMALL: usize = 1000;
const LARGE: usize = 100_000_000;

/// How many clients request each, over one connection each.
const SMALL_CLIENTS: usize = 32;
const LARGE_CLIENTS: usize = 4;

/// How many members send messages, and how many each sends per second.
const SPEAKERS: usize = 40;
const RATE: f64 = 15.0;

pub fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let Some(store) = Store::start(&["--appendonly", "yes"]) else { return Ok(()) };
    let url = store.url();
    let plan = Plan { pace: Pace::OF_DEPLOY, shared: Some(&url), earlier: None };
    let Some(cluster) = Cluster::start(plan) else { return Ok(()) };
    std::fs::write(cluster.folder().join("small"), sample(SMALL, 1))?;
    std::fs::write(cluster.folder().join("large"), sample(LARGE, 2))?;
    let servers: Vec<_> = cluster.servers().iter().map(Wharf::address).collect();
    let proxy = cluster.address();
    let time = Duration::from_secs(settings.seconds);
    report.begin("Processor time");
    for (name, addresses) in [("through HAProxy", &[proxy][..]), ("without HAProxy", &servers)] {
        // The first requests open files that later ones find open.
        ask(addresses, "/small", SMALL_CLIENTS, Duration::from_millis(500))?;
        let usage = Usage::of(&cluster, &store);
        let (count, _, seconds) = ask(addresses, "/small", SMALL_CLIENTS, time)?;
        let used = Usage::of(&cluster, &store).since(usage);
        let rate = format!("{:.0} /s", count as f64 / seconds);
        report.figure(&format!("GET of 1 KB, {SMALL_CLIENTS} connections, {name}"), rate);
        report.figure(
            "for each: servers, HAProxy",
            [each(used.servers, count), each(used.proxy, count)].join(", "),
        );
        let usage = Usage::of(&cluster, &store);
        let (_, bytes, seconds) = ask(addresses, "/large", LARGE_CLIENTS, time)?;
        let used = Usage::of(&cluster, &store).since(usage);
        let gigabytes = bytes as f64 / 1e9;
        let rate = format!("{:.2} GB/s", gigabytes / seconds);
        report.figure(&format!("GET of 100 MB, {LARGE_CLIENTS} connections, {name}"), rate);
        let of = |time: Duration| format!("{:.2} s", time.as_secs_f64() / gigabytes);
        report.figure("for each GB: servers, HAProxy", [of(used.servers), of(used.proxy)].join(", "));
    }
    messages(report, (&cluster, &store), time);
    Ok(())
}

/// What a message costs that nobody listens to.
fn messages(report: &mut Report, (cluster, store): (&Cluster, &Store), time: Duration) {
    let speakers = Speakers::join(cluster.address(), SPEAKERS);
    let (usage, begun) = (Usage::of(cluster, store), Instant::now());
    let sent = speakers.say(RATE, time, |speaker, number| format!("{speaker}: {number}"));
    let used = Usage::of(cluster, store).since(usage);
    let count: u64 = sent.acknowledged.iter().sum();
    let rate = format!("{:.0} /s", count as f64 / begun.elapsed().as_secs_f64());
    report.figure(&format!("messages of {SPEAKERS} members, no listeners"), rate);
    report.none("of them refused", &sent.failures);
    let parts = [used.servers, used.proxy, used.store].map(|used| each(used, count));
    report.figure("for each: servers, HAProxy, the store", parts.join(", "));
}

/// Requests a file from these addresses in turn, each client over one connection, for this long. Returns how many
/// responses and bytes were received, and in how many seconds.
fn ask(addresses: &[SocketAddr], target: &str, clients: usize, time: Duration) -> Result<(u64, u64, f64)> {
    let (is_over, count, bytes) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let begun = Instant::now();
    thread::scope(|scope| {
        let client = |number: usize| {
            let (is_over, count, bytes) = (&is_over, &count, &bytes);
            let address = addresses[number % addresses.len()];
            scope.spawn(move || {
                let mut exchange = Exchange::connect(address.port())?;
                while !is_over.load(Ordering::Relaxed) {
                    let answer = exchange.get(target, &[])?;
                    if answer.head.status.code() != 200 {
                        return Err(format!("{target}: {}", answer.head.status.code()).into());
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                    bytes.fetch_add(answer.length, Ordering::Relaxed);
                }
                Ok(())
            })
        };
        let threads: Vec<_> = (0..clients).map(client).collect();
        thread::sleep(time);
        is_over.store(true, Ordering::Relaxed);
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a client panicked")?)
    })
    .map(|()| (count.into_inner(), bytes.into_inner(), begun.elapsed().as_secs_f64()))
}
