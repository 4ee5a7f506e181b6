//! Rights that differ by path: a link's target needs them at its real path, too.

use super::{Fixture, disk, path, quick, someone};
use crate::access::{Access, Judge, Principal, Rule, ToList, ToMakeDirectory, ToRead, ToWrite};
use crate::folder::{Error, Folder, Guard, Node, OnConflict, Rules, WalkStep};

fn judge(rules: &[&str]) -> Judge {
    let rules = rules.iter().flat_map(|rule| Rule::parse(rule).expect("a rule"));
    Access::by_rules(rules).judge(&Principal::anonymous(None))
}

/// The directory `open` is allowed, `closed` is not; links lead from each to the other.
fn fixture() -> (Fixture, Folder, Judge) {
    let fixture = Fixture::new();
    fixture.write("open/file", "public");
    fixture.write("open/below/file", "public");
    fixture.write("closed/file", "secret");
    fixture.write("closed/below/file", "secret");
    fixture.write("closed/open/file", "public");
    fixture.link("../closed/file", "open/to_file");
    fixture.link("../closed", "open/to_closed");
    fixture.link("../closed/missing", "open/to_missing");
    fixture.link("../closed/open", "open/to_open");
    fixture.link("below/file", "open/inside");
    fixture.link("../open/file", "closed/out");
    let folder = fixture.folder(quick());
    (fixture, folder, judge(&["everyone=write", "everyone=none@closed", "everyone=write@closed/open"]))
}

fn is_absent<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::NotFound))
}

#[test]
fn reading_needs_the_right_at_both_ends_of_a_link() {
    let (_fixture, folder, judge) = fixture();
    // The name, whether it can be read, and whether it is cached for its name alone.
    let table = [
        ("open/file", true, true),
        ("open/inside", true, false),
        ("open/to_open/file", true, false),
        ("closed/open/file", true, true),
        ("open/to_file", false, false),
        ("open/to_closed/file", false, false),
        ("open/to_closed/below/file", false, false),
        ("open/to_closed/open/file", true, false),
        ("open/to_missing", false, false),
        ("open/to_closed/missing", false, false),
        ("open/to_closed/file/below", false, false),
        ("open/missing", false, false),
    ];
    for (name, is_readable, is_cached) in table {
        let path = path(name);
        let opened = folder.open(&judge.check::<ToRead>(&path).expect("by its name"), disk());
        match opened {
            Ok(Node::File(open)) => assert_eq!((is_readable, is_cached), (true, !open.is_personal), "{name}"),
            Ok(Node::Directory { .. }) => panic!("{name} is a file"),
            Err(error) => {
                assert!(!is_readable, "{name}: {error}");
                assert!(matches!(error, Error::NotFound | Error::NotDirectory), "{name}: {error:?}");
            }
        }
    }
}

#[test]
fn listings_and_archives_leave_out_what_lies_elsewhere() {
    let (_fixture, folder, judge) = fixture();
    let list = |name: &str| {
        let path = path(name);
        let scan = folder.scan(&judge.check::<ToList>(&path).expect("by its name"), disk())?;
        let (mut scan, mut names) = (scan, Vec::new());
        while let Some(candidate) = scan.next() {
            names.extend(scan.look(candidate?, disk()).map(|entry| entry.name.into_string().expect("text")));
        }
        names.sort();
        Ok::<_, Error>(names.join(" "))
    };
    assert_eq!(list("").expect("listed"), "open");
    assert_eq!(list("open").expect("listed"), "below file inside to_open");
    assert_eq!(list("open/to_open").expect("listed"), "file");
    assert!(is_absent(&list("open/to_closed")), "its target");
    assert!(is_absent(&list("open/to_closed/below")), "below its target");
    for name in ["open/to_closed", "open/to_closed/below"] {
        let path = path(name);
        let grant = judge.check::<ToList>(&path).expect("by its name");
        assert!(is_absent(&folder.find_directory(&grant, disk())), "{name}");
        assert!(is_absent(&folder.directory_id(&grant, disk())), "{name}");
        assert!(is_absent(&folder.walk(&grant, judge.clone(), disk()).map(|_| ())), "{name}");
    }
    let root = path("");
    let grant = judge.check::<ToList>(&root).expect("by its name");
    let (mut walk, mut files) = (folder.walk(&grant, judge.clone(), disk()).expect("walked"), Vec::new());
    loop {
        match walk.step(disk()).expect("no system error") {
            WalkStep::Directory { path, .. } => files.push(format!("{}/", path.display())),
            WalkStep::File { path, .. } => files.push(path.display().to_string()),
            WalkStep::Lost(path, error) => panic!("{path:?}: {error}"),
            WalkStep::Missing(name) => panic!("{name:?} was not chosen"),
            WalkStep::Nothing => {}
            WalkStep::End => break,
        }
    }
    files.sort();
    assert_eq!(files, ["./", "open/", "open/below/", "open/below/file", "open/file", "open/inside"]);
}

#[test]
fn an_entry_needs_the_right_to_list_it_and_its_content_the_right_to_read() {
    let fixture = Fixture::new();
    for name in ["seen", "read", "both"] {
        fixture.write(name, name);
    }
    let folder = fixture.folder(quick());
    let judge = judge(&["everyone=list", "everyone=read@read", "everyone=view@both"]);
    let root = path("");
    let grant = judge.check::<ToList>(&root).expect("it may list");
    let mut scan = folder.scan(&grant, disk()).expect("listed");
    let mut names = Vec::new();
    while let Some(candidate) = scan.next() {
        names.extend(scan.look(candidate.expect("read"), disk()).map(|entry| entry.name));
    }
    names.sort();
    assert_eq!(names, ["both", "seen"]);
    let (mut walk, mut files) = (folder.walk(&grant, judge.clone(), disk()).expect("walked"), Vec::new());
    loop {
        match walk.step(disk()).expect("no system error") {
            WalkStep::File { path, .. } => files.push(path.display().to_string()),
            WalkStep::End => break,
            _ => {}
        }
    }
    assert_eq!(files, ["both"]);
}

#[test]
fn saving_needs_the_right_at_both_ends_of_a_link() {
    for on_conflict in [OnConflict::Overwrite, OnConflict::Refuse, OnConflict::Rename] {
        let (fixture, _, judge) = fixture();
        let folder = fixture.folder(Rules { on_conflict, ..quick() });
        let before = std::fs::read_to_string(fixture.share().join("closed/file")).expect("there");
        for name in [
            "open/to_file",
            "open/to_closed/file",
            "open/to_closed/new",
            "open/to_closed/new/new",
            "open/to_closed/below/new",
            "open/to_closed/file/new",
            "open/to_missing",
            "open/to_missing/new",
        ] {
            let path = path(name);
            let grant = judge.check::<ToWrite>(&path).expect("by its name");
            let saved = folder.receive(&grant, None, disk()).map(|_| ());
            assert!(is_absent(&saved), "{name}, {on_conflict:?}");
            assert!(is_absent(&folder.may_receive(&grant, None, disk())), "{name}, {on_conflict:?}");
            assert!(matches!(
                folder.occupant(&grant, disk()),
                Ok(None) | Err(Error::NotFound | Error::NotDirectory)
            ));
            let grant = judge.check::<ToMakeDirectory>(&path).expect("by its name");
            assert!(
                is_absent(&folder.make_directory(&grant, Guard::None, disk())),
                "{name}, {on_conflict:?}"
            );
        }
        for name in ["open/to_open/new", "open/new/new", "closed/open/newer"] {
            let path = path(name);
            let grant = judge.check::<ToWrite>(&path).expect("by its name");
            let incoming = folder.receive(&grant, None, disk()).expect(name);
            incoming.commit(Guard::None, &someone(), disk()).expect(name);
        }
        assert_eq!(std::fs::read_to_string(fixture.share().join("closed/file")).expect("there"), before);
    }
}

#[test]
fn a_directory_that_is_moved_while_a_file_arrives_is_judged_again() {
    let (fixture, folder, judge) = fixture();
    let path = path("open/below/new");
    let incoming =
        folder.receive(&judge.check::<ToWrite>(&path).expect("by its name"), None, disk()).expect("begun");
    let (from, to) = (fixture.share().join("open/below"), fixture.share().join("closed/moved"));
    std::fs::rename(from, to).expect("moved");
    fixture.link("../closed/moved", "open/below");
    assert!(is_absent(&incoming.commit(Guard::None, &someone(), disk())));
    assert!(!fixture.share().join("closed/moved/new").exists());
}

#[test]
fn missing_parents_need_the_right_to_add_them() {
    let fixture = Fixture::new();
    let folder = fixture.folder(quick());
    let judge = judge(&["everyone=view", "everyone=write@a/b", "everyone=drop@c"]);
    for (name, is_saved) in [("a/b/file", false), ("c/d/file", true), ("c/file", true)] {
        let path = path(name);
        let grant = judge.check::<ToWrite>(&path).expect("by its name");
        assert_eq!(folder.receive(&grant, None, disk()).is_ok(), is_saved, "{name}");
    }
    std::fs::create_dir(fixture.share().join("a")).expect("made");
    let path = path("a/b/file");
    let grant = judge.check::<ToWrite>(&path).expect("by its name");
    assert!(folder.receive(&grant, None, disk()).is_ok());
}

#[test]
fn at_the_end_of_a_link_fewer_rights_count() {
    let fixture = Fixture::new();
    fixture.write("inbox/taken", "theirs");
    fixture.link("inbox", "link");
    let folder = fixture.folder(quick());
    let judge = judge(&["everyone=write", "everyone=drop@inbox"]);
    let (taken, new) = (path("link/taken"), path("link/new"));
    let receive = |path| {
        let grant = judge.check::<ToWrite>(path).expect("by its name");
        folder
            .receive(&grant, None, disk())
            .and_then(|incoming| incoming.commit(Guard::None, &someone(), disk()))
    };
    receive(&new).expect("a new name");
    assert_eq!(receive(&taken).expect("beside it").path.as_bytes(), b"link/taken (1)");
}

#[test]
fn who_may_only_add_does_not_learn_which_names_are_taken() {
    for on_conflict in [OnConflict::Overwrite, OnConflict::Refuse, OnConflict::Rename] {
        let fixture = Fixture::new();
        fixture.write("inbox/file", "theirs");
        fixture.write("inbox/dir/file", "theirs");
        fixture.link("nowhere", "inbox/link");
        let folder = fixture.folder(Rules { on_conflict, ..quick() });
        let judge = judge(&["everyone=view", "everyone=drop@inbox"]);
        for guard in [Guard::None, Guard::MustBeNew] {
            for name in ["file", "dir", "link", "new"] {
                let path = path(&format!("inbox/{name}"));
                let grant = judge.check::<ToWrite>(&path).expect("it may add");
                assert!(folder.occupant(&grant, disk()).expect("not looked at").is_none(), "{name}");
                assert!(folder.may_receive(&grant, None, disk()).is_ok(), "{name}");
                let saved = folder
                    .receive(&grant, None, disk())
                    .and_then(|file| file.commit(guard, &someone(), disk()));
                let saved = saved.unwrap_or_else(|error| panic!("{name}, {on_conflict:?}: {error}"));
                assert_eq!((saved.told(), saved.created), (&path, true), "{name}");
                assert!(judge.check::<ToMakeDirectory>(&path).is_err(), "{name}");
            }
        }
        let old = std::fs::read_to_string(fixture.share().join("inbox/file")).expect("it stays");
        assert_eq!(old, "theirs");
    }
}

#[test]
fn a_rule_holds_for_every_spelling_of_its_path() {
    let fixture = Fixture::new();
    fixture.write("a/Secret", "secret");
    fixture.write("a/SECRET.txt", "another file");
    // As on a file system that treats these names as one: one file with several names.
    for name in ["SECRET", "Secret.", "SECRET~1", "s\u{e9}cret"] {
        std::fs::hard_link(fixture.share().join("a/Secret"), fixture.share().join("a").join(name))
            .expect("linked");
    }
    let folder = fixture.folder(quick());
    for (rule, is_kept) in [
        ("everyone=none@a/Secret", true),
        ("everyone=none@a/secret", false),
        ("everyone=none@A/Secret", false),
    ] {
        let judge = judge(&["everyone=view", rule]);
        for name in ["Secret", "SECRET", "Secret.", "SECRET~1", "s\u{e9}cret", "SECRET.txt"] {
            let path = path(&format!("a/{name}"));
            let opened = judge.check::<ToRead>(&path).map_err(Error::from);
            let opened = opened.and_then(|grant| folder.open(&grant, disk()));
            assert_eq!(opened.is_err(), is_kept && name != "SECRET.txt", "{name}, {rule}");
        }
    }
}
