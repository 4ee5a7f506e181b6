//! Unfinished uploads: how many each client may have, for how long, and that rejected ones leave nothing.

use std::time::Duration;

use super::uploads::{LAST, MORE, begin, finish, plan, token};
use super::{Fixture, quick, read};
use super::{disk, grant, judge, someone};
use crate::folder::uploads::{MOST_OF_A_CLIENT, MOST_UNFINISHED};
use crate::folder::{EMPTY_LIFETIME, Error, Folder, Guard, OnConflict, Piece, Plan, Rules, UploadError};

/// Begins an upload of this client; this many bytes arrive, then it is idle.
fn begin_of(folder: &Folder, number: u32, owner: &str, bytes: usize) -> Result<(), UploadError> {
    let plan = Plan { owner: owner.to_owned(), ..plan() };
    folder.begin_upload(token(number), &grant("a"), plan, MORE, disk())?.write(&vec![b'x'; bytes], disk())
}

fn is_known(folder: &Folder, number: u32) -> bool {
    folder.upload(&token(number), &judge(), disk()).is_ok()
}

#[test]
fn a_client_with_too_many_loses_its_own() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    let most = u32::try_from(MOST_OF_A_CLIENT).expect("few");
    begin_of(&folder, 1000, "another", 0).expect("begun");
    let mut busy = begin(&folder, 0, "a");
    busy.write(b"x", disk()).expect("written");
    for number in 1..most {
        begin_of(&folder, number, "a client", usize::from(number != 5)).expect("begun");
    }
    assert!(is_known(&folder, 1), "and it is not idle any more");
    let table = [("the empty one", 5), ("the one that is idle for longest", 2), ("the next", 3)];
    for (step, (name, gone)) in (0..).zip(table) {
        begin_of(&folder, most + step, "a client", 1).expect("begun");
        assert!(!is_known(&folder, gone), "{name}");
        let token = token(gone).to_string();
        assert!(!fixture.on_disk().iter().any(|path| path.contains(&token)), "{name}: nor on the disk");
    }
    assert!(is_known(&folder, 1000), "others have their own places");
    busy.write(b"y", disk()).expect("it was not evicted");
}

#[test]
fn a_client_that_appends_to_all_of_its_uploads_begins_no_more() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    let most = u32::try_from(MOST_OF_A_CLIENT).expect("few");
    let mut busy: Vec<_> = (0..most).map(|number| begin(&folder, number, "a")).collect();
    assert!(matches!(begin_of(&folder, most, "a client", 1), Err(UploadError::TooMany)));
    begin_of(&folder, most, "another", 1).expect("others have their own places");
    drop(busy.pop());
    begin_of(&folder, most + 1, "a client", 1).expect("one of them is idle");
    assert!(!is_known(&folder, most - 1));
}

#[test]
fn the_client_with_the_most_loses_one_to_others() {
    let fixture = Fixture::new();
    let most = u32::try_from(MOST_UNFINISHED).expect("few");
    let of_a_client = u32::try_from(MOST_OF_A_CLIENT).expect("few");
    {
        let folder = fixture.folder(quick());
        // The first four are one client's, and have been idle longest; four others have the rest.
        for number in 0..most {
            let owner = number.checked_sub(4).map(|number| number / (of_a_client - 1));
            begin_of(&folder, number, &format!("{owner:?}"), 1).expect("begun");
        }
    }
    // After a restart, too.
    let folder = fixture.folder(quick());
    let before: Vec<_> = (0..most).filter(|&number| is_known(&folder, number)).collect();
    assert_eq!(before.len(), MOST_UNFINISHED);
    begin_of(&folder, most, "new", 1).expect("begun");
    let gone: Vec<_> = before.into_iter().filter(|&number| !is_known(&folder, number)).collect();
    assert_eq!(gone.len(), 1, "one made room");
    assert!(gone[0] >= 4, "and it was of a client that had many: {gone:?}");
    finish(&folder, most, 1, b"x").expect("saved");
    begin_of(&folder, most + 1, "newer", 1).expect("complete ones do not count");
    let known = (0..most).filter(|&number| is_known(&folder, number)).count();
    assert_eq!(known, MOST_UNFINISHED - 1, "no upload was evicted for it");
}

#[test]
fn a_description_without_an_owner_is_read() {
    let fixture = Fixture::new();
    let token = token(1).to_string();
    fixture.write(&format!(".wharf/uploads/{token}.part"), "abc");
    let description = r#"{"path":"a","length":null,"guard":"None","memo":"memo"}"#;
    fixture.write(&format!(".wharf/uploads/{token}.json"), description);
    let folder = fixture.folder(quick());
    finish(&folder, 1, 3, b"def").expect("saved");
    assert_eq!(read(&folder, "a").expect("it is there"), "abcdef");
}

#[test]
fn an_empty_upload_is_discarded_after_minutes() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    drop(begin(&folder, 1, "empty"));
    let awaited = begin(&folder, 2, "awaited");
    begin_of(&folder, 3, "a client", 1).expect("begun");
    let begun = folder.upload(&token(1), &judge(), disk()).expect("it is known").modified;
    folder.forget_uploads(begun + EMPTY_LIFETIME.saturating_sub(Duration::from_secs(1)), disk());
    assert!(is_known(&folder, 1), "not yet");
    folder.forget_uploads(begun + EMPTY_LIFETIME + Duration::from_secs(1), disk());
    assert!(!is_known(&folder, 1), "nothing came");
    drop(awaited);
    assert!(is_known(&folder, 2), "it was appended to");
    assert!(is_known(&folder, 3), "something came");
}

#[test]
fn rejected_uploads_take_no_space() {
    let fixture = Fixture::new();
    let table: [(&str, Rules, Guard, Piece, &[u8]); 5] = [
        ("over the limit", Rules { max_upload: Some(5), ..quick() }, Guard::None, LAST, b"abcdef"),
        ("over its own length", quick(), Guard::None, Piece { length: Some(5), ..LAST }, b"abcdef"),
        (
            "the name is taken",
            Rules { on_conflict: OnConflict::Refuse, ..quick() },
            Guard::None,
            LAST,
            b"abc",
        ),
        ("it must be new", quick(), Guard::MustBeNew, LAST, b"abc"),
        ("a directory has the name", quick(), Guard::None, LAST, b"abc"),
    ];
    for (number, (name, rules, guard, piece, content)) in (0..).zip(table) {
        let folder = fixture.folder(rules);
        let plan = Plan { guard, ..plan() };
        let mut appending =
            folder.begin_upload(token(number), &grant("a"), plan, piece, disk()).expect("begun");
        if name == "a directory has the name" {
            fixture.write("a/b", "");
        } else {
            fixture.write("a", "old");
        }
        let ended = appending
            .write(content, disk())
            .and_then(|()| appending.end(&judge(), &someone(), disk()).map(drop));
        assert!(ended.is_err(), "{name}");
        let left = fixture.on_disk();
        assert!(left.iter().all(|path| !path.contains("uploads/")), "{name}: {left:?}");
        drop(std::fs::remove_file(fixture.share().join("a")));
    }
    let folder = fixture.folder(Rules { max_upload: Some(5), ..quick() });
    drop(begin(&folder, 9, "b"));
    let too_large = folder.append(&token(9), 0, Piece { size: Some(6), ..LAST }, &judge(), disk());
    assert!(
        matches!(too_large, Err(UploadError::Folder(Error::TooLarge { .. }))),
        "rejected before it is sent"
    );
    assert!(!is_known(&folder, 9) && fixture.on_disk().iter().all(|path| !path.contains("uploads/")));
}
