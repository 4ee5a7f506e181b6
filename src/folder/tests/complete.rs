//! Complete uploads: what is remembered about them, for how long, and how many.

use std::fs::File;
use std::time::{Duration, SystemTime};

use super::uploads::{LAST, MORE, begin, finish, plan, token};
use super::{Fixture, quick};
use super::{disk, grant, judge, someone};
use crate::folder::uploads::{MOST_COMPLETE, MOST_COMPLETE_OF_A_CLIENT};
use crate::folder::{Completed, Folder, LIFETIME, OnConflict, Piece, Plan, Rules, UploadError};

/// An empty upload of this client, which is complete.
fn complete_of(folder: &Folder, number: u32, owner: &str) {
    let plan = Plan { owner: owner.to_owned(), ..plan() };
    let appending = folder.begin_upload(token(number), &grant("a"), plan, LAST, disk()).expect("begun");
    appending.end(&judge(), &someone(), disk()).expect("saved");
}

fn is_known(folder: &Folder, number: u32) -> bool {
    folder.upload(&token(number), &judge(), disk()).is_ok_and(|standing| standing.is_complete)
}

/// How many of these uploads have files on the disk.
fn on_disk(fixture: &Fixture, numbers: std::ops::Range<u32>) -> usize {
    let names = fixture.on_disk();
    numbers.filter(|&number| names.iter().any(|name| name.contains(&token(number).to_string()))).count()
}

fn completed(folder: &Folder, number: u32, offset: u64, piece: Piece) -> Completed {
    match folder.append(&token(number), offset, piece, &judge(), disk()) {
        Err(UploadError::Complete(completed)) => *completed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_saved_is_remembered() {
    let fixture = Fixture::new();
    let rules = || Rules { on_conflict: OnConflict::Rename, ..quick() };
    let folder = fixture.folder(rules());
    fixture.write("b \u{fc}", "there already");
    for (number, name, saved_as) in [(1, "a", "a"), (2, "b \u{fc}", "b \u{fc} (1)")] {
        drop(begin(&folder, number, name));
        let saved = finish(&folder, number, 0, b"abc").expect("saved");
        for folder in [fixture.folder(rules()), fixture.folder(rules())] {
            let found = completed(&folder, number, 3, LAST);
            assert_eq!(found.saved.as_ref(), Some(&saved), "{name}");
            assert_eq!((saved.path.as_bytes(), saved.created), (saved_as.as_bytes(), true), "{name}");
            assert_eq!((found.size, &*found.plan.memo), (3, "memo"), "{name}");
            completed(&folder, number, 3, MORE);
        }
        let refused = [
            (3, Piece { size: Some(1), ..LAST }, false),
            (3, Piece { size: Some(1), ..MORE }, false),
            (3, Piece { length: Some(4), ..LAST }, false),
            (0, Piece { size: Some(3), ..LAST }, true),
            (4, LAST, true),
        ];
        for (offset, piece, is_mismatch) in refused {
            match folder.append(&token(number), offset, piece, &judge(), disk()) {
                Err(UploadError::Mismatch(standing)) if is_mismatch => assert_eq!(standing.offset, 3),
                Err(UploadError::Inconsistent) if !is_mismatch => {}
                other => panic!("{offset}, {piece:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_client_with_too_many_loses_its_oldest() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    let most = u32::try_from(MOST_COMPLETE_OF_A_CLIENT).expect("few");
    complete_of(&folder, 1000, "another");
    (0..most + 2).for_each(|number| complete_of(&folder, number, "a client"));
    let known: Vec<_> = (0..most + 2).filter(|&number| is_known(&folder, number)).collect();
    assert_eq!(known, (2..most + 2).collect::<Vec<_>>(), "the oldest are gone");
    assert!(is_known(&folder, 1000), "others keep theirs");
    assert_eq!(on_disk(&fixture, 0..most + 2), MOST_COMPLETE_OF_A_CLIENT, "so are their files");
    folder.cancel_upload(&token(5), &judge(), disk()).expect("cancelled");
    complete_of(&folder, most + 2, "a client");
    assert!(is_known(&folder, 2), "a place was free");
}

#[test]
fn the_client_with_the_most_loses_one_to_others() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    let most = u32::try_from(MOST_COMPLETE).expect("few");
    let of_a_client = u32::try_from(MOST_COMPLETE_OF_A_CLIENT).expect("few");
    // The oldest is another client's.
    complete_of(&folder, 0, "one");
    (1..most).for_each(|number| complete_of(&folder, number, &format!("{}", number / of_a_client)));
    complete_of(&folder, most, "new");
    let gone: Vec<_> = (0..=most).filter(|&number| !is_known(&folder, number)).collect();
    assert!(matches!(gone[..], [number] if number > 0 && number < most), "{gone:?}");
    // A server that restarts keeps as many.
    for number in most + 1..most + 50 {
        let description = r#"{"path":"a","length":3,"guard":"None","owner":"3","memo":"memo"}"#;
        fixture.write(&format!(".wharf/uploads/{}.json", token(number)), description);
    }
    let folder = fixture.folder(quick());
    let known = (0..most + 50).filter(|&number| is_known(&folder, number)).count();
    let left = on_disk(&fixture, 0..most + 50);
    assert!(known <= MOST_COMPLETE && known == left, "{known} are known, {left} are on the disk");
    assert!(is_known(&folder, 0) && is_known(&folder, most), "the clients with one keep it");
}

#[test]
fn it_is_remembered_for_a_day_after_it_is_complete() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    drop(begin(&folder, 1, "a"));
    let long_ago = SystemTime::now() - LIFETIME.saturating_sub(Duration::from_secs(60));
    for end in ["part", "json"] {
        let file = fixture.share().join(format!(".wharf/uploads/{}.{end}", token(1)));
        File::options().write(true).open(file).and_then(|it| it.set_modified(long_ago)).expect("set");
    }
    finish(&folder, 1, 0, b"").expect("saved");
    let modified = folder.upload(&token(1), &judge(), disk()).expect("it is known").modified;
    folder.forget_uploads(modified + LIFETIME.saturating_sub(Duration::from_secs(1)), disk());
    assert!(is_known(&folder, 1), "not yet");
    folder.forget_uploads(modified + LIFETIME, disk());
    assert!(!is_known(&folder, 1) && on_disk(&fixture, 1..2) == 0);
}
