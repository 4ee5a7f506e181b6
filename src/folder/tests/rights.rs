//! What a grant allows, at the beginning and at the end.

use super::uploads::{LAST, begin, plan, token};
use super::{Fixture, disk, grant, judge, path, quick, read, someone};
use crate::access::{Access, Denied, Judge, Principal, Right, Rights, ToWrite};
use crate::folder::{Ended, Error, Folder, Guard, OnConflict, Rules, UploadError, WalkStep};

const CONFLICTS: [OnConflict; 3] = [OnConflict::Overwrite, OnConflict::Refuse, OnConflict::Rename];

fn judge_of(rights: Rights) -> Judge {
    Access::new(rights).judge(&Principal::anonymous(None))
}

/// The result of an upload to `a`.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Saved(&'static str),
    Exists,
    NoRight,
}

/// The expected outcome.
fn expected(may_add: bool, may_replace: bool, on_conflict: OnConflict, is_taken: bool) -> Outcome {
    match (is_taken, on_conflict) {
        (true, OnConflict::Overwrite) if may_replace => Outcome::Saved("a"),
        (true, OnConflict::Overwrite | OnConflict::Refuse) => Outcome::Exists,
        (true, OnConflict::Rename) if may_add => Outcome::Saved("a (1)"),
        (false, _) if may_add => Outcome::Saved("a"),
        _ => Outcome::NoRight,
    }
}

/// Begins while the name is free or taken, then sets whether it is taken at the end.
fn upload(folder: &Folder, fixture: &Fixture, judge: &Judge, taken: [bool; 2]) -> Outcome {
    let set = |is_taken| {
        if is_taken {
            fixture.write("a", "old");
        } else {
            let _ = std::fs::remove_file(fixture.share().join("a"));
        }
    };
    set(taken[0]);
    let path = path("a");
    let to_write = judge.check::<ToWrite>(&path).expect("some right is given");
    let saved = folder.receive(&to_write, None, disk()).and_then(|incoming| {
        set(taken[1]);
        incoming.commit(Guard::None, &someone(), disk())
    });
    match saved {
        Ok(saved) if saved.path.as_bytes() == b"a" => Outcome::Saved("a"),
        Ok(_) => Outcome::Saved("a (1)"),
        Err(Error::Exists) => Outcome::Exists,
        Err(Error::NoRight(rights)) if rights == Rights::of(&[Right::Add]) => Outcome::NoRight,
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn new_and_taken_names_need_different_rights() {
    for rights in [&[Right::Add][..], &[Right::Replace], &[Right::Add, Right::Replace]] {
        let (may_add, may_replace) = (rights.contains(&Right::Add), rights.contains(&Right::Replace));
        for on_conflict in CONFLICTS {
            for taken in [[false, false], [true, true], [false, true], [true, false]] {
                let fixture = Fixture::new();
                let folder = fixture.folder(Rules { on_conflict, ..quick() });
                let outcome =
                    upload(&folder, &fixture, &judge_of(Rights::of(rights).with(Rights::VIEW)), taken);
                let of = |is_taken| expected(may_add, may_replace, on_conflict, is_taken);
                // An upload that is refused at the beginning does not reach the end.
                let expected = match of(taken[0]) {
                    Outcome::Saved(_) => of(taken[1]),
                    refused => refused,
                };
                assert_eq!(outcome, expected, "{rights:?}, {on_conflict:?}, taken {taken:?}");
            }
        }
    }
}

#[test]
fn an_upload_in_pieces_is_judged_at_each_request() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    drop(begin(&folder, 1, "a"));
    let (viewer, reader) =
        (judge_of(Rights::VIEW), Access::new(Rights::SAVE).read_only().judge(&Principal::anonymous(None)));
    let is_refused = |error: &UploadError, is_read_only: bool| match error {
        UploadError::Folder(Error::ReadOnly) => is_read_only,
        UploadError::Folder(Error::NoRight(rights)) => !is_read_only && *rights == Rights::SAVE,
        _ => false,
    };
    for (judge, is_read_only) in [(&viewer, false), (&reader, true)] {
        let asked = folder.upload(&token(1), judge, disk()).expect_err("no right");
        let appended = folder.append(&token(1), 0, LAST, judge, disk()).expect_err("no right");
        let cancelled = folder.cancel_upload(&token(1), judge, disk()).expect_err("no right");
        for error in [asked, appended, cancelled] {
            assert!(is_refused(&error, is_read_only), "{error:?}");
        }
    }
    let mut last = folder.append(&token(1), 0, LAST, &judge(), disk()).expect("it is still there");
    last.write(b"content", disk()).expect("written");
    let ended = last.end(&viewer, &someone(), disk());
    assert!(matches!(ended, Err(UploadError::Refused(Error::NoRight(_)))), "the right was taken away");
    assert!(matches!(folder.upload(&token(1), &judge(), disk()), Err(UploadError::Unknown)), "discarded");
    let left = fixture.on_disk();
    assert!(left.iter().all(|path| !path.contains("uploads/") && path != "a"), "{left:?}");
}

#[test]
fn a_piece_may_replace_only_with_the_right_to() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    let adder = judge_of(Rights::VIEW.with(Rights::of(&[Right::Add])));
    for (number, name, judge, is_saved) in [(1, "a", &adder, false), (2, "b", &judge(), true)] {
        let begun = folder.begin_upload(token(number), &grant(name), plan(), LAST, disk());
        fixture.write(name, "old");
        match begun.expect("begun").end(judge, &someone(), disk()) {
            Ok(Ended::Saved(..)) => assert!(is_saved, "{name}"),
            Err(UploadError::Refused(Error::Exists)) => assert!(!is_saved, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(read(&folder, name).expect("a file"), if is_saved { "" } else { "old" });
    }
}

#[test]
fn a_walk_leaves_out_what_its_principal_may_not_see() {
    let fixture = Fixture::new();
    fixture.write("d/file", "");
    fixture.write("file", "");
    let folder = fixture.folder(quick());
    let table = [
        (Rights::VIEW, &["", "d", "d/file", "file"][..]),
        (Rights::of(&[Right::List]), &["", "d"]),
        (Rights::of(&[Right::Read]), &[""]),
    ];
    for (rights, expected) in table {
        let mut walk = folder.walk(&grant(""), judge_of(rights), disk()).expect("a directory");
        let mut shown = Vec::new();
        loop {
            match walk.step(disk()).expect("it can be read") {
                WalkStep::Directory { path, .. } | WalkStep::File { path, .. } => {
                    shown.push(path.display().to_string().replace('.', ""));
                }
                WalkStep::End => break,
                WalkStep::Nothing => {}
                lost @ (WalkStep::Lost(..) | WalkStep::Missing(_)) => panic!("{lost:?}"),
            }
        }
        shown.sort();
        assert_eq!(shown, expected, "{rights:?}");
    }
}

#[test]
fn a_denial_becomes_an_error_of_the_folder() {
    assert!(matches!(Error::from(Denied::ReadOnly), Error::ReadOnly));
    let error = Error::from(Denied::NoRight(Rights::SAVE));
    let text = "permission denied: this needs the right add or replace (ask the server's administrator)";
    assert_eq!(error.to_string(), text);
}
