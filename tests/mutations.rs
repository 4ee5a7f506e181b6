//! Mutated requests over sockets: the server keeps responding quickly, its responses are well-formed, it writes only
//! what it may, and nothing is left behind.
//!
//! `WHARF_MUTATIONS_SECONDS` makes the run longer, and `WHARF_MUTATIONS_SEED` makes it another one (`.ci/long`).

#[path = "mutations/corpus.rs"]
mod corpus;
#[path = "mutations/mutate.rs"]
mod mutate;
#[path = "mutations/responses.rs"]
mod responses;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use wharf::client::address::ServerAddress;
use wharf::replay::script::parse;
use wharf::tftp::packet::Packet;

use crate::common::{PATIENCE, Random, Wharf, Wire, eventually, sample};

/// How many clients send requests at once, each from an address of its own.
const CLIENTS: usize = 4;

/// How many inputs each client sends in a round, and in a round of a long run.
const CASES: usize = 100;
const MANY_CASES: usize = 1000;

/// How long a client waits for more if it has not closed its sending side.
const QUIET: Duration = Duration::from_millis(30);

/// The slowest response to a request for `/.wharf/health`; one of three must be faster.
const PROMPT: Duration = Duration::from_secs(1);

/// How much memory the server may have, in KiB.
const MOST_MEMORY: u64 = 200 * 1024;

/// How many more files the server may have open than at the start, because it caches files.
const MOST_FILES: usize = 48;

/// What the server has open.
#[derive(Debug, PartialEq, Eq)]
struct Open {
    sockets: usize,
    threads: u64,
}

#[test]
fn mutated_requests_do_no_harm() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = number("WHARF_MUTATIONS_SEED").unwrap_or(1);
    let time = Duration::from_secs(number("WHARF_MUTATIONS_SECONDS").unwrap_or(0));
    let place = tempfile::tempdir().expect("a folder");
    let record = place.path().join("record");
    let conflict = ["overwrite", "refuse", "rename"][(seed % 3) as usize];
    let wharf = Wharf::serve(
        &[
            &["--udp", "0", "--stall", "5", "--max-upload", "1M", "--index", "--timeout", "20"],
            &["--on-conflict", conflict, "--record", record.to_str().expect("text")][..],
        ]
        .concat(),
    );
    fs::write(wharf.outside_folder().join("secret"), "OUTSIDE").expect("written");
    furnish(&wharf);
    wharf.comes_to_rest();
    let (open, files, begun) = (Open::of(&wharf), wharf.open_files(), Instant::now());
    let cases = if time.is_zero() { CASES } else { MANY_CASES };
    let (mut log, mut inputs) = (0, 0);
    loop {
        round(&wharf, seed.wrapping_mul(1 << 32) + inputs as u64, cases);
        inputs += cases * (CLIENTS + 1);
        eventually("everything is closed", || Open::of(&wharf) == open);
        assert!(wharf.open_files() <= files + MOST_FILES, "{} files are open", wharf.open_files());
        assert!(wharf.status("VmRSS") < MOST_MEMORY, "{} KiB", wharf.status("VmRSS"));
        log = check_log(&wharf, log);
        check_files(&wharf);
        if begun.elapsed() >= time {
            break;
        }
        furnish(&wharf);
    }
    check_record(&record);
    eprintln!("{inputs} inputs from the seed {seed}, {} KiB in the end", wharf.status("VmRSS"));
}

/// Restores the initial content of the folder.
fn furnish(wharf: &Wharf) {
    for entry in fs::read_dir(wharf.folder()).expect("a folder").flatten() {
        let path = entry.path();
        if entry.file_name() == ".wharf" {
            continue;
        }
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    wharf.write("a.txt", "0123456789");
    wharf.write("large.bin", sample(300_000, 1));
    wharf.write("d/b.txt", "b");
    wharf.write("d/e/index.html", "<p>c");
    wharf.write("a b/\u{1f600}", "d");
    std::os::unix::fs::symlink("../outside", wharf.folder().join("link")).expect("linked");
}

/// Each client sends this many inputs.
fn round(wharf: &Wharf, seed: u64, cases: usize) {
    let (requests, datagrams) = (&corpus::requests(wharf), &corpus::datagrams());
    let seeds = |client: usize| (0..cases).map(move |case| seed + (client * cases + case) as u64);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || seeds(client).for_each(|seed| http(wharf, client, requests, seed)));
        }
        scope.spawn(move || seeds(CLIENTS).for_each(|seed| tftp(wharf, datagrams, seed)));
    });
}

/// Sends one input, and checks what comes back.
fn http(wharf: &Wharf, client: usize, corpus: &[Vec<u8>], seed: u64) {
    let mut random = Random::new(seed);
    let input = mutate::input(corpus, &mut random);
    let wire = Wire::connect_from(2 + client as u8, wharf.address());
    send(wire.stream(), &input, &mut random);
    let ends = random.below(4) > 0 && wire.stream().shutdown(Shutdown::Write).is_ok();
    let (received, is_whole) = receive(wire.stream(), if ends { PATIENCE } else { QUIET });
    drop(wire);
    let said =
        || format!("{}\n--> {}", input.escape_ascii(), received[..received.len().min(2000)].escape_ascii());
    assert!(!ends || is_whole.is_some(), "the connection stays open: {}", said());
    let heads = input.windows(5).any(|word| word == b"HEAD ");
    if let Err(why) = responses::check(&received, is_whole == Some(true), heads) {
        panic!("{why}: {}", said());
    }
    assert!(!received.windows(7).any(|word| word == b"OUTSIDE"), "it came from outside: {}", said());
    if random.below(20) == 0 {
        let prompt = |_| {
            let begun = Instant::now();
            wharf.ask("GET", "/.wharf/health", "", b"").code() == 200 && begun.elapsed() < PROMPT
        };
        assert!((0..3).any(prompt), "the server is slow after {}", said());
    }
}

/// Sends bytes in random pieces, as far as the server reads.
fn send(mut stream: &TcpStream, bytes: &[u8], random: &mut Random) {
    let is_slow = random.below(8) == 0;
    let mut rest = bytes;
    while !rest.is_empty() {
        let length = if random.below(2) == 0 { rest.len() } else { rest.len().min(random.length(12)) };
        let (piece, after) = rest.split_at(length);
        if stream.write_all(piece).is_err() {
            return;
        }
        rest = after;
        if is_slow && random.below(4) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// What the server sends, and whether it has closed the connection properly; `None` if nothing more came for this long.
fn receive(mut stream: &TcpStream, silence: Duration) -> (Vec<u8>, Option<bool>) {
    stream.set_read_timeout(Some(silence)).expect("set");
    let (mut received, mut block) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        match stream.read(&mut block) {
            Ok(0) => return (received, Some(true)),
            Ok(count) => received.extend_from_slice(&block[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return (received, None),
            // The server closed the connection while input was in flight.
            Err(_) => return (received, Some(false)),
        }
    }
}

/// Begins a transfer with one input, continues it with others, and leaves.
fn tftp(wharf: &Wharf, corpus: &[Vec<u8>], seed: u64) {
    let mut random = Random::new(seed);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let (listener, mut answer) = (wharf.tftp(), vec![0; 70_000]);
    let mut to = listener;
    for _ in 0..=random.below(8) {
        let is_first = to == listener;
        let corpus = if is_first { &corpus[..corpus::REQUESTS_OF_TFTP] } else { corpus };
        let input = mutate::input(corpus, &mut random);
        let packet = Packet::parse(&input).ok().filter(|_| is_first);
        let is_read = matches!(packet, Some(Packet::Read(_)));
        let wait = match packet {
            Some(Packet::Read(_)) => PATIENCE,
            // The server does not answer a request that an earlier client has sent from the same port.
            Some(Packet::Write(_)) => PATIENCE / 10,
            _ => QUIET,
        };
        socket.set_read_timeout(Some(wait)).expect("set");
        // A datagram may be too long.
        let sent = socket.send_to(&input, to);
        let Ok((length, from)) = sent.and_then(|_| socket.recv_from(&mut answer)) else {
            assert!(!is_read, "no answer: {}", input.escape_ascii());
            break;
        };
        let answer = &answer[..length];
        assert!(corpus::is_answer(answer), "{}\n--> {}", input.escape_ascii(), answer.escape_ascii());
        to = from;
    }
    if to != listener {
        let _ = socket.send_to(corpus::GIVES_UP, to);
    }
}

/// Asserts that no bug was logged since this position; returns the position for the next call.
fn check_log(wharf: &Wharf, from: usize) -> usize {
    let log = wharf.settled_log();
    let new = &log[from..];
    let bug = new.lines().find(|line| line.contains(" ERROR ") || line.contains("panicked"));
    assert_eq!(bug, None);
    log.len()
}

/// Every line of the recording is a request that can be replayed.
fn check_record(path: &Path) {
    let lines = fs::read(path).expect("a recording");
    let address = ServerAddress::parse("localhost").expect("an address");
    let (requests, wrong) = parse(&lines, Path::new("/"), &address);
    assert!(wrong.is_empty() && !requests.is_empty(), "{} requests; {:?}", requests.len(), wrong.first());
}

/// Nothing is outside the folder, and no name in it is hidden or reserved.
fn check_files(wharf: &Wharf) {
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(wharf.folder().parent().expect("a parent")), ["log", "outside", "share"]);
    assert_eq!(names(&wharf.outside_folder()), ["secret"]);
    assert_eq!(fs::read(wharf.outside_folder().join("secret")).expect("there"), b"OUTSIDE");
    for name in wharf.tree() {
        let is_hidden = name.split('/').any(|name| name.starts_with('.'));
        let is_own = name.starts_with(".wharf/") && !name.contains("/.") && !name.contains('\n');
        assert!(!is_hidden || is_own, "{name:?} was written");
    }
}

impl Open {
    fn of(wharf: &Wharf) -> Self {
        let process = wharf.pid().as_raw_nonzero();
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).expect("it runs").flatten();
        let targets = descriptors.filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
        let sockets = targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count();
        Self { sockets, threads: wharf.status("Threads") }
    }
}
