//! The directory of the trash, after crashes and changes by other servers and programs.

use std::os::unix::fs::symlink;

use super::*;

#[test]
fn the_trash_is_read_again_only_once_its_directory_has_changed() {
    let it = Fixture::new();
    it.write("a", "x");
    let folder = it.folder(with_trash());
    let id = remove(&folder, "a").expect("removed").kept.expect("kept").to_string();
    let dir = it.share().join(".wharf/trash");
    let changed_at = |time| fs::File::open(&dir).expect("open").set_modified(time).expect("set");
    let then = SystemTime::now() - DAY;
    changed_at(then);
    assert_eq!(all(&folder).len(), 1);
    let other = format!("{:012x}{}", u64::from_str_radix(&id[..12], 16).expect("hexadecimal") - 1, &id[12..]);
    for end in ["", ".json"] {
        fs::copy(dir.join(format!("{id}{end}")), dir.join(format!("{other}{end}"))).expect("copied");
    }
    changed_at(then);
    assert_eq!(all(&folder).len(), 1, "not read");
    changed_at(then + MINUTE);
    assert_eq!(all(&folder).len(), 2);
    fs::remove_file(dir.join(format!("{other}.json"))).expect("removed");
    assert_eq!(all(&folder).len(), 1);
}

/// Records of another server, and what crashes have left.
#[test]
fn leftovers_are_put_in_order() {
    let it = Fixture::new();
    for name in ["a", "b", "c", "d"] {
        it.write(name, name);
    }
    let folder = it.folder(with_trash());
    let [a, b, c, d] =
        ["a", "b", "c", "d"].map(|name| remove(&folder, name).expect("removed").kept.expect("kept"));
    let trash = it.share().join(".wharf/trash");
    // An exchange that was interrupted.
    fs::rename(trash.join(a.to_string()), trash.join(format!("{a}.new"))).expect("renamed");
    // A record whose content never came.
    fs::remove_file(trash.join(b.to_string())).expect("removed");
    // Content that has lost its record.
    fs::remove_file(trash.join(format!("{c}.json"))).expect("removed");
    // A record that was not written to its end.
    fs::write(trash.join(format!("{d}.json")), "{").expect("written");
    let other = it.folder(with_trash());
    assert_eq!(all(&other).iter().map(|item| item.id).collect::<Vec<_>>(), [a]);
    other.sweep_trash(SystemTime::now() + 9 * MINUTE, disk());
    assert!(trash.join(format!("{b}.json")).exists(), "it may be in the making");
    other.sweep_trash(SystemTime::now() + 11 * MINUTE, disk());
    assert!(!trash.join(format!("{b}.json")).exists());
    assert_eq!(fs::read_to_string(trash.join(a.to_string())).expect("there"), "a");
    assert_eq!(fs::read_to_string(trash.join(c.to_string())).expect("there"), "c", "content is never lost");
    assert_eq!(restore(&other, &a).expect("restored").path, path("a"));
    assert_eq!(all(&folder), [], "the first server has noticed");
    for days in [8, 9] {
        other.sweep_trash(SystemTime::now() + days * DAY, disk());
    }
    assert!(in_trash(&it).is_empty(), "{:?}", in_trash(&it));
}

#[test]
fn a_trash_that_somebody_removes_is_made_again() {
    let it = Fixture::new();
    for name in ["a", "b"] {
        it.write(name, "old");
    }
    let folder = it.folder(with_trash());
    save_as(&folder, "a", "new", &user("ann")).expect("saved").kept.expect("kept");
    fs::remove_dir_all(it.share().join(".wharf")).expect("removed");
    let id = save_as(&folder, "b", "new", &user("ann")).expect("saved").kept.expect("kept");
    assert_eq!(all(&folder).iter().map(|item| item.id).collect::<Vec<_>>(), [id]);
    restore(&folder, &id).expect("restored");
}

#[test]
fn the_trash_follows_no_link() {
    let it = Fixture::new();
    it.write("a", "old");
    fs::create_dir(it.share().join(".wharf")).expect("made");
    symlink(it.outside(), it.share().join(".wharf/trash")).expect("linked");
    let folder = it.folder(with_trash());
    save_as(&folder, "a", "new", &user("ann")).expect_err("it cannot be kept");
    remove(&folder, "a").expect_err("it cannot be kept");
    assert_eq!(read(&folder, "a").expect("read"), "old");
    assert_eq!(fs::read_dir(it.outside()).expect("outside").count(), 1);
}

/// A crash between the link into the trash and the rename has left them.
#[test]
fn a_file_in_its_place_is_no_trash() {
    let it = Fixture::new();
    for name in ["dir/live", "replaced"] {
        it.write(name, name);
    }
    let folder = it.folder(with_trash());
    let [live, replaced] =
        ["dir/live", "replaced"].map(|name| remove(&folder, name).expect("removed").kept.expect("kept"));
    let trash = it.share().join(".wharf/trash");
    fs::hard_link(trash.join(live.to_string()), it.share().join("dir/live")).expect("linked");
    fs::hard_link(trash.join(replaced.to_string()), it.share().join("another name")).expect("linked");
    let other = it.folder(with_trash());
    assert_eq!(all(&other).iter().map(|item| item.id).collect::<Vec<_>>(), [replaced]);
    let refused = restore(&other, &live);
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    other.sweep_trash(SystemTime::now() + 9 * MINUTE, disk());
    assert!(trash.join(live.to_string()).exists(), "another server may be about to replace it");
    other.sweep_trash(SystemTime::now() + 11 * MINUTE, disk());
    assert!(!trash.join(live.to_string()).exists() && !trash.join(format!("{live}.json")).exists());
    assert_eq!(fs::read_to_string(it.share().join("dir/live")).expect("there"), "dir/live");
    assert_eq!(restore(&other, &replaced).expect("restored").path, path("replaced"));
}
