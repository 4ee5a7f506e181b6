//! Several processes: this test starts itself, and kills what it has started.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::super::limits::LINKS_PER_GIVER;
use super::super::{ChangeError, Purpose, RecordId, Records, Refused, Unusable};
use super::{START, link, user};
use crate::blocking::Blocking;

/// Says to [`process`] where and what to do.
const DIRECTORY: &str = "WHARF_TEST_RECORDS";
const NAME: &str = "WHARF_TEST_USER";

/// Not a test of its own: what the processes run. It takes all uses of the links of `carla`, and then makes links until it is
/// killed. Each line says what is on the disk.
#[test]
fn process() {
    let (Some(directory), Ok(name)) = (env::var_os(DIRECTORY), env::var(NAME)) else { return };
    let disk = Blocking::own_thread();
    let records = Records::open(Path::new(&directory), START, disk).expect("readable");
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
        let added = records.add_link(&user, link(None), START, disk).expect("made");
        writeln!(out, "\nmade {}", added.record.id).expect("written");
    }
}

fn start(directory: &Path, name: &str) -> Child {
    let test = "accounts::records::tests::processes::process";
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args([test, "--exact", "--nocapture"]).env(DIRECTORY, directory).env(NAME, name);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("started")
}

/// Whatever was reported before the kill is there, each use was taken once, and the file is whole.
#[test]
fn killed_processes_lose_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = Blocking::own_thread();
    let records = Records::open(directory.path(), START, disk).expect("readable");
    let carla = user("carla", 10);
    for uses in [7, 13] {
        records.add_link(&carla, link(Some(uses)), START, disk).expect("made");
    }
    let mut processes = ["anna", "bert", "dora"].map(|name| (name, start(directory.path(), name)));
    let reports: Vec<(usize, Vec<RecordId>)> = std::thread::scope(|scope| {
        let follow = |(index, (_, child)): (usize, &mut (&str, Child))| {
            let out = BufReader::new(child.stdout.take().expect("a pipe"));
            let (mut taken, mut made) = (0, Vec::new());
            // Each is killed at another moment of its work.
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
