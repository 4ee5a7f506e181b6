//! Downloads that are interrupted by the network, or because the server or the client is killed: the same command
//! completes each, and does not transfer again what was on the disk.
//!
//! The exception is one block that had arrived but was not written yet when the client was killed. Files of
//! up to 64 KiB start again.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use tempfile::TempDir;

use crate::common::{Plan, Proxy, Random, Running, Wharf, eventually, field, run, sample};

/// Of two hundred downloads, how many are interrupted by the network, by killing the client and by killing the server.
const CUT_BY_NETWORK: usize = 100;
const CUT_BY_CLIENT: usize = 60;
const CUT_BY_SERVER: usize = 40;

/// How many run at the same time.
const LANES: usize = 4;

/// A file of up to this length starts again.
const SHORT: u64 = 64 * 1024;

/// A server behind a proxy, and a directory for downloads.
struct Stage {
    wharf: Wharf,
    proxy: Proxy,
    place: TempDir,
    random: Random,
}

impl Stage {
    fn new(seed: u64) -> Self {
        let wharf = Wharf::serve(&[]);
        let proxy = Proxy::before(wharf.address());
        Self { wharf, proxy, place: tempfile::tempdir().expect("a folder"), random: Random::new(seed) }
    }

    /// Writes a file of random length to the folder; returns its length and a position at which to interrupt
    /// it.
    fn file(&mut self, name: &str) -> (u64, u64) {
        let length = 1 + self.random.below(400_000);
        self.wharf.write(name, sample(length, length as u64));
        (length as u64, self.random.below(length) as u64)
    }

    fn downloads(&self) -> &Path {
        self.place.path()
    }

    /// The arguments of a run.
    fn arguments(&self, name: &str) -> Vec<String> {
        let dir = self.downloads().display().to_string();
        ["get", "--no-sync", "--retries=0", "--dir", &dir, &self.proxy.url(&format!("/{name}"))]
            .map(str::to_owned)
            .to_vec()
    }

    fn get(&self, name: &str) -> Option<i32> {
        let arguments = self.arguments(name);
        run(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), "", self.downloads()).code
    }

    fn begin(&self, name: &str) -> Running {
        Running::start(
            Command::new(env!("CARGO_BIN_EXE_wharf"))
                .args(self.arguments(name))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )
    }

    /// How many bytes of a file are on the disk, for the next run to resume.
    fn there(&self, name: &str) -> u64 {
        let has_notes = self.downloads().join(format!("{name}.part.from")).exists();
        let part = fs::metadata(self.downloads().join(format!("{name}.part")));
        part.map_or(0, |part| part.len()).min(if has_notes { u64::MAX } else { 0 })
    }

    /// Runs the same command again without interruption: the file is complete, and only the missing bytes
    /// were transferred.
    fn completes(&self, name: &str, length: u64) {
        let there = self.there(name).min(length - 1);
        self.proxy.plan(Plan::Through);
        assert_eq!(self.get(name), Some(0), "{name}");
        let asked = self.proxy.requests();
        let range = (there > 0).then(|| format!("bytes={there}-"));
        assert_eq!(field(&asked[0], "Range"), range.as_deref(), "{name}");
        assert_eq!(self.proxy.content(), length - there, "{name} was transferred again");
        assert!(
            fs::read(self.downloads().join(name)).expect("there") == self.wharf.read(name),
            "{name} differs"
        );
        let left = fs::read_dir(self.downloads()).expect("a folder").count();
        assert_eq!(left, 1, "{name}: parts or notes are left");
        fs::remove_file(self.downloads().join(name)).expect("removed");
    }
}

/// Runs this many downloads at the same time.
fn on_stages(downloads: usize, seed: u64, act: impl Fn(&mut Stage, usize) + Sync) {
    thread::scope(|scope| {
        for lane in 0..LANES {
            let act = &act;
            scope.spawn(move || {
                let mut stage = Stage::new(seed + lane as u64);
                (0..downloads).skip(lane).step_by(LANES).for_each(|number| act(&mut stage, number));
            });
        }
    });
}

#[test]
fn downloads_that_the_network_interrupts_resume() {
    on_stages(CUT_BY_NETWORK, 31, |stage, number| {
        let name = format!("{number}.bin");
        let (length, after) = stage.file(&name);
        let reset = stage.random.below(4) == 0;
        stage.proxy.plan(Plan::Cut { after, reset });
        assert_eq!(stage.get(&name), Some(1), "{name}");
        // A reset discards the bytes that were not read yet.
        if length > SHORT && !reset {
            assert_eq!(stage.there(&name), after, "what came is on the disk");
        }
        stage.completes(&name, length);
    });
}

#[test]
fn downloads_whose_client_is_killed_resume() {
    on_stages(CUT_BY_CLIENT, 41, |stage, number| {
        let name = format!("{number}.bin");
        let (length, after) = stage.file(&name);
        stage.proxy.plan(Plan::Hold(after));
        let mut client = stage.begin(&name);
        eventually("it has received this much", || stage.proxy.holds());
        let waits = stage.random.below(2) == 0 && length > SHORT;
        if waits {
            eventually("it is on the disk", || stage.there(&name) == after);
        }
        client.kill().and_then(|()| client.wait()).expect("killed");
        stage.proxy.let_go();
        stage.completes(&name, length);
    });
}

#[test]
fn downloads_whose_server_is_killed_resume() {
    on_stages(CUT_BY_SERVER, 51, |stage, number| {
        let name = format!("{number}.bin");
        let (length, after) = stage.file(&name);
        stage.proxy.plan(Plan::Hold(after));
        let mut client = stage.begin(&name);
        eventually("it has received this much", || stage.proxy.holds());
        let folder = std::mem::replace(&mut stage.wharf, Wharf::serve(&[])).kill();
        stage.proxy.let_go();
        assert_eq!(client.wait().expect("a child").code(), Some(1), "{name}");
        if length > SHORT {
            assert_eq!(stage.there(&name), after, "what came is on the disk");
        }
        stage.wharf = Wharf::serve_in(folder, &[]);
        stage.proxy.leads_to(stage.wharf.address());
        stage.completes(&name, length);
    });
}

#[test]
fn a_file_that_is_replaced_during_a_download_is_never_a_mixture() {
    let mut stage = Stage::new(61);
    for round in 0..20 {
        let (length, name) = (200_000, format!("{round}.bin"));
        stage.wharf.write(&name, sample(length, round));
        stage.proxy.plan(Plan::Cut { after: stage.random.below(length) as u64, reset: false });
        assert_eq!(stage.get(&name), Some(1));
        let length = if round % 2 == 0 { length } else { 1 + stage.random.below(2 * length) };
        // By a rename, as careful programs do; overwriting in place would change the file that is being read.
        let new = stage.wharf.write("new", sample(length, round + 1000));
        fs::rename(new, stage.wharf.folder().join(&name)).expect("replaced");
        stage.proxy.plan(Plan::Through);
        assert_eq!(stage.get(&name), Some(0), "{name}");
        assert!(
            fs::read(stage.downloads().join(&name)).expect("there") == sample(length, round + 1000),
            "{name}"
        );
        assert_eq!(stage.proxy.content(), length as u64, "the whole file was transferred");
        fs::remove_file(stage.downloads().join(&name)).expect("removed");
    }
}

#[test]
fn one_command_survives_many_interruptions() {
    let stage = Stage::new(71);
    let length = 3_000_000;
    stage.wharf.write("a.bin", sample(length, 9));
    stage.proxy.plan(Plan::Cut { after: 400_000, reset: false });
    let dir = stage.downloads().display().to_string();
    let output =
        run(&["get", "--retries=1", "--dir", &dir, &stage.proxy.url("/a.bin")], "", stage.downloads());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert_eq!(stage.proxy.requests().len(), 8, "an attempt that makes progress may be interrupted again");
    assert_eq!(stage.proxy.content(), length as u64);
    assert!(fs::read(stage.downloads().join("a.bin")).expect("there") == sample(length, 9));
    fs::remove_file(stage.downloads().join("a.bin")).expect("removed");
    // Each byte is forwarded only once, too.
    let output = Command::new(env!("CARGO_BIN_EXE_wharf"))
        .args(["get", "--retries=1", "-o", "-", &stage.proxy.url("/a.bin")])
        .output()
        .expect("it runs");
    assert!(output.status.success() && output.stdout == sample(length, 9));
}
