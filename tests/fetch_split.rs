//! `wharf get --split`: a large file in several ranges at once, complete and of one version whatever
//! interrupts it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::common::{Fake, Output, Plan, Proxy, Running, Wharf, eventually, field, run, sample};

/// The length of the file, in bytes: four pieces, and the last has another length than the others.
const LENGTH: usize = 6_000_001;

/// How many ranges a file has.
const RANGES: usize = 4;

/// How much of each range may be transferred again: what arrived since its last record.
const STEP: u64 = 1 << 20;

/// How much of each range arrives before the client is killed.
const HELD: u64 = 1_200_000;

struct Stage {
    wharf: Wharf,
    proxy: Proxy,
    here: TempDir,
}

impl Stage {
    fn new() -> Self {
        let wharf = Wharf::serve(&[]);
        let proxy = Proxy::before(wharf.address());
        wharf.write("large", sample(LENGTH, 1));
        Self { wharf, proxy, here: tempfile::tempdir().expect("a folder") }
    }

    fn arguments(&self) -> Vec<String> {
        let url = self.proxy.url("/large");
        ["get", "--split", "1M", "--retries", "0", "--no-sync", "--dir", "d", &url]
            .map(str::to_owned)
            .to_vec()
    }

    fn get(&self) -> Output {
        let arguments = self.arguments();
        run(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), "", self.here.path())
    }

    /// Asserts that the file is complete, and that nothing else is left.
    #[track_caller]
    fn is_here(&self, content: &[u8]) {
        assert!(fs::read(self.here.path().join("d/large")).expect("it was saved") == content);
        let names = fs::read_dir(self.here.path().join("d")).expect("a folder").count();
        assert_eq!(names, 1, "nothing is left beside it");
    }
}

fn ranges(proxy: &Proxy) -> usize {
    proxy.requests().iter().filter(|head| field(head, "Range").is_some()).count()
}

#[test]
fn a_large_file_comes_in_ranges_and_is_complete() {
    let stage = Stage::new();
    stage.proxy.plan(Plan::Through);
    let output = stage.get();
    assert_eq!(output.code, Some(0), "{output:?}");
    stage.is_here(&sample(LENGTH, 1));
    assert_eq!(ranges(&stage.proxy), RANGES);
    assert_eq!(stage.proxy.content(), LENGTH as u64, "nothing was transferred twice");
    eventually("its hash was requested", || stage.wharf.log().contains("/large?sha256"));
}

#[test]
fn a_short_file_comes_in_one_piece() {
    let stage = Stage::new();
    stage.wharf.write("large", "short");
    stage.proxy.plan(Plan::Through);
    assert_eq!(stage.get().code, Some(0));
    stage.is_here(b"short");
    assert_eq!(ranges(&stage.proxy), 0);
}

#[test]
fn an_interrupted_download_resumes() {
    let stage = Stage::new();
    // After all interruptions, the last run still has to fetch a part of each range.
    for (after, reset) in [(300_000, false), (700_000, true), (0, false)] {
        stage.proxy.plan(Plan::Cut { after, reset });
        let output = stage.get();
        assert_eq!((output.code, output.stderr.lines().count()), (Some(1), 1), "{output:?}");
        assert!(!stage.here.path().join("d/large").exists());
    }
    stage.proxy.plan(Plan::Through);
    assert_eq!(stage.get().code, Some(0));
    stage.is_here(&sample(LENGTH, 1));
    assert!(ranges(&stage.proxy) > 0);
    assert!(stage.proxy.content() < LENGTH as u64, "it did not start again");
}

#[test]
fn a_killed_download_resumes() {
    let stage = Stage::new();
    stage.proxy.plan(Plan::Hold(HELD));
    let mut client = Running::start(
        Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(stage.arguments())
            .current_dir(stage.here.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    eventually("all ranges are held", || stage.proxy.content() == HELD * RANGES as u64);
    let part = stage.here.path().join("d/large.part");
    eventually("it is written", || is_written(&part));
    client.kill().expect("killed");
    client.wait().expect("a child");
    stage.proxy.plan(Plan::Through);
    // One range at a time: a split download is also completed by a command without `--split`.
    let url = stage.proxy.url("/large");
    let output = run(&["get", "--serial", "--no-sync", "--dir", "d", &url], "", stage.here.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    stage.is_here(&sample(LENGTH, 1));
    assert_eq!(ranges(&stage.proxy), RANGES);
    let again = stage.proxy.content() + HELD * RANGES as u64;
    assert!(
        again <= LENGTH as u64 + STEP * RANGES as u64,
        "{again} bytes of {LENGTH} were transferred in total"
    );
}

/// Whether the held content of each range is in the part.
fn is_written(part: &Path) -> bool {
    let (part, content) = (fs::read(part).unwrap_or_default(), sample(LENGTH, 1));
    let held = |range: usize| {
        let start = range * LENGTH.div_ceil(RANGES);
        start..start + HELD as usize
    };
    (0..RANGES).all(|range| part.get(held(range)) == content.get(held(range)))
}

#[test]
fn a_file_that_was_replaced_is_no_mixture() {
    let stage = Stage::new();
    stage.proxy.plan(Plan::Cut { after: 900_000, reset: false });
    assert_eq!(stage.get().code, Some(1));
    stage.wharf.write("large", sample(LENGTH, 2));
    stage.proxy.plan(Plan::Through);
    assert_eq!(stage.get().code, Some(0));
    stage.is_here(&sample(LENGTH, 2));
}

/// A server that describes its file as wharf does, and answers range requests as a test chooses.
fn fake(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Fake {
    Fake::answers(move |head, stream| {
        use std::io::Write as _;
        let body = vec![b'x'; 2 << 20];
        let plain = format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: {}\r\n\r\n", body.len());
        let (text, content) = match field(head, "Range") {
            None => (plain, &body[..]),
            Some(range) => (answer(range), &body[..10]),
        };
        let is_whole = text.is_empty();
        let text = if is_whole {
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())
        } else {
            text
        };
        let content = if is_whole { &body[..] } else { content };
        let content = if head.starts_with("HEAD") { &[] } else { content };
        // A client that has received enough closes the connection.
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(content));
    })
}

#[test]
fn a_wrong_range_starts_over() {
    let no_ranges = fake(|_| String::new());
    let wrong = fake(|_| {
        "HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\nContent-Range: bytes 0-9/2097152\r\nContent-Length: 10\r\n\r\n"
            .to_owned()
    });
    for (name, server, lines) in [("the whole file instead", &no_ranges, 0), ("another range", &wrong, 1)] {
        let here = tempfile::tempdir().expect("a folder");
        let arguments = ["get", "--split", "1M", "--retries", "0", "--dir", "d", &server.url("/large")];
        let output = run(&arguments, "", here.path());
        assert_eq!((output.code, output.stderr.lines().count()), (Some(0), lines), "{name}: {output:?}");
        assert!(
            output.stderr.is_empty() || output.stderr.ends_with("; started again.\n"),
            "{name}: {output:?}"
        );
        let content = fs::read(here.path().join("d/large")).expect("saved");
        assert!(content == vec![b'x'; 2 << 20], "{name}");
        assert_eq!(fs::read_dir(here.path().join("d")).expect("a folder").count(), 1, "{name}");
    }
}

/// Existing entries with the names of a part and its record stay, and a download started beside them resumes.
#[test]
fn an_obstacle_at_the_part_stays() {
    let stage = Stage::new();
    let dir = stage.here.path().join("d");
    fs::create_dir(&dir).expect("made");
    for name in ["large.part", "large.1.part.from"] {
        fs::write(dir.join(name), "mine").expect("written");
    }
    stage.proxy.plan(Plan::Cut { after: 900_000, reset: false });
    assert_eq!(stage.get().code, Some(1));
    assert!(dir.join("large.2.part").exists());
    stage.proxy.plan(Plan::Through);
    assert_eq!(stage.get().code, Some(0));
    assert!(fs::read(dir.join("large")).expect("it was saved") == sample(LENGTH, 1));
    assert!(stage.proxy.content() < LENGTH as u64, "it did not start again");
    for name in ["large.part", "large.1.part.from"] {
        assert_eq!(fs::read(dir.join(name)).expect("the obstacle stayed"), b"mine", "{name}");
    }
    assert_eq!(fs::read_dir(&dir).expect("a folder").count(), 3);
}
