//! The cost of password guesses, and what they reveal: the processor time and the delay of other clients under a flood
//! of wrong passwords, how many hashes a program with the right password costs, and whether the time of a failure
//! depends on the name.

use std::collections::VecDeque;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use socket2::{Domain, Socket, Type};

use super::client::{self, ask, percentiles, spread};
use super::common::accounts::{basic, write_users};
use super::common::{PATIENCE, Wharf, sample, skip};
use super::peers::{Result, folder, server};
use super::{RATIO, TURNS};

/// Guesses for each second, and the addresses from which they come.
const RATE: u32 = 100;
const ADDRESSES: u32 = 50;

/// The attacker's first address is 127.0.0.`FIRST`.
const FIRST: u32 = 100;

/// How many guesses may be unanswered at once; the oldest gives up.
const UNANSWERED: usize = 500;

/// How much of a processor a flood of guesses may cost.
const CORES: f64 = 1.0;

/// The number of requests of a program that sends its password with each request.
const REQUESTS: usize = 1000;

/// Users whose names are guessed, and guesses for each: the fourth would be delayed.
const USERS: usize = 20;
const GUESSES: usize = 3;

/// Clock ticks in a second, in `/proc`.
const TICKS: f64 = 100.0;

const PASSWORD: &str = "correct horse battery staple";

/// Measures all three; returns whether the server is as it should be.
pub fn passwords(time: Duration) -> Result<bool> {
    let names: Vec<_> = (0..USERS).map(|number| format!("user{number}")).collect();
    let users: Vec<(&str, &str, &[&str])> = names.iter().map(|name| (&**name, PASSWORD, &[][..])).collect();
    let place = tempfile::tempdir()?;
    let mut flags = write_users(place.path(), &users);
    flags.extend(["--allow", "everyone=view", "--allow", "users=edit"].map(str::to_owned));
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let serve = || {
        let mut program = std::process::Command::new("env");
        program.arg("RUST_LOG=warn,wharf::cli=info,wharf::server::accounts=info");
        let wharf = Wharf::serve_by(program, tempfile::tempdir().expect("a folder"), &flags);
        wharf.write(client::FILE, sample(client::SIZE, 91));
        wharf
    };
    let is_quick = flood(&serve(), time)?;
    let is_single = hashes(&serve());
    timing(&serve());
    Ok(is_quick && is_single)
}

/// An ordinary client while somebody guesses, beside the same client at an idle lighttpd.
fn flood(wharf: &Wharf, time: Duration) -> Result<bool> {
    let place = folder::scratch()?;
    fs::write(place.path().join(client::FILE), sample(client::SIZE, 91))?;
    let lighttpd =
        server::SERVERS.iter().find(|server| server.name == "lighttpd").ok_or("not in the list")?;
    let idle = lighttpd.start(place.path(), false);
    if let Err(error) = &idle {
        skip(&format!("the p99 is not compared: lighttpd: {error}"));
    }
    let (port, is_over, sent) = (wharf.address().port(), AtomicBool::new(false), AtomicU64::new(0));
    ask(port, time / 4);
    let (before, began) = (ticks(wharf), Instant::now());
    let turns: Vec<_> = thread::scope(|scope| {
        scope.spawn(|| guess(wharf.address(), &is_over, &sent));
        let turn = |_| (idle.as_ref().ok().map(|idle| ask(idle.port, time)), ask(port, time));
        let turns = (0..TURNS).map(turn).collect();
        is_over.store(true, Ordering::Relaxed);
        turns
    });
    let seconds = began.elapsed().as_secs_f64();
    let cores = (ticks(wharf) - before) / TICKS / seconds;
    let rate = sent.load(Ordering::Relaxed) as f64 / seconds;
    let asked: u64 = turns.iter().map(|(_, asked)| asked.len()).sum();
    let failures = wharf.log().matches("failed to authenticate").count();
    println!(
        "guesses: {rate:.1}/s from {ADDRESSES} addresses for {seconds:.1} s, {failures} of them hashed: {cores:.2} processors, with {:.0} GET/s (at most {CORES})",
        asked as f64 / seconds
    );
    let p99 = |times: &Histogram<u64>| percentiles(times)[1].max(1) as f64;
    let mut is_quick = cores <= CORES;
    let ratios: Vec<_> =
        turns.iter().filter_map(|(idle, busy)| Some(p99(busy) / p99(idle.as_ref()?))).collect();
    if ratios.len() == TURNS {
        for (which, times) in [("lighttpd, idle", 0), ("wharf, guessed at", 1)] {
            let mut all = client::histogram();
            for (idle, busy) in &turns {
                all += if times == 0 { idle.as_ref().unwrap_or(busy) } else { busy };
            }
            let [p50, p99, max] = percentiles(&all);
            println!("{which:18} {:>8} requests, µs: p50 {p50}, p99 {p99}, max {max}", all.len());
        }
        let [least, ratio, most] = spread(ratios);
        println!("p99: {ratio:.2} times that of lighttpd ({least:.2} to {most:.2}); at most {RATIO}");
        is_quick &= ratio <= RATIO;
    }
    Ok(is_quick)
}

/// Sends wrong passwords, each over a separate connection, until the flag is set.
fn guess(server: SocketAddr, is_over: &AtomicBool, sent: &AtomicU64) {
    let (mut waiting, began) = (VecDeque::new(), Instant::now());
    for number in 0.. {
        let due = Duration::from_secs(1) / RATE * number;
        thread::sleep(due.saturating_sub(began.elapsed()));
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("user{}", number as usize % USERS);
        let fields = basic(&name, &format!("guess {number}"));
        if let Ok(stream) = send(server, FIRST + number % ADDRESSES, &fields) {
            sent.fetch_add(1, Ordering::Relaxed);
            waiting.push_back(stream);
        }
        if waiting.len() > UNANSWERED {
            waiting.pop_front();
        }
    }
}

/// A connection from 127.0.0.`host`, over which a request with these fields has been sent.
fn send(server: SocketAddr, host: u32, fields: &str) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, host as u8], 0)).into())?;
    socket.connect_timeout(&server.into(), PATIENCE)?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    let path = client::FILE;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n")?;
    Ok(stream)
}

/// A program that sends its password with each request. It sends half of the requests over one connection, and each of
/// the others over a new connection.
fn hashes(wharf: &Wharf) -> bool {
    let fields = basic("user0", PASSWORD);
    let before = ticks(wharf);
    let mut wire = wharf.connect();
    for number in 0..REQUESTS {
        if number >= REQUESTS / 2 {
            wire = wharf.connect();
        }
        let answer = match number % 2 {
            0 => wire.ask("GET", &format!("/{}", client::FILE), &fields, b""),
            _ => wire.ask("PUT", "/saved", &fields, b"content"),
        };
        assert_eq!(answer.code() / 100, 2, "{}", answer.text());
    }
    let hashed = wharf.log().matches("logged in as user0").count();
    let milliseconds = (ticks(wharf) - before) / TICKS * 1000.0;
    println!(
        "Basic: {REQUESTS} requests, {hashed} hashed (at most 1), {milliseconds:.0} ms of a processor in all"
    );
    hashed == 1
}

/// The times of failures with names that exist, and with others, in turns.
fn timing(wharf: &Wharf) {
    let kinds = [("known users", "user"), ("unknown users", "nobody")];
    let mut times = kinds.map(|_| Vec::new());
    for number in 0..USERS * GUESSES {
        for ((_, prefix), times) in kinds.iter().zip(&mut times) {
            let fields = basic(&format!("{prefix}{}", number % USERS), &format!("guess {number}"));
            let asked = Instant::now();
            let mut answer = String::new();
            let stream = send(wharf.address(), FIRST + number as u32 % ADDRESSES, &fields);
            let read = stream.and_then(|mut stream| stream.read_to_string(&mut answer));
            assert!(read.is_ok() && answer.starts_with("HTTP/1.1 401"), "{answer}");
            times.push(asked.elapsed().as_micros());
        }
    }
    println!(
        "{:14} {:>5} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "failures, µs", "", "least", "p25", "p50", "p75", "most"
    );
    for ((kind, _), mut times) in kinds.iter().zip(times) {
        times.sort_unstable();
        let at = |quarter: usize| times[(times.len() - 1) * quarter / 4];
        println!(
            "{kind:14} {:>5} {:>9} {:>9} {:>9} {:>9} {:>9}",
            times.len(),
            at(0),
            at(1),
            at(2),
            at(3),
            at(4)
        );
    }
}

/// The processor time of the server, in clock ticks.
fn ticks(wharf: &Wharf) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", wharf.pid().as_raw_nonzero())).unwrap_or_default();
    let (_, fields) = stat.rsplit_once(") ").unwrap_or_default();
    let times = fields.split(' ').skip(11).take(2).filter_map(|time| time.parse::<f64>().ok());
    times.sum()
}
