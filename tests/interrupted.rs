//! A file is complete or absent, whatever is interrupted: the client, the server, the disk.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use socket2::SockRef;

use crate::common::{Random, SmallDisk, Wharf, eventually, sample};

/// How many uploads are interrupted by their clients, and how often the server is killed during uploads.
const CUT_BY_CLIENTS: usize = 700;
const DEATHS: usize = 100;

/// How many clients upload at once, each to its own name.
const CLIENTS: usize = 10;

/// The maximum length of these files, in bytes: several turns of a connection.
const LONGEST: usize = 3 << 20;

/// The content of this version of a file: it contains its length and version, which determine the rest.
fn content(version: u64, length: usize) -> Vec<u8> {
    let head = [version.to_le_bytes(), (length as u64).to_le_bytes()].concat();
    [head, sample(length, version)].concat()
}

/// The version of a complete file.
fn version_of(name: &str, bytes: &[u8]) -> u64 {
    let (version, rest) = bytes.split_first_chunk().unwrap_or_else(|| panic!("{name} has no version"));
    let (length, rest) = rest.split_first_chunk().unwrap_or_else(|| panic!("{name} has no length"));
    let (version, length) = (u64::from_le_bytes(*version), u64::from_le_bytes(*length));
    assert_eq!(rest.len() as u64, length, "{name} is not whole");
    assert!(rest == sample(rest.len(), version), "{name} is a mixture");
    version
}

fn name(number: usize) -> String {
    format!("in/{number}.bin")
}

/// The complete request that uploads this.
fn request(host: SocketAddr, name: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = format!("PUT /{name} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), content].concat()
}

/// Uploads; returns whether the server acknowledged it. `None` if the connection was closed before a
/// response.
fn upload(host: SocketAddr, name: &str, content: &[u8]) -> Option<()> {
    let mut stream = TcpStream::connect(host).ok()?;
    stream.write_all(&request(host, name, content)).ok()?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    assert!(answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    Some(())
}

#[test]
fn uploads_that_their_clients_interrupt_leave_the_old_file() {
    let wharf = Wharf::serve(&[]);
    let mut old = [0; CLIENTS];
    let mut random = Random::new(4);
    let (mut cut, mut version) = (0, 0);
    while cut < CUT_BY_CLIENTS {
        version += 1;
        let number = random.below(CLIENTS);
        let content = content(version, random.length(20));
        if random.below(10) == 0 {
            upload(wharf.address(), &name(number), &content).expect("saved");
            old[number] = version;
            continue;
        }
        cut += 1;
        let request = request(wharf.address(), &name(number), &content);
        let mut stream = TcpStream::connect(wharf.address()).expect("a connection");
        stream.write_all(&request[..random.below(request.len())]).expect("sent");
        if random.below(2) == 0 {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("set");
        }
    }
    eventually("the server has seen that all are gone", || wharf.open_files() < 20);
    for (number, old) in old.into_iter().enumerate() {
        assert_eq!(version_of(&name(number), &wharf.read(&name(number))), old);
    }
    nothing_stray(&wharf);
}

#[test]
fn a_killed_server_leaves_complete_files() {
    let mut place = tempfile::tempdir().expect("a folder");
    let saved: [AtomicU64; CLIENTS] = Default::default();
    let mut random = Random::new(5);
    let mut interrupted = 0;
    for death in 1..=DEATHS as u64 {
        let version = death * 1_000_000;
        let wharf = Wharf::serve_in(place, &[]);
        nothing_stray(&wharf);
        for (number, saved) in saved.iter().enumerate() {
            holds_at_least(&wharf, number, saved.load(Ordering::SeqCst));
        }
        let delay = Duration::from_millis(5 + random.below(60) as u64);
        let count = AtomicUsize::new(0);
        place = thread::scope(|scope| {
            for (number, saved) in saved.iter().enumerate() {
                let (host, count, random) = (wharf.address(), &count, Random::new(version + number as u64));
                scope.spawn(move || upload_until_it_dies(host, number, version, saved, count, random));
            }
            thread::sleep(delay);
            // The server runs until one of the clients has saved something. The clients take turns at this.
            let awaited = &saved[death as usize % CLIENTS];
            eventually("something is saved", || awaited.load(Ordering::SeqCst) >= version);
            wharf.kill()
        });
        an_hour_passes(&place.path().join("share"));
        interrupted += count.into_inner();
    }
    nothing_stray(&Wharf::serve_in(place, &[]));
    assert!(interrupted >= DEATHS, "only {interrupted} uploads were cut by {DEATHS} deaths");
}

/// Uploads one version after the other, and stores in `saved` the latest that the server acknowledged.
fn upload_until_it_dies(
    host: SocketAddr,
    number: usize,
    first: u64,
    saved: &AtomicU64,
    interrupted: &AtomicUsize,
    mut random: Random,
) {
    for version in first.. {
        let content = content(version, random.length(20));
        if upload(host, &name(number), &content).is_none() {
            interrupted.fetch_add(1, Ordering::Relaxed);
            return;
        }
        saved.store(version, Ordering::SeqCst);
    }
}

/// Asserts that the file is complete, and not older than the acknowledged version.
fn holds_at_least(wharf: &Wharf, number: usize, saved: u64) {
    let name = name(number);
    let Ok(bytes) = fs::read(wharf.folder().join(&name)) else {
        assert_eq!(saved, 0, "{name} was saved, and is gone");
        return;
    };
    let found = version_of(&name, &bytes);
    assert!(found >= saved, "{name}: version {saved} was saved, but {found} is there");
}

/// Makes what a server has left behind old enough for the next to remove.
fn an_hour_passes(folder: &Path) {
    let then = SystemTime::now() - Duration::from_secs(60 * 60);
    for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            an_hour_passes(&path);
        } else if path.to_string_lossy().contains(".wharf-") {
            let file = File::options().write(true).open(path).expect("a file");
            file.set_modified(then).expect("a time");
        }
    }
}

fn nothing_stray(wharf: &Wharf) {
    let stray: Vec<_> = wharf.tree().into_iter().filter(|name| name.contains(".wharf-")).collect();
    assert!(stray.is_empty(), "{stray:?}");
}

#[test]
fn of_two_uploads_of_one_name_one_wins_as_a_whole() {
    let wharf = Wharf::serve(&[]);
    for round in 0..20 {
        let versions = [2 * round + 1, 2 * round + 2];
        thread::scope(|scope| {
            for version in versions {
                let (host, content) = (wharf.address(), content(version, LONGEST / 2));
                scope.spawn(move || upload(host, "in/one.bin", &content).expect("saved"));
            }
        });
        let winner = version_of("in/one.bin", &wharf.read("in/one.bin"));
        assert!(versions.contains(&winner), "{winner} of {versions:?}");
    }
    assert_eq!(wharf.tree(), ["in/", "in/one.bin"]);
}

/// The limit of a process's file size simulates a full disk: the write fails with an error, while content
/// arrives.
#[test]
fn a_file_that_does_not_fit_is_rejected_and_nothing_stays() {
    // Half a MiB or one, depending on the shell's unit.
    let wharf = Wharf::serve_after("ulimit -f 1024", &[]);
    let content = sample(LONGEST, 6);
    let answer = wharf.ask("PUT", "/too/large.bin", "", &content);
    assert_eq!(answer.code(), 507, "{}", answer.text());
    assert!(wharf.tree().is_empty(), "{:?}", wharf.tree());
    assert_eq!(wharf.ask("PUT", "/small.bin", "", &content[..1000]).code(), 201);
}

#[test]
fn a_full_disk_keeps_the_old_file() {
    let Some(disk) = SmallDisk::mount("1m") else { return };
    let wharf = Wharf::serve_in(disk.place(), &[]);
    let content = sample(LONGEST, 7);
    assert_eq!(wharf.ask("PUT", "/a.bin", "", &content[..1000]).code(), 201);
    let told = wharf.ask("PUT", "/a.bin", "", &content);
    assert_eq!(told.code(), 507, "its length was announced: {}", told.text());
    let mut wire = wharf.connect();
    let host = wharf.address();
    wire.send(format!("PUT /a.bin HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"));
    wire.send(format!("{LONGEST:x}\r\n")).send(&content).send("\r\n0\r\n\r\n");
    assert_eq!(wire.read_answer(false).code(), 507, "the disk filled up");
    assert!(wharf.read("a.bin") == content[..1000]);
    assert_eq!(wharf.tree(), ["a.bin"]);
    assert_eq!(wharf.ask("PUT", "/b.bin", "", &content[..500_000]).code(), 201, "its space is free again");
}

#[test]
fn a_file_truncated_during_a_download_closes_the_connection() {
    let wharf = Wharf::serve(&[]);
    let length = 64 << 20;
    let path = wharf.write("large.bin", "");
    let file = File::options().write(true).open(path).expect("opened");
    file.set_len(length).expect("a long file");
    let mut wire = wharf.connect();
    wire.begin_to_ask("GET", "/large.bin", None);
    assert!(wire.hears_within(crate::common::PATIENCE), "the download has started");
    file.set_len(1000).expect("a short file");
    let received = wire.read_to_end();
    assert!((received.len() as u64) < length, "{} bytes", received.len());
    assert_eq!(wharf.ask("GET", "/large.bin", "", b"").body.len(), 1000, "the server still runs");
}

#[test]
fn extra_bytes_of_the_client_do_not_cost_it_the_response() {
    let wharf = Wharf::serve(&[]);
    let path = wharf.write("large.bin", "");
    File::options().write(true).open(path).and_then(|file| file.set_len(64 << 20)).expect("a long file");
    let mut wire = wharf.connect();
    let host = wharf.address();
    wire.send(format!("GET /large.bin HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
    assert!(wire.hears_within(crate::common::PATIENCE), "the download has started");
    // Closing a socket with unread bytes resets the connection, and discards what the kernel still has to
    // send.
    wire.send("\r\n");
    assert_eq!(wire.read_answer(false).body.len(), 64 << 20);
}
