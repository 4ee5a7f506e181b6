//! Names in the file system: each is bound once, and existing files and live sockets are kept.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::sync::Barrier;

use super::*;

const BACKLOG: i32 = 8;

fn bind(path: &Path, mode: u32) -> Result<(Socket, Option<BoundPath>), CannotBind> {
    SocketName::Path(path.to_owned()).bind(Mode::from_raw_mode(mode), BACKLOG)
}

fn names(directory: &Path) -> Vec<OsString> {
    fs::read_dir(directory).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect()
}

#[test]
fn it_has_its_mode_and_is_removed_with_its_server() {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("s");
    for mode in [0o600, 0o666, 0o660] {
        let (socket, bound) = bind(&path, mode).expect("bound");
        let found = fs::metadata(&path).expect("there").permissions().mode() & 0o7777;
        assert_eq!(found, mode, "{found:o}");
        UnixStream::connect(&path).expect("it listens");
        assert_eq!(names(place.path()), ["s"], "nothing beside it");
        drop(bound);
        drop(socket);
        assert!(names(place.path()).is_empty());
    }
}

#[test]
fn names_that_are_taken() {
    let place = tempfile::tempdir().expect("a folder");
    let path = |name: &str| place.path().join(name);
    fs::write(path("file"), "x").expect("written");
    fs::create_dir(path("directory")).expect("made");
    std::os::unix::fs::symlink("nowhere", path("link")).expect("made");
    let _live = UnixListener::bind(path("live")).expect("bound");
    let _other = UnixDatagram::bind(path("datagrams")).expect("bound");
    drop(UnixListener::bind(path("stale")).expect("bound"));
    let table = [
        ("file", "it is a file, not a socket (choose another path)"),
        ("directory", "it is a file, not a socket (choose another path)"),
        ("link", "it is a file, not a socket (choose another path)"),
        ("live", "a server already listens there (choose another name)"),
        ("datagrams", "a server already listens there (choose another name)"),
        ("none/s", "No such file or directory (os error 2)"),
        ("..", "the path does not end with a name (name the socket, not its directory)"),
        ("stale", "bound"),
        ("free", "bound"),
    ];
    for (name, expected) in table {
        let before = fs::symlink_metadata(path(name)).map(|found| found.ino()).ok();
        let said = bind(&path(name), 0o600).map_or_else(|error| error.to_string(), |_| "bound".to_owned());
        assert_eq!(said, expected, "{name}");
        let after = fs::symlink_metadata(path(name)).map(|found| found.ino()).ok();
        assert!(said == "bound" || before == after, "{name} was touched");
    }
    let long = place.path().join("x".repeat(LONGEST_NAME));
    assert!(matches!(bind(&long, 0o600), Err(CannotBind::TooLong(_))));
    assert!(matches!(bind(Path::new("/"), 0o600), Err(CannotBind::NoName)));
}

#[test]
fn only_its_own_name_is_removed() {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("s");
    let first = bind(&path, 0o600).expect("bound");
    fs::remove_file(&path).expect("removed");
    let _second = bind(&path, 0o600).expect("bound");
    drop(first);
    UnixStream::connect(&path).expect("the second still serves");
}

#[test]
fn of_many_that_race_exactly_one_wins() {
    const RACERS: usize = 8;
    for round in 0..20 {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("s");
        if round % 2 == 1 {
            drop(UnixListener::bind(&path).expect("a stale one"));
        }
        let start = Barrier::new(RACERS);
        let bound: Vec<_> = thread::scope(|scope| {
            let race = || {
                start.wait();
                bind(&path, 0o600)
            };
            let racers: Vec<_> = (0..RACERS).map(|_| scope.spawn(race)).collect();
            racers.into_iter().map(|racer| racer.join().expect("no panic")).collect()
        });
        assert_eq!(bound.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{bound:?}");
        assert!(
            bound.iter().filter_map(|outcome| outcome.as_ref().err()).all(|e| matches!(e, CannotBind::Live))
        );
        UnixStream::connect(&path).expect("the winner listens");
        assert_eq!(names(place.path()), ["s"]);
    }
}

#[test]
fn an_abstract_name_is_taken_once() {
    let name = SocketName::parse(OsStr::new(&format!("@wharf-test-{}", std::process::id())));
    let (_socket, bound) = name.bind(Mode::RUSR, BACKLOG).expect("bound");
    assert!(bound.is_none() && name.to_string().starts_with("@wharf-test-"));
    assert!(matches!(name.bind(Mode::RUSR, BACKLOG), Err(CannotBind::Live)));
}

#[test]
fn invalid_abstract_names() {
    let say = |name: &str| {
        let bound = SocketName::parse(OsStr::new(name)).bind(Mode::empty(), BACKLOG);
        bound.map_or_else(|error| error.to_string(), |_| "bound".to_owned())
    };
    assert_eq!(say("@"), "the path does not end with a name (name the socket, not its directory)");
    let long = format!("@{}", "x".repeat(LONGEST_NAME + 1));
    assert_eq!(say(&long), "the name has 108 bytes, more than the 107 allowed (choose a shorter one)");
    let longest = format!("@{:x>LONGEST_NAME$}", std::process::id());
    assert_eq!(say(&longest), "bound");
}
