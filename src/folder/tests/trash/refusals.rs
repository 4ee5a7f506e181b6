//! What is refused, and to whom.

use super::*;
use crate::access::{Right, Rule, Subject};

fn rule(at: &str, rights: Rights) -> Rule {
    Rule { subject: Subject::Everyone, rights, path: path(at), from: None }
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

/// A rule below a directory protects its content when the directory is to be removed.
#[test]
fn a_directory_is_removed_only_with_the_right_everywhere_below() {
    let it = Fixture::new();
    for name in ["a/x", "b/protected/x", "c/more/x"] {
        it.write(name, "x");
    }
    it.link("b", "to-b");
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

/// A rule below a directory also protects its path when a directory is to be restored there.
#[test]
fn a_directory_is_restored_only_with_the_right_everywhere_below() {
    let it = Fixture::new();
    it.write("a/protected/x", "x");
    let folder = it.folder(with_trash());
    let id = remove(&folder, "a").expect("removed").kept.expect("kept");
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
