use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};

use super::*;
use crate::folder::Rules;

/// A folder with something of a server in it.
fn folder() -> (tempfile::TempDir, Root) {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(place.path().join(".wharf/trash")).expect("a folder");
    let root = Root::open_at(place.path(), &Rules::default()).expect("it opens");
    (place, root)
}

fn beats(place: &Path) -> Vec<String> {
    let names = fs::read_dir(place.join(".wharf/replicas")).into_iter().flatten().flatten();
    names.map(|entry| entry.file_name().into_string().expect("text")).collect()
}

/// The beat of a server that runs on another machine, and its open file.
fn elsewhere(place: &Path, digit: char) -> (String, File) {
    let id = digit.to_string().repeat(32);
    let directory = place.join(".wharf/replicas");
    fs::create_dir_all(&directory).expect("a folder");
    fs::write(directory.join(&id), "another-boot 1f\n").expect("written");
    let file = File::options().write(true).open(directory.join(&id)).expect("a file");
    (id, file)
}

#[test]
fn a_server_has_a_beat_while_it_keeps_something() {
    let (place, root) = folder();
    let replicas = Replicas::new();
    replicas.keep(&root);
    assert_eq!(beats(place.path()), [replicas.id().expect("an id")]);
    replicas.keep(&root);
    assert_eq!(beats(place.path()).len(), 1);
    fs::remove_dir(place.path().join(".wharf/trash")).expect("removed");
    replicas.keep(&root);
    assert!(replicas.id().is_none() && !place.path().join(".wharf").exists());
    replicas.keep(&root);
    assert!(!place.path().join(".wharf").exists(), "it makes nothing in a folder that is only read");
    replicas.join(&root);
    drop(replicas);
    assert!(!place.path().join(".wharf").exists(), "it leaves nothing");
}

#[test]
fn a_beat_that_was_removed_is_made_again() {
    let (place, root) = folder();
    let replicas = Replicas::new();
    replicas.keep(&root);
    fs::remove_dir_all(place.path().join(".wharf/replicas")).expect("removed");
    replicas.keep(&root);
    replicas.keep(&root);
    assert_eq!(beats(place.path()), [replicas.id().expect("an id")]);
}

#[test]
fn servers_on_one_machine_see_each_other() {
    let (place, root) = folder();
    let [first, second] = [(); 2].map(|()| Replicas::new());
    first.keep(&root);
    let id = first.id().expect("an id");
    second.keep(&root);
    assert_eq!(second.look(&root), Others { seen: 1, unseen: 0 });
    assert!(second.may_continue(&root, &id), "the lock of the content decides");
    // It was killed: nobody holds the lock, and nothing was removed.
    let left = fs::read(place.path().join(".wharf/replicas").join(&id)).expect("a beat");
    drop(first);
    fs::write(place.path().join(".wharf/replicas").join(&id), left).expect("written");
    assert_eq!(second.look(&root), Others::default());
    assert!(second.may_continue(&root, &id));
}

#[test]
fn a_fresh_beat_that_is_not_locked_is_of_a_server_that_may_run() {
    let (place, root) = folder();
    let replicas = Replicas::new();
    replicas.keep(&root);
    let (id, file) = elsewhere(place.path(), 'a');
    assert_eq!(replicas.look(&root), Others { seen: 0, unseen: 1 });
    assert!(!replicas.may_continue(&root, &id));
    assert!(replicas.may_continue(&root, &"b".repeat(32)), "that one has removed its beat");
    assert!(replicas.may_continue(&root, "../../lock"), "that is no id");
    file.set_modified(SystemTime::now() + FRESH).expect("set");
    assert!(!replicas.may_continue(&root, &id), "its clock is ahead");
    file.set_modified(SystemTime::now() - 2 * FRESH).expect("set");
    assert!(replicas.may_continue(&root, &id), "it has ended");
    assert_eq!(replicas.look(&root), Others::default());
}

#[test]
fn once_a_lock_of_another_machine_is_seen_a_missing_lock_is_an_end() {
    let (place, root) = folder();
    let replicas = Replicas::new();
    replicas.keep(&root);
    let (ended, _file) = elsewhere(place.path(), 'a');
    assert!(!replicas.may_continue(&root, &ended));
    let (_, running) = elsewhere(place.path(), 'f');
    flock(&running, FlockOperation::LockExclusive).expect("locked");
    assert_eq!(replicas.look(&root), Others { seen: 1, unseen: 0 });
    assert!(replicas.may_continue(&root, &ended));
}

#[test]
fn what_a_killed_server_left_is_removed_after_a_day() {
    let (place, root) = folder();
    let replicas = Replicas::new();
    let (_, young) = elsewhere(place.path(), 'a');
    let (_, old) = elsewhere(place.path(), 'b');
    young.set_modified(SystemTime::now() - LEFT / 2).expect("set");
    old.set_modified(SystemTime::now() - LEFT * 2).expect("set");
    replicas.keep(&root);
    let mut left = beats(place.path());
    left.retain(|id| Some(id) != replicas.id().as_ref());
    assert_eq!(left, ["a".repeat(32)]);
}

#[test]
fn a_survey_leaves_nothing_behind() {
    let place = tempfile::tempdir().expect("a folder");
    let root = Root::open_at(place.path(), &Rules::default()).expect("it opens");
    let (_, others) = Replicas::new().survey(&root).expect("surveyed");
    assert_eq!((others, others.to_string()), (Others::default(), "none".to_owned()));
    assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 0);
}

#[test]
fn others_are_counted_in_words() {
    let table =
        [((2, 0), "2, locks seen"), ((0, 1), "1, locks of 1 not seen"), ((2, 1), "3, locks of 1 not seen")];
    for ((seen, unseen), text) in table {
        assert_eq!(Others { seen, unseen }.to_string(), text);
    }
}
