//! What the trash keeps, and how it is restored.

use std::os::unix::fs::MetadataExt as _;

use super::*;

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
fn what_nobody_misses_is_not_kept() {
    let it = Fixture::new();
    it.write("empty", "");
    it.write("~$b", "by another program");
    let folder = it.folder(Rules { hidden: true, ..with_trash() });
    let ann = user("ann");
    assert!(save_as(&folder, "~$b", "new", &ann).expect("saved").kept.is_some(), "another program's");
    for name in ["._a", ".DS_Store"] {
        save_as(&folder, name, "x", &ann).expect("saved");
    }
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

/// Many clients replace one file at once. Each version is in the trash, or has the name.
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

/// A second name changes the version of the old file. If several clients replace the same version, exactly one still
/// succeeds.
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
