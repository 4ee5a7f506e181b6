//! Entries that are discarded or expire, and the removal of their content.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn the_trash_is_emptied_in_pieces_and_the_sweep_removes_the_content() {
    let it = Fixture::new();
    let folder = it.folder(with_trash());
    let mut newest = None;
    for _ in 0..300 {
        it.write("a", "x");
        newest = remove(&folder, "a").expect("removed").kept;
    }
    let all = Whose::Everybody;
    folder.discard(&newest.expect("kept"), all, &editor(), disk()).expect("discarded");
    let is_gone = |name: &&String| name.strip_suffix(".gone").is_some();
    assert_eq!(in_trash(&it).iter().filter(is_gone).count(), 1, "renamed, not removed");
    let first = folder.empty_trash(all, None, &editor(), disk()).expect("emptied");
    assert_eq!(first.count, 256);
    let second = folder.empty_trash(all, first.rest, &editor(), disk()).expect("emptied");
    assert_eq!((second.count, second.rest), (43, None));
    assert_eq!(in_trash(&it).iter().filter(is_gone).count(), 300);
    folder.sweep_trash(SystemTime::now(), disk());
    assert!(in_trash(&it).is_empty());
}

#[test]
fn directories_are_removed_whatever_is_in_them() {
    let it = Fixture::new();
    it.write("dir/read-only/deep/x", "x");
    it.write("dir/closed/x", "x");
    it.link("../outside", "dir/out");
    let mut path = it.share().join("dir");
    for _ in 0..300 {
        path.push("a_long_name_of_a_directory");
        if fs::create_dir(&path).is_err() {
            break;
        }
    }
    for (name, mode) in [("dir/read-only", 0o555), ("dir/closed", 0o000)] {
        fs::set_permissions(it.share().join(name), PermissionsExt::from_mode(mode)).expect("changed");
    }
    let folder = it.folder(with_trash());
    let id = remove(&folder, "dir").expect("removed").kept.expect("kept");
    folder.discard(&id, Whose::Everybody, &editor(), disk()).expect("discarded");
    assert!(all(&folder).is_empty());
    for _ in 0..3 {
        folder.sweep_trash(SystemTime::now(), disk());
    }
    assert!(in_trash(&it).is_empty(), "{:?}", in_trash(&it));
    assert!(it.outside().join("file").exists(), "no link is followed");
}

#[test]
fn entries_expire() {
    let it = Fixture::new();
    it.write("file", "x");
    it.write("dir/x", "x");
    let folder = it.folder(with_trash());
    let ids = ["file", "dir"].map(|name| remove(&folder, name).expect("removed").kept.expect("kept"));
    folder.sweep_trash(ids[1].time() + 7 * DAY - Duration::from_secs(1) - MINUTE, disk());
    assert_eq!(all(&folder).len(), 2);
    folder.sweep_trash(ids[1].time() + 7 * DAY, disk());
    assert!(all(&folder).is_empty());
    assert!(in_trash(&it).is_empty(), "{:?}", in_trash(&it));
}
