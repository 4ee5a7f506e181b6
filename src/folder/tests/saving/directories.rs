//! Making directories.

use super::*;

#[test]
fn a_directory_is_made_where_nothing_is() {
    let it = Fixture::new();
    it.write("file", "x");
    it.write("dir/x", "x");
    it.link("dir", "to-dir");
    it.link("nowhere", "dangling");
    it.link("../outside", "out");
    it.link("../outside/file", "out-file");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        it.share().join("fifo"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .expect("a FIFO");
    let folder = it.folder(Rules::default());
    let make = |name: &str, guard| folder.make_directory(&grant(name), guard, disk());
    let table: [(&str, Expected); 16] = [
        ("", |e| matches!(e, Error::Exists)),
        ("file", |e| matches!(e, Error::Exists)),
        ("dir", |e| matches!(e, Error::Exists)),
        ("to-dir", |e| matches!(e, Error::Exists)),
        ("none/below", |e| matches!(e, Error::NoParent)),
        ("dir/none/below", |e| matches!(e, Error::NoParent)),
        ("file/below", |e| matches!(e, Error::NotDirectory)),
        ("file/far/below", |e| matches!(e, Error::NotDirectory)),
        ("dangling", |e| matches!(e, Error::NotFound)),
        ("dangling/below", |e| matches!(e, Error::NotFound)),
        ("out/new", |e| matches!(e, Error::NotFound)),
        ("out-file", |e| matches!(e, Error::NotFound)),
        ("fifo", |e| matches!(e, Error::NotFound)),
        (".hidden", |e| matches!(e, Error::NotFound)),
        ("dir/.wharf", |e| matches!(e, Error::NotFound)),
        (".wharf/uploads/new", |e| matches!(e, Error::NotFound)),
    ];
    let before = it.on_disk();
    for (name, expected) in table {
        for guard in [Guard::None, Guard::MustExist] {
            let error = make(name, guard).expect_err(name);
            let is_changed = guard == Guard::MustExist && name.contains("none/");
            assert!(expected(&error) || is_changed && matches!(error, Error::Changed), "{name}: {error:?}");
        }
    }
    assert!(matches!(make("new", Guard::MustExist), Err(Error::Changed)));
    assert_eq!(it.on_disk(), before);
    for name in ["new", "new/below", "to-dir/new"] {
        make(name, Guard::None).expect(name);
    }
    assert!(it.share().join("new/below").is_dir() && it.share().join("dir/new").is_dir());
    assert!(it.outside().read_dir().expect("a directory").count() == 1, "nothing is made outside");
    let usual = it.share().join("usual");
    fs::create_dir(&usual).expect("a directory");
    let mode = |path| fs::metadata(path).expect("a directory").permissions().mode();
    assert_eq!(mode(it.share().join("new")), mode(usual));
}

#[test]
fn a_directory_is_made_only_where_the_rules_allow_it() {
    let it = Fixture::new();
    let table: [(Rules, Expected); 2] = [
        (Rules { read_only: true, ..quick() }, |e| matches!(e, Error::ReadOnly)),
        (Rules { reserve: u64::MAX, ..quick() }, |e| matches!(e, Error::NoSpace)),
    ];
    for (rules, expected) in table {
        let error = it.folder(rules).make_directory(&grant("new"), Guard::None, disk()).expect_err("refused");
        assert!(expected(&error), "{error:?}");
    }
    it.folder(Rules { hidden: true, ..quick() })
        .make_directory(&grant(".new"), Guard::None, disk())
        .expect("hidden names are accepted");
    assert_eq!(it.on_disk(), [".new"]);
}
