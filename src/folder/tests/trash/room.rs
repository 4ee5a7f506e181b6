//! A full trash, and a full disk.

use super::*;
use crate::folder::TrashBound;

#[test]
fn a_full_trash_pushes_out_what_is_older_than_a_day() {
    let it = Fixture::new();
    for name in ["a", "b", "c", "large"] {
        it.write(name, if name == "large" { "0123456789A" } else { "1234" });
    }
    // One client may use half of it.
    let rules = Rules { trash_size: Some(20), ..with_trash() };
    let folder = it.folder(rules.clone());
    let ids = ["a", "b"].map(|name| remove(&folder, name).expect("removed").kept.expect("kept"));
    let full = |error: &Error| match error {
        Error::TrashFull { bytes: 8, bound: TrashBound::ShareSize(10), makes_room } => {
            *makes_room == ids[0].time() + DAY
        }
        _ => false,
    };
    let error = remove(&folder, "c").expect_err("the trash is full");
    assert!(full(&error), "{error:?}");
    assert!(
        error.to_string().contains("holds 8 bytes, and may hold 10; its oldest entry makes room at 20"),
        "{error}"
    );
    assert_eq!(read(&folder, "c").expect("read"), "1234", "it is still there");
    let error = save_as(&folder, "c", "new", &user("ann")).expect_err("the trash is full");
    assert!(full(&error), "{error:?}");
    let too_large = remove(&folder, "large").expect_err("larger than the trash");
    assert!(matches!(too_large, Error::TooLargeForTrash { limit: 10 }), "{too_large:?}");
    assert_eq!(all(&folder).len(), 2, "nothing was pushed out");
    let old = age(&it, ids[0], DAY + MINUTE);
    assert_eq!(all(&folder)[1].id, old);
    let mut incoming = folder.receive(&grant("c"), None, disk()).expect("begun");
    incoming.write(b"new", disk()).expect("written");
    let refused = incoming.commit(Guard::None, &user("ann"), disk());
    let waits =
        matches!(refused, Err(Error::TrashFull { makes_room, .. }) if makes_room == old.time() + 7 * DAY);
    assert!(waits, "without the right to remove, it waits until that expires: {refused:?}");
    assert!(save_as(&folder, "c", "new", &user("ann")).expect("saved").kept.is_some());
    assert_eq!(all(&folder).iter().map(|item| item.path.clone()).collect::<Vec<_>>(), [path("c"), path("b")]);
    // A directory is measured before it is removed.
    it.write("dir/x", "1234567890");
    it.write("dir/y", "1");
    assert!(matches!(remove(&folder, "dir"), Err(Error::TooLargeForTrash { limit: 10 })));
    // Others have the other half, and fill it.
    for (name, is_full) in [("b3", false), ("b4", false), ("b5", true)] {
        it.write(name, "1234");
        let removed = folder.remove(&to_remove(name), Guard::None, &user("bob"), disk());
        assert_eq!(removed.is_err(), is_full, "{name}: {removed:?}");
    }
    it.write("b2", "1234");
    let other = it.folder(rules);
    assert!(
        matches!(remove(&other, "b2"), Err(Error::TrashFull { bytes: 8, .. })),
        "another server reads it"
    );
}

#[test]
fn uploads_push_out_what_is_old_if_there_is_no_space() {
    const SIZE: u64 = 1 << 42;
    let it = Fixture::new();
    it.write("old", "x");
    let folder = it.folder(with_trash());
    let small = remove(&folder, "old").expect("removed").kept.expect("kept");
    // No file system has so much space.
    let most = u64::MAX - 1;
    let refused = folder.receive(&to_write("new"), Some(most), disk());
    assert!(matches!(refused, Err(Error::NoSpace)), "the trash is not in the way: {refused:?}");
    folder.discard(&small, Whose::Everybody, &editor(), disk()).expect("discarded");
    // A file without blocks: according to the sizes, the trash could free more than is missing.
    fs::File::create(it.share().join("old")).and_then(|file| file.set_len(SIZE)).expect("a sparse file");
    let id = remove(&folder, "old").expect("removed").kept.expect("kept");
    let free = rustix::fs::statvfs(it.share()).expect("the file system");
    let most = free.f_bavail * free.f_frsize + SIZE / 4;
    let refused = folder.receive(&to_write("new"), Some(most), disk());
    let expected = |error: &Error| match error {
        Error::TrashFull { bytes: SIZE, bound: TrashBound::Disk, makes_room } => {
            *makes_room == id.time() + DAY
        }
        _ => false,
    };
    assert!(refused.as_ref().is_err_and(expected), "{refused:?}");
    let refused = folder.receive(&grant("new"), Some(most), disk());
    assert!(matches!(refused, Err(Error::NoSpace)), "not for those who cannot empty it: {refused:?}");
    age(&it, id, DAY + MINUTE);
    let refused = folder.receive(&grant("new"), Some(most), disk());
    assert!(matches!(refused, Err(Error::NoSpace)), "{refused:?}");
    let refused = folder.receive(&to_write("new"), Some(u64::MAX - 1), disk());
    assert!(matches!(refused, Err(Error::NoSpace)), "{refused:?}");
    assert_eq!(all(&folder).len(), 1, "kept, as it would not be enough");
}
