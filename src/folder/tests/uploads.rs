//! Uploads in pieces: nothing is lost or mixed, and nothing is visible before it is complete.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::{Fixture, SaveMethod, path, quick, read, save};
use super::{disk, grant, judge, someone};
use crate::folder::temporary::Temporary;
use crate::folder::uploads::MOST_OF_A_CLIENT;
use crate::folder::{
    Appending, Ended, Error, Folder, Guard, LIFETIME, OnConflict, Piece, Plan, Rules, Saved, UploadError,
    UploadToken,
};

pub(super) fn token(number: u32) -> UploadToken {
    let mut chance = [7; 16];
    chance[..4].copy_from_slice(&number.to_be_bytes());
    UploadToken::new(chance)
}

pub(super) fn plan() -> Plan {
    Plan {
        length: None,
        guard: Guard::None,
        modified: None,
        owner: "a client".to_owned(),
        memo: "memo".to_owned(),
    }
}

/// A piece that is not the last, of unknown length.
pub(super) const MORE: Piece = Piece { completes: false, size: None, length: None };
pub(super) const LAST: Piece = Piece { completes: true, ..MORE };

pub(super) fn begin(folder: &Folder, number: u32, name: &str) -> Appending {
    folder.begin_upload(token(number), &grant(name), plan(), MORE, disk()).expect("begun")
}

fn offset(folder: &Folder, number: u32) -> u64 {
    folder.upload(&token(number), &judge(), disk()).expect("it is known").offset
}

pub(super) fn finish(folder: &Folder, number: u32, offset: u64, bytes: &[u8]) -> Result<Saved, UploadError> {
    let mut appending = folder.append(&token(number), offset, LAST, &judge(), disk())?;
    appending.write(bytes, disk())?;
    match appending.end(&judge(), &someone(), disk())? {
        Ended::Saved(saved, plan) => {
            assert_eq!(plan.memo, "memo");
            Ok(saved)
        }
        Ended::Paused(standing) => panic!("it was the last: {standing:?}"),
    }
}

#[test]
fn pieces_make_a_file() {
    for durable in [false, true] {
        let fixture = Fixture::new();
        let folder = fixture.folder(Rules { durable, ..Rules::default() });
        let mut first = begin(&folder, 1, "in/a");
        first.write(b"one ", disk()).expect("written");
        assert!(
            matches!(first.end(&judge(), &someone(), disk()), Ok(Ended::Paused(standing)) if standing.offset == 4)
        );
        let mut cut = folder.append(&token(1), 4, LAST, &judge(), disk()).expect("continued");
        cut.write(b"two ", disk()).expect("written");
        drop(cut);
        assert!(matches!(read(&folder, "in/a"), Err(Error::NotFound)), "nothing shows");
        assert!(!fixture.on_disk().contains(&"in".to_owned()), "no directory either");
        assert_eq!(offset(&folder, 1), 8, "what arrived is kept");
        let saved = finish(&folder, 1, 8, b"three").expect("saved");
        assert_eq!((saved.path, saved.size, saved.created), (path("in/a"), 13, true));
        assert_eq!(read(&folder, "in/a").expect("it is there"), "one two three");
    }
}

#[test]
fn a_restart_loses_nothing() {
    let fixture = Fixture::new();
    let first = fixture.folder(quick());
    let piece = Piece { length: Some(6), ..MORE };
    let mut appending =
        first.begin_upload(token(1), &grant("a \u{ff}\n"), plan(), piece, disk()).expect("begun");
    appending.write(b"abc", disk()).expect("written");
    // Not dropped, as if the process had been killed.
    std::mem::forget(appending);
    let second = fixture.folder(quick());
    let standing = second.upload(&token(1), &judge(), disk()).expect("it is known");
    assert_eq!((standing.offset, standing.length, standing.is_complete), (3, Some(6), false));
}

#[test]
fn a_complete_upload_is_remembered() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    drop(begin(&folder, 1, "a"));
    finish(&folder, 1, 0, b"abc").expect("saved");
    for folder in [folder, fixture.folder(quick())] {
        let standing = folder.upload(&token(1), &judge(), disk()).expect("it is remembered");
        assert_eq!((standing.offset, standing.length, standing.is_complete), (3, Some(3), true));
        assert!(matches!(folder.append(&token(1), 3, LAST, &judge(), disk()), Err(UploadError::Complete(_))));
    }
}

#[test]
fn a_newer_request_supersedes_an_older() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    let mut old = begin(&folder, 1, "a");
    old.write(b"abc", disk()).expect("written");
    let mut new = folder.append(&token(1), 3, LAST, &judge(), disk()).expect("continued");
    assert!(matches!(old.write(b"xyz", disk()), Err(UploadError::Superseded)));
    new.write(b"def", disk()).expect("written");
    assert!(matches!(old.end(&judge(), &someone(), disk()), Err(UploadError::Superseded)));
    assert_eq!(offset(&folder, 1), 6, "asking for the offset supersedes, too");
    assert!(matches!(new.end(&judge(), &someone(), disk()), Err(UploadError::Superseded)));
    finish(&folder, 1, 6, b"ghi").expect("saved");
    assert_eq!(read(&folder, "a").expect("it is there"), "abcdefghi");
}

#[test]
fn another_server_of_the_folder_does_not_mix() {
    let fixture = Fixture::new();
    let first = fixture.folder(quick());
    let mut appending = begin(&first, 1, "a");
    appending.write(b"abc", disk()).expect("written");
    let second = fixture.folder(quick());
    assert!(
        matches!(second.append(&token(1), 3, LAST, &judge(), disk()), Err(UploadError::Superseded)),
        "the first has it"
    );
    drop(appending);
    drop(second.append(&token(1), 3, MORE, &judge(), disk()).map(|mut more| more.write(b"def", disk())));
    assert!(
        matches!(first.append(&token(1), 3, LAST, &judge(), disk()), Err(UploadError::Mismatch(now)) if now.offset == 6)
    );
}

#[test]
fn any_server_of_the_folder_continues_it() {
    let fixture = Fixture::new();
    let servers = [0, 1, 2].map(|_| fixture.folder(quick()));
    let mut appending = begin(&servers[0], 1, "a");
    appending.write(b"abc", disk()).expect("written");
    assert_eq!(offset(&servers[1], 1), 3);
    drop(appending);
    let piece = Piece { length: Some(6), ..MORE };
    let mut more = servers[1].append(&token(1), 3, piece, &judge(), disk()).expect("it exists");
    more.write(b"def", disk()).expect("written");
    more.end(&judge(), &someone(), disk()).expect("paused");
    assert_eq!(offset(&servers[0], 1), 6);
    assert!(
        matches!(
            servers[0].append(&token(1), 6, Piece { size: Some(1), ..LAST }, &judge(), disk()),
            Err(UploadError::Inconsistent)
        ),
        "the length that another server has learned holds"
    );
    assert_eq!(finish(&servers[2], 1, 6, b"").expect("saved").size, 6);
    for server in &servers {
        let standing = server.upload(&token(1), &judge(), disk()).expect("it is remembered");
        assert_eq!((standing.offset, standing.is_complete), (6, true));
        let Err(UploadError::Complete(completed)) = server.append(&token(1), 6, LAST, &judge(), disk())
        else {
            panic!("it is complete")
        };
        assert_eq!(completed.saved.expect("recorded").size, 6);
    }
    assert_eq!(read(&servers[0], "a").expect("it is there"), "abcdef");
}

#[test]
fn an_upload_that_another_server_has_removed_counts_no_more() {
    let fixture = Fixture::new();
    let servers = [0, 1].map(|_| fixture.folder(quick()));
    let most = u32::try_from(MOST_OF_A_CLIENT).expect("a small number");
    for number in 0..most {
        begin(&servers[0], number, "a").write(b"abc", disk()).expect("written");
        if number > 0 {
            servers[1].cancel_upload(&token(number), &judge(), disk()).expect("it exists");
        }
    }
    servers[0].forget_uploads(SystemTime::now(), disk());
    drop(begin(&servers[0], most, "a"));
    assert_eq!(offset(&servers[0], 0), 3, "none was evicted for the new one");
}

#[test]
fn it_continues_at_its_offset_only() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    let mut appending = begin(&folder, 1, "a");
    appending.write(b"abc", disk()).expect("written");
    drop(appending);
    for wrong in [0, 2, 4, u64::MAX] {
        let refused = folder.append(&token(1), wrong, LAST, &judge(), disk());
        assert!(matches!(refused, Err(UploadError::Mismatch(now)) if now.offset == 3), "{wrong}");
    }
    assert!(matches!(folder.append(&token(2), 0, LAST, &judge(), disk()), Err(UploadError::Unknown)));
}

#[test]
fn lengths_that_disagree_are_rejected() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    let mut appending = folder
        .begin_upload(token(1), &grant("a"), plan(), Piece { length: Some(5), ..MORE }, disk())
        .expect("begun");
    appending.write(b"abc", disk()).expect("written");
    drop(appending);
    let piece = |completes, size, length| Piece { completes, size, length };
    let refused = [
        ("another length", piece(false, None, Some(6))),
        ("the last, and too short", piece(true, Some(1), None)),
        ("the last, and too long", piece(true, Some(3), None)),
        ("not the last, and too long", piece(false, Some(3), None)),
        ("absurd", piece(false, Some(u64::MAX), None)),
    ];
    for (name, piece) in refused {
        assert!(
            matches!(folder.append(&token(1), 3, piece, &judge(), disk()), Err(UploadError::Inconsistent)),
            "{name}"
        );
    }
    assert_eq!(offset(&folder, 1), 3, "as it was");
    let short = folder.append(&token(1), 3, LAST, &judge(), disk()).expect("its size is unknown");
    assert!(
        matches!(short.end(&judge(), &someone(), disk()), Err(UploadError::Inconsistent)),
        "it ends too early"
    );
    let mut long = folder.append(&token(1), 3, LAST, &judge(), disk()).expect("continued");
    assert!(matches!(long.write(b"defg", disk()), Err(UploadError::Inconsistent)), "longer than announced");
    assert!(matches!(folder.upload(&token(1), &judge(), disk()), Err(UploadError::Unknown)), "and is spoilt");
    assert!(fixture.on_disk().iter().all(|name| !name.contains("0000")), "{:?}", fixture.on_disk());
}

#[test]
fn a_cancelled_upload_is_gone() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    let mut appending = begin(&folder, 1, "a");
    folder.cancel_upload(&token(1), &judge(), disk()).expect("it was there");
    assert!(matches!(appending.write(b"abc", disk()), Err(UploadError::Superseded)));
    assert!(matches!(folder.cancel_upload(&token(1), &judge(), disk()), Err(UploadError::Unknown)));
    folder.forget_uploads(SystemTime::now(), disk());
    assert!(fixture.on_disk().is_empty(), "{:?}", fixture.on_disk());
}

#[test]
fn after_a_day_it_is_discarded() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    let mut appending = begin(&folder, 1, "a");
    appending.write(b"abc", disk()).expect("written");
    drop(appending);
    let last = folder.upload(&token(1), &judge(), disk()).expect("it is known").modified;
    let nearly = LIFETIME.checked_sub(Duration::from_secs(1)).expect("longer than a second");
    folder.forget_uploads(last + nearly, disk());
    assert_eq!(offset(&folder, 1), 3, "not yet");
    folder.forget_uploads(last + LIFETIME + Duration::from_secs(1), disk());
    assert!(matches!(folder.upload(&token(1), &judge(), disk()), Err(UploadError::Unknown)));
    assert!(fixture.on_disk().is_empty(), "{:?}", fixture.on_disk());
}

#[test]
fn the_rules_hold_at_the_beginning_and_at_the_end() {
    let fixture = Fixture::new();
    let folder = fixture.folder(Rules { max_upload: Some(5), ..quick() });
    let refused = [
        ("hidden", ".a", MORE),
        ("the server's own", ".wharf/a", MORE),
        ("the root", "", MORE),
        ("too large", "a", Piece { length: Some(6), ..MORE }),
        ("too large, in one piece", "a", Piece { size: Some(6), ..MORE }),
    ];
    for (name, path, piece) in refused {
        let begun = folder.begin_upload(token(9), &grant(path), plan(), piece, disk());
        assert!(matches!(begun, Err(UploadError::Folder(_))), "{name}");
    }
    assert!(fixture.on_disk().is_empty(), "nothing was made");
    let mut large = begin(&folder, 1, "a");
    assert!(matches!(large.write(b"abcdef", disk()), Err(UploadError::Folder(Error::TooLarge { limit: 5 }))));
    drop(large);
    drop(begin(&folder, 1, "a"));
    let strict = fixture.folder(Rules { on_conflict: OnConflict::Refuse, ..quick() });
    fixture.write("a", "old");
    let finished = finish(&strict, 1, 0, b"new");
    assert!(matches!(finished, Err(UploadError::Refused(Error::Exists))), "{finished:?}");
    assert!(matches!(strict.upload(&token(1), &judge(), disk()), Err(UploadError::Unknown)), "thrown away");
    let read_only = fixture.folder(Rules { read_only: true, ..quick() });
    assert!(matches!(
        read_only.upload(&token(1), &judge(), disk()),
        Err(UploadError::Folder(Error::ReadOnly))
    ));
}

#[test]
fn the_guard_is_checked_at_the_end() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    let new = Plan { guard: Guard::MustBeNew, ..plan() };
    drop(folder.begin_upload(token(1), &grant("a"), new, MORE, disk()).expect("begun"));
    // After a restart, too.
    let folder = fixture.folder(quick());
    save(&folder, "a", "first").expect("saved");
    assert!(matches!(finish(&folder, 1, 0, b"second"), Err(UploadError::Refused(Error::Changed))));
    let version = super::open_file(&folder, "a").facts.version;
    let same = Plan { guard: Guard::MustBe(version), ..plan() };
    drop(folder.begin_upload(token(2), &grant("a"), same, MORE, disk()).expect("begun"));
    let folder = fixture.folder(quick());
    finish(&folder, 2, 0, b"third").expect("it is still the same");
    assert_eq!(read(&folder, "a").expect("it is there"), "third");
}

/// It got the attributes of the file that it would replace, but not the name.
#[test]
fn an_upload_that_could_not_be_named_can_be_continued() {
    let fixture = Fixture::new();
    fixture.write("1.part", "all of it");
    let at = fixture.share().join("1.part");
    let file = File::options().read(true).write(true).open(&at).expect("open");
    file.set_permissions(Permissions::from_mode(0o444)).expect("set");
    let dir = Dir::open_ambient_dir(fixture.share(), ambient_authority()).expect("a folder");
    Temporary::adopt(file, &Arc::new(dir), "1.part".to_owned(), SaveMethod::Named).leave();
    let mode = at.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn links_in_the_way_of_uploads_are_not_followed() {
    for link in [".wharf", ".wharf/uploads"] {
        let fixture = Fixture::new();
        let folder = fixture.folder(quick());
        fixture.write("public/x", "x");
        if link != ".wharf" {
            std::fs::create_dir(fixture.share().join(".wharf")).expect("made");
        }
        fixture.link(if link == ".wharf" { "public" } else { "../public" }, link);
        assert!(folder.begin_upload(token(1), &grant("a"), plan(), MORE, disk()).is_err(), "{link}");
        assert_eq!(std::fs::read_dir(fixture.share().join("public")).expect("there").count(), 1, "{link}");
    }
}

#[test]
fn unknown_files_among_the_uploads_are_kept() {
    let fixture = Fixture::new();
    let half = token(1).to_string();
    fixture.write(".wharf/uploads/README", "not ours");
    fixture.write(&format!(".wharf/uploads/{half}.part"), "content without a description");
    let broken = token(2).to_string();
    fixture.write(&format!(".wharf/uploads/{broken}.json"), "{");
    fixture.write(&format!(".wharf/uploads/{broken}.part"), "abc");
    let folder = fixture.folder(Rules { hidden: true, ..quick() });
    for number in [1, 2] {
        assert!(matches!(folder.upload(&token(number), &judge(), disk()), Err(UploadError::Unknown)));
    }
    assert!(matches!(read(&folder, ".wharf/uploads/README"), Err(Error::NotFound)), "they are not served");
    folder.forget_uploads(SystemTime::now() + LIFETIME + Duration::from_secs(60), disk());
    assert_eq!(fixture.on_disk(), [".wharf", ".wharf/uploads", ".wharf/uploads/README"]);
}
