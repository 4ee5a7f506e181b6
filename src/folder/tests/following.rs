//! The path starts to name another directory: the folder follows it, and nothing is saved in the old directory.

use super::uploads::{LAST, MORE, plan, token};
use super::{Fixture, path, quick, read, save};
use super::{disk, grant, judge, someone};
use crate::folder::{Error, Folder, Guard, Incoming, Rules, UploadError, WalkStep};
use std::fs;
use std::path::PathBuf;

/// A folder whose path is a link that a deployment changes.
struct Deployed {
    fixture: Fixture,
}

impl Deployed {
    fn new() -> Self {
        let it = Self { fixture: Fixture::new() };
        for release in ["1", "2"] {
            fs::create_dir(it.release(release)).expect("a release");
            fs::write(it.release(release).join("a"), release).expect("written");
        }
        it.turn_to("1");
        it
    }

    fn release(&self, name: &str) -> PathBuf {
        self.fixture.home.path().join(name)
    }

    fn link(&self) -> PathBuf {
        self.fixture.home.path().join("current")
    }

    fn turn_to(&self, release: &str) {
        let next = self.fixture.home.path().join("next");
        std::os::unix::fs::symlink(release, &next).expect("a link");
        fs::rename(next, self.link()).expect("turned");
    }

    fn folder(&self, rules: Rules) -> Folder {
        Folder::open_at(&self.link(), rules).expect("a folder")
    }

    /// All files of a release.
    fn on_disk(&self, release: &str) -> Vec<String> {
        let mut names = Vec::new();
        super::walk(&self.release(release), "", &mut names);
        names.sort();
        names
    }
}

fn begin(folder: &Folder, name: &str) -> Incoming {
    let mut incoming = folder.receive(&grant(name), None, disk()).expect("it may come");
    incoming.write(b"new", disk()).expect("written");
    incoming
}

#[test]
fn a_link_that_is_changed_is_followed() {
    let it = Deployed::new();
    let folder = it.folder(quick());
    assert!(!folder.follow(disk()), "nothing has changed");
    let mut walk = folder.walk(&grant(""), judge(), disk()).expect("a walk");
    it.turn_to("2");
    assert_eq!(read(&folder, "a").expect("there"), "1", "not checked yet");
    assert!(folder.clone().follow(disk()));
    assert_eq!(read(&folder, "a").expect("there"), "2", "each clone has followed");
    assert!(!folder.follow(disk()), "once");
    save(&folder, "new", "content").expect("saved");
    assert_eq!((it.on_disk("1"), it.on_disk("2")), (vec!["a".to_owned()], vec!["a".into(), "new".into()]));
    let mut seen = Vec::new();
    loop {
        match walk.step(disk()).expect("a step") {
            WalkStep::End => break,
            WalkStep::File { path, .. } => seen.push(path),
            _ => {}
        }
    }
    assert_eq!(seen, [path("a")], "what began before goes through the old directory alone");
}

#[test]
fn nothing_is_saved_in_the_old_directory() {
    let it = Deployed::new();
    let folder = it.folder(quick());
    for nobody_has_looked in [true, false] {
        let (mut half, whole) = (begin(&folder, "half"), begin(&folder, "deep/whole"));
        let mut piece = folder.begin_upload(token(1), &grant("piece"), plan(), MORE, disk()).expect("begun");
        piece.write(b"new", disk()).expect("written");
        it.turn_to("2");
        if nobody_has_looked {
            assert!(matches!(folder.receive(&grant("b"), None, disk()), Err(Error::Replaced)));
            let begun = folder.begin_upload(token(2), &grant("b"), plan(), MORE, disk());
            assert!(matches!(begun, Err(UploadError::Folder(Error::Replaced))));
            drop(piece);
            let more = folder.append(&token(1), 3, LAST, &judge(), disk());
            assert!(matches!(more, Err(UploadError::Folder(Error::Replaced))));
        } else {
            assert!(folder.follow(disk()));
            assert!(matches!(half.write(b"more", disk()), Err(Error::Replaced)));
            assert!(matches!(piece.write(b"more", disk()), Err(UploadError::Folder(Error::Replaced))));
            assert!(
                matches!(folder.upload(&token(1), &judge(), disk()), Err(UploadError::Unknown)),
                "it is in the old one"
            );
        }
        assert!(matches!(whole.commit(Guard::None, &someone(), disk()), Err(Error::Replaced)));
        let visible: Vec<_> =
            it.on_disk("1").into_iter().filter(|name| !name.starts_with(".wharf")).collect();
        assert_eq!(visible, ["a"], "no directory either");
        assert_eq!(it.on_disk("2"), ["a"]);
        it.turn_to("1");
        folder.follow(disk());
        folder.cancel_upload(&token(1), &judge(), disk()).expect("its upload is known again");
    }
}

#[test]
fn the_old_directory_is_served_if_the_new_one_cannot_be_opened() {
    let it = Deployed::new();
    let folder = it.folder(quick());
    let refused = |what: &str| {
        assert!(!folder.follow(disk()), "{what}");
        assert_eq!(read(&folder, "a").expect("read on"), "1", "{what}");
        assert!(matches!(save(&folder, "b", "x"), Err(Error::Replaced)), "{what}");
    };
    fs::remove_file(it.link()).expect("removed");
    refused("the path names nothing");
    fs::write(it.link(), "").expect("written");
    refused("the path names a file");
    fs::remove_file(it.link()).expect("removed");
    it.turn_to("1");
    assert!(!folder.follow(disk()), "it is the same as before");
    save(&folder, "b", "x").expect("saved again");
    fs::rename(it.release("1"), it.release("3")).expect("moved");
    refused("the directory has been moved");
    it.turn_to("3");
    assert!(!folder.follow(disk()), "the same directory by another way");
    save(&folder, "b", "y").expect("saved again");
    it.turn_to("2");
    assert!(folder.follow(disk()), "and another one, after all");
}

#[test]
fn the_old_directory_keeps_its_uploads() {
    let it = Deployed::new();
    let folder = it.folder(quick());
    let mut piece = folder.begin_upload(token(1), &grant("piece"), plan(), MORE, disk()).expect("begun");
    piece.write(b"old", disk()).expect("written");
    drop(piece);
    it.turn_to("2");
    folder.follow(disk());
    assert!(matches!(folder.upload(&token(1), &judge(), disk()), Err(UploadError::Unknown)));
    it.turn_to("1");
    folder.follow(disk());
    assert_eq!(folder.upload(&token(1), &judge(), disk()).expect("known again").offset, 3);
}
