//! The trash: what is kept, restored, discarded, and pushed out.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};

use super::*;
use crate::access::{Right, Rule, Subject, ToRemove, ToWrite};
use crate::folder::{Removed, Restored, TrashId, TrashItem, Whose};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// With all rights that the trash asks for.
fn editor() -> Judge {
    Access::new(Rights::EDIT).judge(&Principal::anonymous(None))
}

fn to_remove(name: &str) -> Grant<'static, ToRemove> {
    editor().check(&path(name)).expect("all is allowed").into_owned()
}

fn to_write(name: &str) -> Grant<'static, ToWrite> {
    editor().check(&path(name)).expect("all is allowed").into_owned()
}

/// A user of this name.
fn user(name: &str) -> Remover {
    Remover::of_owner(format!("account {name}"), Some(name.to_owned()))
}

fn remove(folder: &Folder, name: &str) -> Result<Removed, Error> {
    folder.remove(&to_remove(name), Guard::None, &user("ann"), disk())
}

fn save_as(folder: &Folder, name: &str, content: &str, who: &Remover) -> Result<Saved, Error> {
    let mut incoming = folder.receive(&to_write(name), Some(content.len() as u64), disk())?;
    incoming.write(content.as_bytes(), disk())?;
    incoming.commit(Guard::None, who, disk())
}

fn all(folder: &Folder) -> Vec<TrashItem> {
    folder.trash(Whose::Everybody, 1_000, None, disk()).expect("a list")
}

fn restore(folder: &Folder, id: &TrashId) -> Result<Restored, Error> {
    folder.restore(id, Whose::Everybody, &editor(), disk())
}

/// Empties the trash, which takes one piece; returns how many entries it has discarded.
fn emptied(folder: &Folder, whose: Whose<'_>, judge: &Judge) -> usize {
    let emptied = folder.empty_trash(whose, None, judge, disk()).expect("emptied");
    assert_eq!(emptied.rest, None);
    emptied.count
}

fn with_trash() -> Rules {
    Rules { trash: Some(7 * DAY), ..quick() }
}

/// The names in the trash on the disk, sorted.
fn in_trash(it: &Fixture) -> Vec<String> {
    let Ok(entries) = fs::read_dir(it.share().join(".wharf/trash")) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
    names.sort();
    names
}

/// Makes an entry look older than it is, as far as its id says so.
fn age(it: &Fixture, id: TrashId, by: Duration) -> TrashId {
    let then = id.time().checked_sub(by).expect("after 1970");
    let since = then.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let old = id.to_string();
    let new = format!("{:012x}{}", since.as_millis(), &old[12..]);
    let trash = it.share().join(".wharf/trash");
    for end in ["", ".json"] {
        fs::rename(trash.join(format!("{old}{end}")), trash.join(format!("{new}{end}"))).expect("renamed");
    }
    TrashId::parse(&new).expect("an id")
}

#[test]
fn a_file_that_is_replaced_is_kept_and_restored() {
    for method in SAVE_METHODS {
        for durable in [true, false] {
            let it = Fixture::new();
            it.write("a.txt", "old");
            let folder = it.folder_in(method, Rules { durable, ..with_trash() });
            let saved = save_as(&folder, "a.txt", "new", &user("ann")).expect("saved");
            let id = saved.kept.expect("kept");
            assert!(!saved.created);
            let items = all(&folder);
            let expected = TrashItem {
                id,
                path: path("a.txt"),
                size: Some(3),
                is_directory: false,
                time: id.time(),
                principal: Some("ann".to_owned()),
            };
            assert_eq!(items, [expected], "{method:?}");
            assert_eq!(in_trash(&it), [id.to_string(), format!("{id}.json")]);
            let mode =
                fs::metadata(it.share().join(format!(".wharf/trash/{id}.json"))).expect("there").mode();
            assert_eq!(mode & 0o777, 0o600);
            let restored = restore(&folder, &id).expect("restored");
            assert_eq!(
                restored,
                Restored { path: path("a (restored).txt"), lies_at: None, is_directory: false },
                "{method:?}"
            );
            assert_eq!(read(&folder, "a (restored).txt").expect("read"), "old");
            assert_eq!(read(&folder, "a.txt").expect("read"), "new");
            assert!(in_trash(&it).is_empty() && all(&folder).is_empty(), "{method:?}");
            let metadata = fs::metadata(it.share().join("a.txt")).expect("there");
            assert_eq!(metadata.nlink(), 1);
        }
    }
}

#[test]
fn what_is_removed_is_kept_and_restored() {
    for durable in [true, false] {
        let it = Fixture::new();
        it.write("file", "old");
        it.write("dir/sub/x", "x");
        it.write("dir/y", "yy");
        it.link("file", "link");
        let folder = it.folder(Rules { durable, ..with_trash() });
        let mut ids = Vec::new();
        for (name, is_directory) in [("link", false), ("file", false), ("dir", true)] {
            let removed = remove(&folder, name).expect(name);
            ids.push(removed.kept.expect("kept"));
            let expected = Removed { path: path(name), lay_at: None, is_directory, kept: removed.kept };
            assert_eq!(removed, expected);
            assert!(matches!(remove(&folder, name), Err(Error::NotFound)), "{name}: it is gone");
        }
        assert!(list(&folder, "").expect("a list").is_empty());
        let items = all(&folder);
        let seen: Vec<_> =
            items.iter().map(|item| (item.path.clone(), item.size, item.is_directory)).collect();
        let expected =
            [(path("dir"), None, true), (path("file"), Some(3), false), (path("link"), Some(4), false)];
        assert_eq!(seen, expected, "the newest first");
        folder.sweep_trash(SystemTime::now(), disk());
        assert_eq!(all(&folder)[0].size, Some(3), "measured");
        for id in &ids {
            restore(&folder, id).expect("restored");
        }
        assert_eq!(read(&folder, "dir/sub/x").expect("read"), "x");
        assert_eq!(fs::read_link(it.share().join("link")).expect("a link"), Path::new("file"));
        assert_eq!(read(&folder, "link").expect("read"), "old");
        assert!(in_trash(&it).is_empty());
        assert!(matches!(restore(&folder, &ids[0]), Err(Error::NotFound)), "only once");
    }
}

#[test]
fn nothing_is_ever_replaced_by_what_is_restored() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        it.write("dir/a", "1");
        it.write("b/c.txt", "1");
        let folder = it.folder_in(method, with_trash());
        let ids: Vec<_> = ["dir", "b"]
            .iter()
            .map(|name| remove(&folder, name).expect("removed").kept.expect("kept"))
            .collect();
        it.write("dir", "another");
        it.write("b/c.txt", "2");
        it.write("b (restored)", "in the way");
        let paths: Vec<_> = ids.iter().map(|id| restore(&folder, id).expect("restored").path).collect();
        assert_eq!(paths, [path("dir (restored)"), path("b (restored 2)")]);
        assert_eq!(read(&folder, "b/c.txt").expect("read"), "2");
        assert_eq!(read(&folder, "b (restored 2)/c.txt").expect("read"), "1");
        let id = remove(&folder, "b/c.txt").expect("removed").kept.expect("kept");
        remove(&folder, "b").expect("removed");
        assert_eq!(restore(&folder, &id).expect("restored").path, path("b/c.txt"), "its parent was made");
    }
}

#[test]
fn the_order_of_errors_of_a_removal() {
    let it = Fixture::new();
    it.write("file", "x");
    it.write(".hidden", "x");
    it.link("../outside/file", "out");
    it.link("nowhere", "dangling");
    let folder = it.folder(with_trash());
    let table: [(&str, fn(&Error) -> bool); 7] = [
        ("", |e| matches!(e, Error::Denied)),
        (".hidden", |e| matches!(e, Error::NotFound)),
        ("none", |e| matches!(e, Error::NotFound)),
        ("none/at/all", |e| matches!(e, Error::NotFound)),
        ("file/below", |e| matches!(e, Error::NotFound)),
        ("out", |e| matches!(e, Error::NotFound)),
        ("dangling", |e| matches!(e, Error::NotFound)),
    ];
    let before = it.on_disk();
    for (name, expected) in table {
        let error = remove(&folder, name).expect_err(name);
        assert!(expected(&error), "{name}: {error:?}");
    }
    let is_changed =
        |guard| matches!(folder.remove(&to_remove("file"), guard, &user("ann"), disk()), Err(Error::Changed));
    assert!(is_changed(Guard::MustBeNew));
    let version = open_file(&folder, "file").facts.version;
    it.write("file", "longer");
    assert!(is_changed(Guard::MustBe(version)));
    assert_eq!(it.on_disk(), before, "nothing is left of the attempts");
    let version = open_file(&folder, "file").facts.version;
    folder.remove(&to_remove("file"), Guard::MustBe(version), &user("ann"), disk()).expect("removed");
    let read_only = it.folder(Rules { read_only: true, ..with_trash() });
    assert!(matches!(remove(&read_only, ""), Err(Error::ReadOnly)));
    let id = all(&folder)[0].id;
    assert!(matches!(restore(&read_only, &id), Err(Error::ReadOnly)));
    assert!(matches!(read_only.discard(&id, Whose::Everybody, &editor(), disk()), Err(Error::ReadOnly)));
}

/// A rule below a directory protects what is there from a removal of the directory.
#[test]
fn a_directory_is_removed_only_with_the_right_everywhere_below() {
    let it = Fixture::new();
    for name in ["a/x", "b/protected/x", "c/more/x"] {
        it.write(name, "x");
    }
    it.link("b", "to-b");
    let rule = |at: &str, rights| Rule { subject: Subject::Everyone, rights, path: path(at), from: None };
    let access = Access::by_rules([
        rule("", Rights::EDIT),
        rule("b/protected", Rights::VIEW),
        rule("c/more", Rights::EDIT.with(Rights::of(&[Right::Chat]))),
    ]);
    let judge = access.judge(&Principal::anonymous(None));
    let folder = it.folder(with_trash());
    let remove = |name: &str| {
        let path = path(name);
        let grant = judge.check::<ToRemove>(&path)?;
        folder.remove(&grant, Guard::None, &user("ann"), disk())
    };
    assert!(matches!(remove("b"), Err(Error::NotFound)), "refused as any missing right");
    assert!(it.share().join("b/protected/x").exists());
    assert!(matches!(remove("to-b/protected/x"), Err(Error::NotFound)), "by its real path");
    for name in ["a", "c", "to-b"] {
        remove(name).expect(name);
    }
    assert!(it.share().join("b").exists(), "a link goes, not its target");
}

/// A rule below a directory protects what is there from a directory that comes back, too.
#[test]
fn a_directory_is_restored_only_with_the_right_everywhere_below() {
    let it = Fixture::new();
    it.write("a/protected/x", "x");
    let folder = it.folder(with_trash());
    let id = remove(&folder, "a").expect("removed").kept.expect("kept");
    let rule = |at: &str, rights| Rule { subject: Subject::Everyone, rights, path: path(at), from: None };
    let access = Access::by_rules([rule("", Rights::EDIT), rule("a/protected", Rights::NONE)]);
    let judge = access.judge(&Principal::anonymous(None));
    for is_taken in [false, true] {
        if is_taken {
            it.write("a/other", "x");
        }
        let refused = folder.restore(&id, Whose::Everybody, &judge, disk());
        assert!(matches!(refused, Err(Error::NotFound | Error::NoRight(_))), "{is_taken}: {refused:?}");
        assert!(!it.share().join("a (restored)").exists());
    }
    restore(&folder, &id).expect("restored");
}

#[test]
fn a_link_is_removed_itself() {
    let it = Fixture::new();
    it.write("dir/x", "x");
    it.link("dir", "link");
    let folder = it.folder(with_trash());
    let removed = remove(&folder, "link").expect("removed");
    assert!(!removed.is_directory);
    assert_eq!(read(&folder, "dir/x").expect("read"), "x");
    assert_eq!(it.on_disk().iter().filter(|name| name.starts_with("dir")).count(), 2);
    // Below a link, the file at its real place.
    it.link("dir", "again");
    remove(&folder, "again/x").expect("removed");
    assert!(matches!(read(&folder, "dir/x"), Err(Error::NotFound)));
}

#[test]
fn each_owner_has_their_own_entries() {
    let it = Fixture::new();
    for name in ["a", "b", "c"] {
        it.write(name, "x");
    }
    let folder = it.folder(with_trash());
    let remove = |name, who: &Remover| {
        folder.remove(&to_remove(name), Guard::None, who, disk()).expect("removed").kept.expect("kept")
    };
    let (a, b) = (remove("a", &user("ann")), remove("b", &user("bob")));
    let c = remove("c", &someone());
    let ids = |whose| {
        let items = folder.trash(whose, 10, None, disk()).expect("a list");
        items.into_iter().map(|item| item.id).collect::<Vec<_>>()
    };
    let (ann, bob) = (Whose::Owner("account ann"), Whose::Owner("account bob"));
    assert_eq!((ids(ann), ids(bob)), (vec![a], vec![b]));
    assert_eq!(ids(Whose::Everybody), [c, b, a]);
    assert_eq!(ids(Whose::Owner("")), []);
    let page = folder.trash(Whose::Everybody, 1, Some(c), disk()).expect("a list");
    assert_eq!(page.iter().map(|item| item.id).collect::<Vec<_>>(), [b], "older than the last");
    assert!(matches!(folder.restore(&a, bob, &editor(), disk()), Err(Error::NotFound)));
    assert!(matches!(folder.discard(&a, bob, &editor(), disk()), Err(Error::NotFound)));
    let viewer = judge();
    assert!(matches!(folder.discard(&a, ann, &viewer, disk()), Err(Error::NoRight(_))), "needs `remove`");
    assert_eq!(emptied(&folder, ann, &viewer), 0);
    let no_adder = Access::new(Rights::VIEW).judge(&Principal::anonymous(None));
    assert!(matches!(folder.restore(&a, ann, &no_adder, disk()), Err(Error::NoRight(_))), "needs `add`");
    assert_eq!(emptied(&folder, ann, &editor()), 1);
    assert_eq!(ids(Whose::Everybody), [c, b]);
    assert_eq!(emptied(&folder, Whose::Everybody, &no_adder), 2);
    folder.sweep_trash(SystemTime::now(), disk());
    assert!(in_trash(&it).is_empty());
}

#[test]
fn a_free_name_is_found_after_many_that_are_taken() {
    let it = Fixture::new();
    it.write("a", "x");
    let folder = it.folder(with_trash());
    let id = remove(&folder, "a").expect("removed").kept.expect("kept");
    for name in ["a".to_owned(), "a (restored)".to_owned()]
        .into_iter()
        .chain((2..=150).map(|number| format!("a (restored {number})")))
    {
        it.write(&name, "taken");
    }
    assert_eq!(restore(&folder, &id).expect("restored").path, path("a (restored 151)"));
}

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
fn what_nobody_misses_is_not_kept() {
    let it = Fixture::new();
    for name in ["empty", "._a", ".DS_Store"] {
        it.write(name, if name == "empty" { "" } else { "x" });
    }
    let folder = it.folder(Rules { hidden: true, ..with_trash() });
    let ann = user("ann");
    for name in ["empty", "._a", ".DS_Store"] {
        assert_eq!(save_as(&folder, name, "new", &ann).expect("saved").kept, None, "{name}");
    }
    assert_eq!(save_as(&folder, "mine", "1", &ann).expect("saved").kept, None);
    assert_eq!(remove(&folder, "mine").expect("removed").kept, None, "just made by the same");
    save_as(&folder, "mine", "1", &ann).expect("saved");
    assert!(save_as(&folder, "mine", "2", &ann).expect("saved").kept.is_some(), "the first version");
    assert_eq!(save_as(&folder, "mine", "3", &ann).expect("saved").kept, None, "the second in a minute");
    assert!(save_as(&folder, "mine", "4", &user("bob")).expect("saved").kept.is_some(), "ann's");
    assert!(save_as(&folder, "mine", "5", &ann).expect("saved").kept.is_some(), "bob's");
    it.write("mine", "by another program");
    assert!(save_as(&folder, "mine", "6", &ann).expect("saved").kept.is_some(), "another program's");
    save_as(&folder, "yours", "1", &user("bob")).expect("saved");
    assert!(remove(&folder, "yours").expect("removed").kept.is_some(), "bob's");
}

#[test]
fn without_a_trash_nothing_is_kept() {
    let it = Fixture::new();
    it.write("a", "old");
    it.write("dir/sub/x", "x");
    it.write("dir/sub/deep/y", "y");
    let folder = it.folder(quick());
    assert_eq!(save_as(&folder, "a", "new", &user("ann")).expect("saved").kept, None);
    assert!(in_trash(&it).is_empty());
    assert_eq!(remove(&folder, "a").expect("removed").kept, None);
    let removed = remove(&folder, "dir").expect("removed");
    assert_eq!((removed.is_directory, removed.kept), (true, None));
    assert!(!it.share().join("dir").exists());
    assert!(all(&folder).is_empty());
    folder.sweep_trash(SystemTime::now(), disk());
    assert!(in_trash(&it).is_empty(), "{:?}", in_trash(&it));
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

#[test]
fn a_full_trash_pushes_out_what_is_older_than_a_day() {
    let it = Fixture::new();
    for name in ["a", "b", "c", "large"] {
        it.write(name, if name == "large" { "0123456789A" } else { "1234" });
    }
    let rules = Rules { trash_size: Some(10), ..with_trash() };
    let folder = it.folder(rules.clone());
    let ids = ["a", "b"].map(|name| remove(&folder, name).expect("removed").kept.expect("kept"));
    let full = |error: &Error| match error {
        Error::TrashFull { bytes: 8, expires: Some(expires) } => *expires == ids[0].time() + 7 * DAY,
        _ => false,
    };
    let error = remove(&folder, "c").expect_err("the trash is full");
    assert!(full(&error), "{error:?}");
    assert!(error.to_string().contains("holds 8 bytes"), "{error}");
    assert_eq!(read(&folder, "c").expect("read"), "1234", "it is still there");
    let error = save_as(&folder, "c", "new", &user("ann")).expect_err("the trash is full");
    assert!(full(&error), "{error:?}");
    let too_large = remove(&folder, "large").expect_err("larger than the trash");
    assert!(matches!(too_large, Error::TrashFull { bytes: 8, expires: None }), "{too_large:?}");
    assert_eq!(all(&folder).len(), 2, "nothing was pushed out");
    let old = age(&it, ids[0], DAY + MINUTE);
    assert_eq!(all(&folder)[1].id, old);
    let mut incoming = folder.receive(&grant("c"), None, disk()).expect("begun");
    incoming.write(b"new", disk()).expect("written");
    let refused = incoming.commit(Guard::None, &someone(), disk());
    assert!(matches!(refused, Err(Error::TrashFull { .. })), "without the right to remove: {refused:?}");
    assert!(save_as(&folder, "c", "new", &user("ann")).expect("saved").kept.is_some());
    assert_eq!(all(&folder).iter().map(|item| item.path.clone()).collect::<Vec<_>>(), [path("c"), path("b")]);
    // A directory is measured before it is removed.
    it.write("dir/x", "1234567890");
    it.write("dir/y", "1");
    assert!(matches!(remove(&folder, "dir"), Err(Error::TrashFull { expires: None, .. })));
    let other = it.folder(rules);
    assert!(
        matches!(remove(&other, "large"), Err(Error::TrashFull { bytes: 8, .. })),
        "another server reads it"
    );
}

#[test]
fn uploads_push_out_what_is_old_if_there_is_no_space() {
    let it = Fixture::new();
    it.write("old", "x");
    let folder = it.folder(with_trash());
    let id = remove(&folder, "old").expect("removed").kept.expect("kept");
    // No file system has so much space.
    let most = u64::MAX - 1;
    let refused = folder.receive(&to_write("new"), Some(most), disk());
    assert!(matches!(refused, Err(Error::TrashFull { bytes: 1, .. })), "{refused:?}");
    let refused = folder.receive(&grant("new"), Some(most), disk());
    assert!(matches!(refused, Err(Error::NoSpace)), "not for those who cannot empty it: {refused:?}");
    age(&it, id, DAY + MINUTE);
    let refused = folder.receive(&grant("new"), Some(most), disk());
    assert!(matches!(refused, Err(Error::NoSpace)), "{refused:?}");
    let refused = folder.receive(&to_write("new"), Some(most), disk());
    assert!(matches!(refused, Err(Error::TrashFull { bytes: 1, .. })), "{refused:?}");
    assert_eq!(all(&folder).len(), 1, "kept, as it would not be enough");
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
fn a_link_that_is_replaced_is_kept_as_a_link() {
    let it = Fixture::new();
    it.write("file", "old");
    it.link("file", "link");
    let folder = it.folder(with_trash());
    let id = save_as(&folder, "link", "new", &user("ann")).expect("saved").kept.expect("kept");
    remove(&folder, "link").expect("removed");
    assert_eq!(restore(&folder, &id).expect("restored").path, path("link"));
    assert_eq!(read(&folder, "link").expect("read"), "old");
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

/// Many replace one file at once: each old version is in the trash, or is the one that has the name.
#[test]
fn every_version_by_another_is_kept() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        let folder = it.folder_in(method, with_trash());
        let versions: Vec<_> = (0..8).flat_map(|thread| (0..8).map(move |number| (thread, number))).collect();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let folder = &folder;
                scope.spawn(move || {
                    for number in 0..8 {
                        let who = user(&format!("{thread}-{number}"));
                        save_as(folder, "a", &format!("{thread}-{number}"), &who).expect("saved");
                    }
                });
            }
        });
        let trash = it.share().join(".wharf/trash");
        let kept = all(&folder).into_iter().map(|item| fs::read_to_string(trash.join(item.id.to_string())));
        let mut kept: Vec<_> = kept.map(|text| text.expect("there")).collect();
        kept.push(read(&folder, "a").expect("there"));
        kept.sort();
        let mut expected: Vec<_> =
            versions.iter().map(|(thread, number)| format!("{thread}-{number}")).collect();
        expected.sort();
        assert_eq!(kept, expected, "{method:?}");
    }
}

/// A second name changes the version of the old file. Of several that replace one version, one succeeds all the same.
#[test]
fn a_version_that_is_asked_for_is_replaced_once() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        it.write("a", "old");
        let folder = it.folder_in(method, with_trash());
        for round in 0..10 {
            let guard = Guard::MustBe(open_file(&folder, "a").facts.version);
            let folder = &folder;
            let save = &|number: usize| {
                let mut incoming = folder.receive(&to_write("a"), None, disk()).expect("begun");
                incoming.write(format!("{round}-{number}").as_bytes(), disk()).expect("written");
                incoming.commit(guard, &user(&format!("{round}-{number}")), disk())
            };
            let saved: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|number| scope.spawn(move || save(number))).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
            });
            let kept = saved.iter().filter(|saved| saved.as_ref().is_ok_and(|saved| saved.kept.is_some()));
            assert_eq!(kept.count(), 1, "{method:?}: {saved:?}");
            let changed = saved.iter().filter(|saved| matches!(saved, Err(Error::Changed)));
            assert_eq!(changed.count(), 3, "{method:?}: {saved:?}");
        }
        assert_eq!(all(&folder).len(), 10, "{method:?}");
    }
}
