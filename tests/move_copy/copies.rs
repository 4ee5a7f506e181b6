//! What COPY copies.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::process::geteuid;
use socket2::SockRef;

use super::{EDIT, relocate, serve, tree};
use crate::common::fuse::{Mount, What, are_durable};
use crate::common::{Wharf, eventually, sample, skip};

#[test]
fn a_file_is_copied() {
    let wharf = serve(&[]);
    let content = sample(20_000_000, 1);
    let source = wharf.write("dir/a", &content);
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(&source).and_then(|file| file.set_modified(old)).expect("set");
    symlink("dir/a", wharf.folder().join("link")).expect("linked");
    let mut wire = wharf.connect();
    for (from, to, code) in [
        ("/dir/a", "/b%20c", 201),
        ("/link", "/of%20link", 201),
        ("/dir/a", "/b%20c", 204),
        ("/dir/a", "/empty", 201),
        ("/dir/a", "/x%2525", 201),
    ] {
        let answer = relocate(&mut wire, "COPY", from, to, "Depth: 0\r\n");
        assert_eq!(answer.code(), code, "{from} {to}: {}", answer.text());
        assert_eq!(answer.field("Location"), if code == 201 { to } else { "" });
        assert!(wire.ask("GET", to, "", b"").body == content, "{to}: whole, on the same connection");
    }
    assert_eq!(tree(&wharf), ["b c", "dir/", "dir/a", "empty", "link", "of link", "x%25"]);
    let copy = fs::metadata(wharf.folder().join("of link")).expect("a copy");
    assert!(copy.is_file() && copy.ino() != fs::metadata(&source).expect("the source").ino());
    assert_eq!(copy.modified().expect("a time"), old, "a copy has the time of its source");
    assert!(wharf.settled_log().contains(" saved b c (20000000 bytes)\n"), "announced as an upload");
}

#[test]
fn a_directory_is_copied_with_everything_in_it() {
    let wharf = serve(&[]);
    for number in 0..1_000 {
        wharf.write(&format!("many/{}/{number}", number % 10), number.to_string());
    }
    fs::create_dir(wharf.folder().join("many/empty")).expect("made");
    wharf.write("many/.hidden", "hidden");
    let program = wharf.write("many/program", "#!/bin/sh\n");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("set");
    symlink("program", wharf.folder().join("many/link")).expect("linked");
    symlink("../../..", wharf.folder().join("many/out")).expect("linked");
    symlink("nowhere", wharf.folder().join("many/dangling")).expect("linked");
    let mut wire = wharf.connect();
    let answer = relocate(&mut wire, "COPY", "/many/", "/copy", "");
    assert_eq!((answer.code(), answer.field("Location").as_str()), (201, "/copy/"), "{}", answer.text());
    assert_eq!(answer.text(), "copied to copy/\n");
    let below = |top: &str| {
        let prefix = format!("{top}/");
        tree(&wharf)
            .iter()
            .filter_map(|name| Some(name.strip_prefix(&prefix)?.to_owned()))
            .collect::<Vec<_>>()
    };
    let shown = |name: &String| !["", ".hidden", "out", "dangling"].contains(&name.as_str());
    let expected: Vec<_> = below("many").into_iter().filter(shown).collect();
    assert_eq!(below("copy").into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>(), expected);
    assert_eq!(wharf.read("copy/7/777"), b"777");
    assert_eq!(fs::read_link(wharf.folder().join("copy/link")).expect("a link").to_str(), Some("program"));
    let mode = |path: &str| fs::metadata(wharf.folder().join(path)).expect(path).mode();
    assert!(mode("copy/program") & 0o100 != 0 && mode("copy/7/777") & 0o111 == 0, "programs stay programs");
    assert_eq!(relocate(&mut wire, "COPY", "/many/", "/alone", "Depth: 0\r\n").code(), 201);
    assert_eq!(below("alone").into_iter().filter(|name| !name.is_empty()).count(), 0);
    assert_eq!(relocate(&mut wire, "COPY", "/", "/many/all", "").code(), 409, "into its own child");
    assert!(wharf.settled_log().contains(" copied a directory to copy/ ("), "{}", wharf.log());
}

#[test]
fn of_two_that_copy_to_one_name_without_overwriting_one_wins() {
    let wharf = serve(&[]);
    wharf.write("dir/file", "x");
    wharf.write("file", "x");
    for (round, from) in (0..10).flat_map(|round| ["/file", "/dir/"].map(|from| (round, from))) {
        let to = format!("/{round}{}", from.replace('/', "-"));
        let copy = || relocate(&mut wharf.connect(), "COPY", from, &to, "Overwrite: F\r\n").code();
        let mut codes = thread::scope(|scope| {
            let clients: Vec<_> = (0..4).map(|_| scope.spawn(copy)).collect();
            clients.into_iter().map(|client| client.join().expect("no panic")).collect::<Vec<_>>()
        });
        codes.sort_unstable();
        assert_eq!(codes, [201, 412, 412, 412], "{from}");
    }
    assert!(!tree(&wharf).iter().any(|name| name.contains(".tmp")));
}

/// A file that the server may not read makes the copy fail as a whole.
#[test]
fn a_directory_with_an_unreadable_file_is_not_copied() {
    if geteuid().is_root() {
        return skip("root reads every file");
    }
    let wharf = serve(&[]);
    wharf.write("dir/a", "a");
    fs::set_permissions(wharf.write("dir/b", "b"), fs::Permissions::from_mode(0o000)).expect("set");
    assert_eq!(relocate(&mut wharf.connect(), "COPY", "/dir/", "/copy/", "").code(), 403);
    assert_eq!(tree(&wharf), ["dir/", "dir/a", "dir/b"]);
}

#[test]
fn a_copy_whose_client_goes_away_leaves_nothing() {
    let Some(mount) = Mount::new() else { return };
    let wharf = Wharf::serve_in(mount.place(), &EDIT);
    for number in 0..600 {
        wharf.write(&format!("many/{number}"), "x");
    }
    let before = tree(&wharf);
    let held = mount.hold_fsync();
    let mut wire = wharf.connect();
    wire.send(format!("COPY /many/ HTTP/1.1\r\nHost: {}\r\nDestination: /copy\r\n\r\n", wharf.address()));
    eventually("it waits for the disk", || {
        mount.events().iter().any(|event| event.what == What::FsyncBegins)
    });
    assert_eq!(wharf.ask("GET", "/copy/", "", b"").code(), 404, "it is not visible");
    assert_eq!(wharf.ask("GET", "/many/1", "", b"").text(), "x", "others are served");
    SockRef::from(wire.stream()).set_linger(Some(Duration::ZERO)).expect("set");
    drop(wire);
    drop(held);
    eventually("the part that was copied is gone", || tree(&wharf) == before);
    wharf.comes_to_rest();
    assert_eq!(tree(&wharf), before);
}

#[test]
fn a_copy_is_on_the_disk_when_it_is_acknowledged() {
    let Some(mount) = Mount::new() else { return };
    let wharf = Wharf::serve_in(mount.place(), &EDIT);
    let behind = mount.behind();
    fs::create_dir_all(behind.join("dir/deep")).expect("made");
    for name in ["dir/deep/a", "dir/b"] {
        fs::write(behind.join(name), "x").expect("written");
    }
    let mut wire = wharf.connect();
    assert_eq!(relocate(&mut wire, "COPY", "/dir/b", "/c", "").code(), 201);
    assert!(are_durable(&mount.events(), &["c".to_owned()]) > 0);
    assert_eq!(relocate(&mut wire, "COPY", "/dir/", "/copy/", "").code(), 201);
    let synced = |what: What| mount.events().iter().filter(|event| event.what == what).count();
    assert!(synced(What::Fsync) >= 3 && synced(What::FsyncDir) >= 4, "{:?}", mount.events());
}

/// What a killed server leaves behind is removed by the next one.
#[test]
fn what_a_crash_leaves_behind_is_removed() {
    let wharf = serve(&[]);
    let left = wharf.write(".wharf-00000000000000ff.tmp/deep/file", "half a copy");
    let top = left.parent().and_then(|deep| deep.parent()).expect("the copy").to_owned();
    wharf.write(".wharf-00000000000000fe.tmp/file", "a copy that another machine may be making");
    let old = SystemTime::now() - Duration::from_secs(3_600);
    fs::File::open(&top).and_then(|dir| dir.set_modified(old)).expect("set");
    let wharf = Wharf::serve_in(wharf.kill(), &EDIT);
    eventually("it is removed", || !top.exists());
    assert!(wharf.folder().join(".wharf-00000000000000fe.tmp/file").exists());
}
