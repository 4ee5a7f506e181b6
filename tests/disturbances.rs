//! Many signals, clock jumps and a lack of descriptors have no lasting effect.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, kill_process};

use crate::common::{Random, Tftp, Wharf, eventually, outside, sample};

/// Each upload takes three descriptors. How many are left for the last upload depends on the limit, and on how many
/// descriptors the server inherited.
#[test]
fn if_uploads_take_all_descriptors_the_oldest_make_room() {
    for limit in [78, 79, 80] {
        uploads_that_take_all(limit);
    }
}

fn uploads_that_take_all(limit: u32) {
    const UPLOADS: usize = 60;
    let wharf = Wharf::serve_after(&format!("ulimit -n {limit}"), &[]);
    wharf.write("a", "x");
    let begin = |number: usize| {
        let (mut wire, host) = (wharf.connect(), wharf.address());
        let wanted = "Expect: 100-continue\r\nContent-Length: 1";
        wire.send(format!("PUT /{number} HTTP/1.1\r\nHost: {host}\r\n{wanted}\r\n\r\n"));
        assert_eq!(wire.try_read_answer(false).expect("an answer").code(), 100, "{number}");
        assert_eq!(wharf.ask("GET", "/a", "", b"").code(), 200, "during {number} uploads");
        wire
    };
    let mut uploads: Vec<_> = (0..UPLOADS).map(begin).collect();
    let codes: Vec<u16> = uploads
        .iter_mut()
        .map(|wire| {
            wire.send("x");
            wire.try_read_answer(false).map_or(0, |answer| answer.code())
        })
        .collect();
    let saved = codes.iter().filter(|code| **code == 201).count();
    let closed = codes.iter().filter(|code| matches!(**code, 503 | 0)).count();
    assert_eq!(saved + closed, UPLOADS, "{codes:?}");
    assert!(codes[..5].contains(&503), "the first evicted uploads get a 503: {codes:?}");
    // About eight fit, and each time there are too many, half of them are evicted.
    assert!(codes.ends_with(&[201; 3]), "the latest are served: {codes:?}");
    assert_eq!(wharf.tree().len(), 1 + saved, "nothing else is there: {codes:?}");
    assert!(!wharf.log().contains("Too many open files"), "open descriptors are counted");
}

#[test]
fn a_form_of_many_files_takes_few_descriptors() {
    let wharf = Wharf::serve_after("ulimit -n 64", &["--no-sync"]);
    let part = |number: usize| {
        let disposition = format!("Content-Disposition: form-data; name=\"f\"; filename=\"{number}\"");
        format!("--b\r\n{disposition}\r\n\r\n{number}\r\n")
    };
    let body = (0..600).map(part).collect::<String>() + "--b--\r\n";
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    let mut wire = wharf.connect();
    for _ in 0..2 {
        let answer = wire.ask("POST", "/", form, body.as_bytes());
        assert_eq!((answer.code(), answer.text().lines().count()), (200, 600), "{}", answer.text());
    }
    assert!((0..600).all(|number| wharf.read(&number.to_string()) == number.to_string().as_bytes()));
}

/// Signals that a program may receive while it works: from a terminal, a debugger, a shell, a supervisor.
const STORM: [Signal; 6] =
    [Signal::STOP, Signal::CONT, Signal::WINCH, Signal::URG, Signal::CHILD, Signal::PIPE];

#[test]
fn many_signals_disturb_no_transfer() {
    const CLIENTS: u64 = 4;
    const ROUNDS: u64 = 8;
    let wharf = Wharf::serve(&["--udp", "0"]);
    let pid = wharf.pid();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let storm = scope.spawn(|| {
            let mut random = Random::new(64);
            let mut sent = 0;
            while !is_over.load(Ordering::Relaxed) {
                kill_process(pid, STORM[random.below(STORM.len())]).expect("it runs");
                // After SIGSTOP, the server stands still for this long.
                thread::sleep(Duration::from_micros(200));
                kill_process(pid, Signal::CONT).expect("it runs");
                sent += 2;
            }
            sent
        });
        let transfer = |client: u64| {
            let wharf = &wharf;
            scope.spawn(move || {
                let mut wire = wharf.connect();
                for round in 0..ROUNDS {
                    let (name, content) = (format!("/{client}"), sample(2 << 20, client << 8 | round));
                    let code = wire.ask("PUT", &name, "", &content).code();
                    assert!(matches!(code, 201 | 204), "{code}");
                    assert!(wire.ask("GET", &name, "", b"").body == content, "{name}, {round}");
                    assert_eq!(Tftp::new(wharf.tftp()).put("tftp", &[], &content[..5000]), Ok(()));
                }
            })
        };
        let transfers: Vec<_> = (0..CLIENTS).map(transfer).collect();
        let ended: Vec<_> = transfers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok), "every transfer was made");
        assert!(storm.join().expect("it runs to the end") > 100, "too few signals were sent");
    });
}

/// A server whose clock is set through a file.
pub struct Clock {
    pub wharf: Wharf,
    offset: std::path::PathBuf,
}

impl Clock {
    pub fn serve(flags: &[&str]) -> Option<Self> {
        outside("faketime")?;
        let place = tempfile::tempdir().expect("a folder");
        let offset = place.path().join("offset");
        fs::write(&offset, "+0").expect("written");
        let mut program = Command::new("env");
        // The linker replaces `$LIB` by the system's directory of libraries. Sleeping and waiting use another
        // clock.
        program.args(["LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1", "FAKETIME_NO_CACHE=1"]);
        program.args(["FAKETIME_DONT_FAKE_MONOTONIC=1", "NO_FAKE_STAT=1"]);
        program.env("FAKETIME_TIMESTAMP_FILE", &offset);
        Some(Self { wharf: Wharf::serve_by(program, place, flags), offset })
    }

    pub fn set(&self, offset: &str) {
        fs::write(&self.offset, offset).expect("written");
    }
}

#[test]
fn a_clock_that_is_set_back_has_no_effect() {
    let Some(clock) = Clock::serve(&["--udp", "0", "--timeout", "600"]) else { return };
    let wharf = &clock.wharf;
    wharf.write("a", "old");
    wharf.files_age();
    let mut kept = wharf.connect();
    let before = kept.ask("GET", "/a", "", b"");
    let mut half = wharf.connect();
    half.begin_to_ask("PUT", "/half", Some(8)).send("half");
    let mut tftp = Tftp::new(wharf.tftp());
    tftp.send_request(b"\0\x02tftp\0octet\0").hear();
    for (block, (offset, direction)) in
        (1..).zip([("-2h", "back"), ("+2h", "forward"), ("-3h", "back again")])
    {
        clock.set(offset);
        let now = || date(&wharf.ask("GET", "/.wharf/health", "", b"").field("Date"));
        let first = date(&before.field("Date"));
        eventually(direction, || if offset.starts_with('-') { now() < first } else { now() > first });
        let answer = kept.ask("GET", "/a", "", b"");
        assert_eq!(
            (answer.code(), answer.text().as_str()),
            (200, "old"),
            "{direction}, on an old connection"
        );
        let same = format!("If-None-Match: {}\r\n", answer.field("ETag"));
        assert_eq!(kept.ask("GET", "/a", &same, b"").code(), 304, "{direction}");
        // RFC 9110 §8.8.2.1: a cached file that is newer than the clock is evicted within a second.
        eventually("nothing was modified after the answer", || {
            let answer = wharf.ask("GET", "/a", "", b"");
            date(&answer.field("Last-Modified")) <= date(&answer.field("Date"))
        });
        assert!(matches!(wharf.ask("PUT", "/b", "", offset.as_bytes()).code(), 201 | 204), "{direction}");
        assert_eq!(wharf.ask("GET", "/b", "", b"").text(), offset, "a saved file is read back");
        tftp.send(&[&[0, 3, 0, block][..], &[b'x'; 512]].concat()).hear_until(&[0, 4, 0, block]);
        wharf.write("a", "new");
        eventually(direction, || wharf.ask("GET", "/a", "", b"").text() == "new");
        wharf.write("a", "old");
    }
    assert_eq!(half.send("half").read_answer(false).code(), 201, "an upload resumes");
    tftp.send(b"\0\x03\0\x04").hear_until(b"\0\x04\0\x04");
    assert_eq!((wharf.read("half"), wharf.read("tftp")), (b"halfhalf".to_vec(), vec![b'x'; 3 * 512]));
}

/// The time in a field.
fn date(field: &str) -> std::time::SystemTime {
    httpdate::parse_http_date(field).unwrap_or_else(|_| panic!("{field:?} is no date"))
}
