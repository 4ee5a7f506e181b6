//! Several processes: this test starts itself, and kills the processes that it started.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::{env, fs, thread};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::super::limits::LINKS_PER_GIVER;
use super::super::{ChangeError, NewSession, Purpose, RecordId, Records, Refused, Unusable};
use super::{START, link, user};
use crate::blocking::Blocking;

/// Environment variables that tell the processes where to work and what to do.
const DIRECTORY: &str = "WHARF_TEST_RECORDS";
const NAME: &str = "WHARF_TEST_USER";
const LIMITED: &str = "WHARF_TEST_LIMITED";

/// Not a real test, but the code that the processes run. It takes all uses of the links of `carla`, and then makes
/// links until it is killed. Each line of output reports what is on the disk.
#[test]
fn process() {
    let (Some(directory), Ok(name)) = (env::var_os(DIRECTORY), env::var(NAME)) else { return };
    let disk = Blocking::own_thread();
    let records = Records::open(Path::new(&directory), "1", START, disk).expect("readable");
    let user = user(&name, 10);
    let links = records.of_user(&"carla".parse().expect("a name")).expect("readable");
    let mut out = std::io::stdout();
    for link in links.iter().filter(|record| matches!(record.purpose, Purpose::Link { .. })) {
        loop {
            match records.take_use(link.id, START, disk) {
                Ok(visit) => writeln!(out, "\ntook {}", visit.record.id).expect("written"),
                Err(ChangeError::Refused(Refused::Unusable(Unusable::UsedUp))) => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
    writeln!(out, "\ndone").expect("written");
    for _ in 0..LINKS_PER_GIVER {
        let added = records.add_link(&user, &link(None), START, disk).expect("made");
        writeln!(out, "\nmade {}", added.record.id).expect("written");
    }
}

/// Not a real test, but a process that cannot write the whole file. By default, the system kills it at that point.
#[test]
fn limited_process() {
    let (Some(directory), Ok(reaction)) = (env::var_os(DIRECTORY), env::var(LIMITED)) else { return };
    let disk = Blocking::own_thread();
    let records = Records::open(Path::new(&directory), "1", START, disk).expect("readable");
    if reaction == "error" {
        signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default()).expect("registered");
    }
    let limit = Rlimit { current: Some(100), maximum: Some(100) };
    setrlimit(Resource::Fsize, limit).expect("limited");
    let error = records
        .add_session(&user("anna", 10), NewSession::default(), START, disk)
        .expect_err("the file has more bytes");
    assert!(matches!(error, ChangeError::Store(_)), "{error}");
    assert_eq!(records.list(|_| true).expect("readable").len(), 1, "the view has what is on the disk");
}

/// In the middle of a write, one process gets an error, and another one is killed.
#[test]
fn an_unfinished_write_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Blocking::own_thread();
    let records = Records::open(directory.path(), "1", START, disk).expect("readable");
    let anna = records.add_session(&user("anna", 10), NewSession::default(), START, disk).expect("made");
    let file = directory.path().join("records-1");
    let before = fs::read(&file).expect("read");
    let count = || fs::read_dir(directory.path()).expect("a directory").count();
    for (reaction, signal, files) in [("error", None, 2), ("crash", Some(signal_hook::consts::SIGXFSZ), 3)] {
        let ended = test("limited_process", directory.path()).env(LIMITED, reaction).status().expect("ended");
        assert_eq!((ended.signal(), ended.success()), (signal, signal.is_none()), "{reaction}");
        assert_eq!(fs::read(&file).expect("read"), before, "{reaction}");
        assert_eq!(count(), files, "{reaction}");
        let after = Records::open(directory.path(), "1", START, disk).expect("readable");
        assert!(after.find(&anna.secret, START).is_ok());
        assert_eq!(count(), 2, "what was left is removed");
    }
    records.add_session(&user("bert", 10), NewSession::default(), START, disk).expect("made");
}

/// This program, set to run one of its tests.
fn test(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    let name = format!("accounts::records::tests::processes::{name}");
    command.args([&name, "--exact", "--nocapture"]).env(DIRECTORY, directory);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn start(directory: &Path, name: &str) -> Child {
    test("process", directory).env(NAME, name).spawn().expect("started")
}

/// Everything reported before the kill is there, each use was taken once, and the file is complete.
#[test]
fn killed_processes_lose_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Blocking::own_thread();
    let records = Records::open(directory.path(), "1", START, disk).expect("readable");
    let carla = user("carla", 10);
    for uses in [7, 13] {
        records.add_link(&carla, &link(Some(uses)), START, disk).expect("made");
    }
    let mut processes = ["anna", "bert", "dora"].map(|name| (name, start(directory.path(), name)));
    let reports: Vec<(usize, Vec<RecordId>)> = thread::scope(|scope| {
        let follow = |(index, (_, child)): (usize, &mut (&str, Child))| {
            let out = BufReader::new(child.stdout.take().expect("a pipe"));
            let (mut taken, mut made) = (0, Vec::new());
            // Each process is killed at a different point in its work.
            for line in out.lines().map(|line| line.expect("text")) {
                match line.split_once(' ') {
                    Some(("took", _)) => taken += 1,
                    Some(("made", id)) => made.push(id.parse().expect("an id")),
                    _ => {}
                }
                if made.len() == 10 + index * 7 {
                    child.kill().expect("killed");
                }
            }
            child.wait().expect("it has ended");
            (taken, made)
        };
        let threads: Vec<_> =
            processes.iter_mut().enumerate().map(|process| scope.spawn(move || follow(process))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(reports.iter().map(|(taken, _)| taken).sum::<usize>(), 20, "{reports:?}");
    records.refresh(START, disk).expect("the file is whole");
    for (_, made) in &reports {
        assert!(made.len() >= 10, "{reports:?}");
        for id in made {
            records.get(*id).expect("it was reported").check(START).expect("it is valid");
        }
    }
    let of_carla = records.of_user(&carla.name).expect("readable");
    assert_eq!(of_carla.len(), 22, "two links and the twenty sessions that they have started");
}
