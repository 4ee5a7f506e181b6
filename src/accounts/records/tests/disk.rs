//! The records on the disk, changed by several programs at once.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use super::super::limits::TOUCH_INTERVAL;
use super::super::{
    ChangeError, NewSession, RecordSecret, Records, RecordsError, Refused, SecretUse, Unusable, WallTime,
};
use super::{DAY, START, link, token, user};
use crate::accounts::file::UsersFile;
use crate::blocking::Blocking;

/// The id of the folder.
const FOLDER: &str = "0001abff0405060708090a0b0c0d0e0f";

/// A state directory.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).expect("changed");
    directory
}

fn try_open(directory: &Path) -> Result<Records, RecordsError> {
    Records::open(directory, FOLDER, START, Blocking::own_thread())
}

fn open(directory: &TempDir) -> Records {
    try_open(directory.path()).expect("readable")
}

fn file(directory: &TempDir) -> PathBuf {
    directory.path().join(format!("records-{FOLDER}"))
}

fn refresh(records: &Records, now: WallTime) -> Result<(), String> {
    records.refresh(now, Blocking::own_thread()).map_err(|error| error.to_string())
}

/// The reason why a use was not taken.
fn refused(error: &ChangeError) -> Option<&Refused> {
    match error {
        ChangeError::Refused(refused) => Some(refused),
        ChangeError::Store(_) | ChangeError::Cluster(_) => None,
    }
}

#[test]
fn what_is_made_is_there_after_a_restart() {
    let directory = directory();
    let disk = Blocking::own_thread();
    let records = open(&directory);
    assert!(!file(&directory).exists(), "nothing was made yet");
    let anna = user("anna", 10);
    let session = records.add_session(&anna, NewSession::default(), START, disk).expect("made");
    let token = records.add_token(&anna, &token("backup"), START, disk).expect("made");
    let link = records.add_link(&anna, &link(Some(1)), START, disk).expect("made");
    let visit = records.take_use(link.record.id, START, disk).expect("taken");
    let mode = fs::metadata(file(&directory)).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let count = fs::read_dir(directory.path()).expect("a directory").count();
    assert_eq!(count, 2, "the file and its lock; nothing else is left");
    let text = fs::read_to_string(file(&directory)).expect("text");
    for (issued, is_for) in [
        (&session, SecretUse::Session),
        (&token, SecretUse::Token),
        (&link, SecretUse::Link),
        (&visit, SecretUse::Session),
    ] {
        let sent = issued.secret.text();
        assert!(!text.contains(sent.trim_start_matches("wharf_")), "a secret is not stored");
        assert!(!format!("{issued:?}").contains(sent.trim_start_matches("wharf_")), "nor printed");
        let secret = RecordSecret::parse(is_for, sent.as_bytes()).expect("a secret");
        let found =
            [&records, &open(&directory)].map(|records| records.find(&secret, START).map(|found| found.id));
        let expected = if is_for == SecretUse::Link { Err(Unusable::UsedUp) } else { Ok(issued.record.id) };
        assert_eq!(found, [expected, expected]);
    }
    let of_anna = open(&directory).of_user(&anna.name).expect("readable");
    assert_eq!(of_anna.len(), 4);
    assert!(of_anna.is_sorted_by_key(|record| (record.created, record.id)));
}

#[test]
fn records_open_nothing_in_another_folder() {
    let directory = directory();
    let disk = Blocking::own_thread();
    let records = open(&directory);
    let link = records.add_link(&user("anna", 10), &link(None), START, disk).expect("made");
    let other = Records::open(directory.path(), "1", START, disk).expect("readable");
    assert_eq!(other.find(&link.secret, START).err(), Some(Unusable::Unknown));
    other.add_session(&user("anna", 10), NewSession::default(), START, disk).expect("made");
    refresh(&records, START).expect("readable");
    assert!(records.find(&link.secret, START).is_ok(), "they have a file each");
}

#[test]
fn a_login_ends_the_session_that_the_browser_had() {
    let directory = directory();
    let disk = Blocking::own_thread();
    let (records, anna) = (open(&directory), user("anna", 10));
    let first = records.add_session(&anna, NewSession::default(), START, disk).expect("made");
    let other = records.add_session(&anna, NewSession::default(), START, disk).expect("made");
    let again = NewSession { replaces: Some(first.record.id), is_shared: false };
    let second = records.add_session(&anna, again, START, disk).expect("made");
    assert_eq!(records.find(&first.secret, START).err(), Some(Unusable::Unknown));
    assert!(records.find(&other.secret, START).is_ok() && records.find(&second.secret, START).is_ok());
}

#[test]
fn a_server_notices_what_other_programs_change() {
    let directory = directory();
    let disk = Blocking::own_thread();
    let [server, other] = [open(&directory), open(&directory)];
    let anna = user("anna", 10);
    let mut token = other.add_token(&anna, &token("0"), START, disk).expect("made");
    assert_eq!(
        server.find(&token.secret, START).err(),
        Some(Unusable::Unknown),
        "it does not look at the disk"
    );
    // Inode numbers are reused immediately, and the files' times are the same.
    for number in 1..50 {
        refresh(&server, START).expect("readable");
        assert!(server.find(&token.secret, START).is_ok(), "token {number}");
        let id = token.record.id;
        assert_eq!(other.revoke(|record| record.id == id, START, disk).expect("revoked"), 1);
        refresh(&server, START).expect("readable");
        assert_eq!(server.find(&token.secret, START).err(), Some(Unusable::Revoked), "token {number}");
        token = other.add_token(&anna, &super::token(&number.to_string()), START, disk).expect("made");
    }
    // Even without a refresh, a change applies to what is on the disk.
    server.add_session(&anna, NewSession::default(), START, disk).expect("made");
    assert!(server.find(&token.secret, START).is_ok());
    assert_eq!(other.keep_users(&UsersFile::default(), |_| true, START, disk).expect("nothing to do"), 0);
    let users = UsersFile::parse(format!("bert:{}\n", anna.hash.as_str()).as_bytes()).expect("users");
    assert_eq!(other.keep_users(&users, |_| true, START, disk).expect("revoked"), 2);
    refresh(&server, START).expect("readable");
    assert_eq!(server.find(&token.secret, START).err(), Some(Unusable::Revoked));
    fs::remove_file(file(&directory)).expect("removed");
    refresh(&server, START).expect("no file is an empty one");
    assert_eq!(server.find(&token.secret, START).err(), Some(Unusable::Unknown));
}

#[test]
fn a_refresh_reads_and_writes_only_if_something_has_changed() {
    let directory = directory();
    let disk = Blocking::own_thread();
    let records = open(&directory);
    let session =
        records.add_session(&user("anna", 10), NewSession::default(), START, disk).expect("made").record;
    let link = records.add_link(&user("anna", 10), &link(None), START, disk).expect("made");
    let written = || fs::read_to_string(file(&directory)).expect("text");
    let before = written();
    let number = || fs::metadata(file(&directory)).expect("it is there").ino();
    let number_before = number();
    refresh(&records, START.after(TOUCH_INTERVAL)).expect("nothing to write");
    assert_eq!(number(), number_before, "each write makes a new file");
    session.touch(START.after(TOUCH_INTERVAL));
    refresh(&records, WallTime::from_secs(START.as_secs() + TOUCH_INTERVAL.as_secs() - 1)).expect("written");
    assert_eq!(written(), before, "not yet");
    refresh(&records, START.after(TOUCH_INTERVAL)).expect("written");
    assert!(written().contains(&format!(" used={}\n", START.after(TOUCH_INTERVAL))), "{}", written());
    refresh(&records, START.after(2 * DAY)).expect("written");
    assert!(written().contains(&format!(" expired={} ", START.after(2 * DAY))), "{}", written());
    refresh(&records, START).expect("the clock is set back");
    assert_eq!(records.find(&link.secret, START).err(), Some(Unusable::Expired));
    assert_eq!(
        open(&directory).find(&link.secret, START).err(),
        Some(Unusable::Expired),
        "after a restart too"
    );
}

/// Each thread opens the records itself, as a process does.
#[test]
fn changes_at_once_lose_nothing() {
    let directory = directory();
    thread::scope(|scope| {
        for name in ["anna", "bert", "carla", "dora"] {
            let directory = &directory;
            scope.spawn(move || {
                let records = open(directory);
                for number in 0..8 {
                    let token = token(&number.to_string());
                    records.add_token(&user(name, 10), &token, START, Blocking::own_thread()).expect("made");
                }
            });
        }
    });
    assert_eq!(open(&directory).list(|_| true).expect("readable").len(), 32);
}

#[test]
fn twenty_at_once_take_the_last_use_once() {
    let directory = directory();
    let shared = open(&directory);
    let link = shared.add_link(&user("anna", 10), &link(Some(1)), START, Blocking::own_thread());
    let link = link.expect("made").record.id;
    let barrier = Barrier::new(20);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let take = |number| {
            let (shared, directory, barrier) = (&shared, &directory, &barrier);
            move || {
                // Half of the threads open the records themselves, like a process.
                let own = (number % 2 == 0).then(|| open(directory));
                barrier.wait();
                own.as_ref().unwrap_or(shared).take_use(link, START, Blocking::own_thread())
            }
        };
        let threads: Vec<_> = (0..20).map(|number| scope.spawn(take(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let (taken, failed): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.is_ok());
    assert_eq!(taken.len(), 1);
    for error in failed {
        let refused = refused(error.as_ref().expect_err("it failed"));
        assert_eq!(refused, Some(&Refused::Unusable(Unusable::UsedUp)));
    }
}

#[test]
fn what_cannot_be_read_lets_nobody_in_and_stays() {
    let directory = directory();
    let disk = Blocking::own_thread();
    let records = open(&directory);
    let session = records.add_session(&user("anna", 10), NewSession::default(), START, disk).expect("made");
    let link = records.add_link(&user("anna", 10), &link(None), START, disk).expect("made");
    let whole = fs::read_to_string(file(&directory)).expect("text");
    let path = file(&directory);
    let shown = path.display();
    let torn: String = whole.split_inclusive('\n').take(2).collect();
    for (text, message) in [
        (
            torn.as_str(),
            ":3: records are missing: the file must end with `end ` and the number of its records",
        ),
        ("", ":1: records are missing: the file must end with `end ` and the number of its records"),
        (
            "wharf records 2\n",
            ":1: another version of wharf has written it: this one reads `wharf records 1` only",
        ),
        ("hello\n", ":1: it is not a file of wharf's records: it must begin with `wharf records 1`"),
        ("wharf records 1\nlink\nend 1\n", ":2: the value of id is wrong"),
    ] {
        fs::write(&path, text).expect("written");
        let expected = format!("{shown}{message}");
        assert_eq!(refresh(&records, START), Err(expected.clone()));
        assert_eq!(records.find(&session.secret, START).err(), Some(Unusable::Unavailable));
        assert_eq!(records.get(link.record.id).err(), Some(Unusable::Unavailable));
        assert_eq!(refresh(&records, START), Err(expected.clone()), "it stays so");
        for error in [
            records.take_use(link.record.id, START, disk).map(|_| ()),
            records.add_session(&user("anna", 10), NewSession::default(), START, disk).map(|_| ()),
            records.revoke(|_| true, START, disk).map(|_| ()),
        ] {
            assert_eq!(error.expect_err("it is wrong").to_string(), expected);
        }
        assert_eq!(try_open(directory.path()).expect_err("it is wrong").to_string(), expected);
        assert_eq!(fs::read_to_string(&path).expect("text"), text, "it is not overwritten");
        fs::write(&path, &whole).expect("written");
        refresh(&records, START).expect("it is whole again");
        assert!(records.find(&session.secret, START).is_ok());
    }
}

#[test]
fn others_may_neither_read_nor_replace_it() {
    let directory = directory();
    let disk = Blocking::own_thread();
    let records = open(&directory);
    let session = records.add_session(&user("anna", 10), NewSession::default(), START, disk).expect("made");
    let path = file(&directory);
    for mode in [0o640, 0o604, 0o602, 0o620] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("changed");
        let error = refresh(&records, START).expect_err("it is not safe");
        assert!(error.ends_with("nobody else may read or write it (chmod 600)"), "{error}");
        assert_eq!(records.find(&session.secret, START).err(), Some(Unusable::Unavailable));
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("changed");
    refresh(&records, START).expect("it is safe again");
    for mode in [0o720, 0o702, 0o777] {
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).expect("changed");
        let error = records
            .add_session(&user("anna", 10), NewSession::default(), START, disk)
            .expect_err("it is not safe");
        assert!(error.to_string().ends_with("nobody else may write to it (chmod 700)"), "{error}");
    }
    fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).expect("changed");
    let elsewhere = directory.path().join("elsewhere");
    fs::rename(&path, &elsewhere).expect("renamed");
    symlink("elsewhere", &path).expect("a link");
    assert!(refresh(&records, START).expect_err("a link").ends_with("it is a symlink"));
    fs::remove_file(&path).expect("removed");
    fs::create_dir(&path).expect("a directory");
    assert!(refresh(&records, START).expect_err("a directory").ends_with("it is not a file"));
    fs::remove_dir(&path).expect("removed");
    let missing = directory.path().join("none");
    assert!(try_open(&missing).is_err(), "the directory is not made");
    assert!(try_open(&elsewhere).is_err(), "it is a file");
}

#[test]
fn a_lock_that_is_held_delays_only_changes() {
    let directory = directory();
    let disk = Blocking::own_thread();
    let records = open(&directory);
    let session = records.add_session(&user("anna", 10), NewSession::default(), START, disk).expect("made");
    let lock = File::open(file(&directory).with_extension("lock")).expect("open");
    flock(&lock, FlockOperation::LockExclusive).expect("locked");
    thread::scope(|scope| {
        let change = scope.spawn(|| records.revoke(|_| true, START, Blocking::own_thread()));
        // Requests find sessions meanwhile.
        assert!(records.find(&session.secret, START).is_ok());
        flock(&lock, FlockOperation::Unlock).expect("unlocked");
        assert_eq!(change.join().expect("no panic").expect("revoked"), 1);
    });
}
