//! A folder that loses its permissions or its path, or whose disk becomes read-only, is served as far as possible, and
//! fully once it is restored.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::common::{SmallDisk, Tftp, Wharf, eventually, outside};

/// A server that is subject to permissions, unlike root.
fn stopped_by_permissions(flags: &[&str]) -> Option<Wharf> {
    let program = if rustix::process::getuid().is_root() {
        let mut setpriv = outside("setpriv")?;
        setpriv.arg("--bounding-set=-dac_override,-dac_read_search");
        setpriv
    } else {
        Command::new("env")
    };
    Some(Wharf::serve_by(program, tempfile::tempdir().expect("a folder"), flags))
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("changed");
}

#[test]
fn a_folder_without_write_permission_can_be_read() {
    let Some(wharf) = stopped_by_permissions(&["--udp", "0"]) else { return };
    wharf.write("a", "old");
    set_mode(&wharf.folder(), 0o555);
    for target in ["/a", "/new", "/deep/er/new"] {
        let answer = wharf.ask("PUT", target, "", b"new");
        assert_eq!((answer.code(), answer.text().as_str()), (403, FORBIDDEN), "{target}");
    }
    assert_eq!(Tftp::new(wharf.tftp()).put("new", &[], b"new").expect_err("refused").0, 2);
    assert_eq!(wharf.ask("GET", "/a", "", b"").text(), "old");
    set_mode(&wharf.folder(), 0o755);
    assert_eq!(wharf.ask("PUT", "/a", "", b"new").code(), 204, "as soon as it is permitted");
}

/// The error for a client of a file without permission.
const FORBIDDEN: &str = "the file's permissions forbid it\n";

#[test]
fn lost_permission_takes_effect_within_a_moment() {
    let Some(wharf) = stopped_by_permissions(&["--udp", "0"]) else { return };
    let file = wharf.write("dir/file", "content");
    let dir = wharf.folder().join("dir");
    let get = |target: &str| {
        let answer = wharf.ask("GET", target, "", b"");
        (answer.code(), answer.text())
    };
    // Old enough for the server to cache it.
    wharf.files_age();
    for (what, path, mode) in [("the file's", &file, 0o000), ("its directory's", &dir, 0o000)] {
        assert_eq!(get("/dir/file"), (200, "content".into()), "{what}");
        assert_eq!(get("/dir/file"), (200, "content".into()), "{what}, cached");
        let before = fs::metadata(path).expect("there").permissions();
        set_mode(path, mode);
        // The server reuses what it has just read from the disk for a moment.
        eventually(what, || get("/dir/file") == (403, FORBIDDEN.into()));
        assert_eq!(Tftp::new(wharf.tftp()).get("dir/file").expect_err("refused").0, 2, "{what}");
        fs::set_permissions(path, before).expect("changed");
    }
    set_mode(&dir, 0o000);
    assert_eq!(get("/dir/"), (403, FORBIDDEN.into()));
    assert_eq!(wharf.ask("PUT", "/dir/new", "", b"x").code(), 403);
    set_mode(&dir, 0o755);
    assert_eq!(get("/dir/file"), (200, "content".into()), "and found again");
}

#[test]
fn permission_lost_during_an_upload_keeps_the_old_file() {
    let Some(wharf) = stopped_by_permissions(&[]) else { return };
    let dir = wharf.write("dir/file", "old").parent().expect("a folder").to_owned();
    let mut wire = wharf.connect();
    wire.begin_to_ask("PUT", "/dir/file", Some(6)).send("new");
    wharf.comes_to_rest();
    set_mode(&dir, 0o555);
    assert_eq!(wire.send("new").read_answer(false).code(), 403);
    set_mode(&dir, 0o755);
    assert_eq!(wharf.read("dir/file"), b"old");
    assert_eq!(wharf.tree(), ["dir/", "dir/file"]);
}

#[test]
fn a_disk_that_becomes_read_only_says_so() {
    let Some(disk) = SmallDisk::mount("1m") else { return };
    let wharf = Wharf::serve_in(disk.place(), &["--udp", "0"]);
    wharf.write("a", "old");
    disk.remount("ro");
    let answer = wharf.ask("PUT", "/a", "", b"new");
    assert_eq!(
        (answer.code(), answer.text().as_str()),
        (403, "the file system there is mounted read-only\n")
    );
    assert_eq!(Tftp::new(wharf.tftp()).put("a", &[], b"new").expect_err("refused").0, 2);
    assert_eq!(wharf.ask("GET", "/a", "", b"").text(), "old");
    disk.remount("rw");
    assert_eq!(wharf.ask("PUT", "/a", "", b"new").code(), 204);
}

#[test]
fn a_remounted_folder_has_the_same_tags() {
    let Some(disk) = SmallDisk::of_whole_seconds() else { return };
    let wharf = Wharf::serve_in(disk.place(), &[]);
    let file = wharf.write("a", "old");
    let tag = |wharf: &Wharf| wharf.ask("HEAD", "/a", "", b"").field("ETag");
    eventually("its time is old enough", || tag(&wharf).starts_with('"'));
    let (before, device) = (tag(&wharf), fs::metadata(file).expect("there").dev());
    let fields = format!("Upload-Complete: ?0\r\nIf-Match: {before}\r\n");
    let upload = wharf.ask("PUT", "/a", &fields, b"ne").field("Location");
    let place = wharf.kill();
    disk.change_device();
    let wharf = Wharf::serve_in(place, &[]);
    assert_ne!(fs::metadata(wharf.folder().join("a")).expect("there").dev(), device, "another device");
    assert_eq!(tag(&wharf), before);
    let fields = "Content-Type: application/partial-upload\r\nContent-Length: 1\r\nUpload-Offset: 2\r\nUpload-Complete: ?1\r\n";
    assert_eq!(wharf.ask("PATCH", &upload, fields, b"w").code(), 204, "the precondition still holds");
    assert_eq!(wharf.read("a"), b"new");
}

#[test]
fn a_mount_below_the_folder_has_tags_of_its_own() {
    let (Some(above), Some(below)) = (SmallDisk::mount("1m"), SmallDisk::mount("1m")) else { return };
    let wharf = Wharf::serve_in(above.place(), &[]);
    let file = wharf.write("a", "same");
    let there = wharf.write("below/a", "same");
    below.mount_at(there.parent().expect("a folder"));
    fs::write(&there, "same").expect("written");
    let tag = |target: &str| wharf.ask("HEAD", target, "", b"").field("ETag");
    let fields = |tag: &str| tag.trim_matches('"').split('-').count();
    assert_eq!((fields(&tag("/a")), fields(&tag("/below/a"))), (4, 5), "with the device, and without");
    for (target, path) in [("/a", &file), ("/below/a", &there)] {
        let old = tag(target);
        assert_eq!(wharf.ask("GET", target, &format!("If-None-Match: {old}\r\n"), b"").code(), 304);
        assert_eq!(wharf.ask("PUT", target, &format!("If-Match: {old}\r\n"), b"new").code(), 204, "{target}");
        assert_eq!(wharf.ask("PUT", target, &format!("If-Match: {old}\r\n"), b"x").code(), 412, "{target}");
        assert_eq!(fs::read(path).expect("there"), b"new");
    }
}

/// The error for an upload to a folder that is no longer at its path.
const REPLACED: &str = "the shared folder has been moved or replaced (try again in a moment)\n";

fn get(wharf: &Wharf, target: &str) -> (u16, String) {
    let answer = wharf.ask("GET", target, "", b"");
    (answer.code(), answer.text())
}

#[track_caller]
fn takes_nothing(wharf: &Wharf) {
    let answer = wharf.ask("PUT", "/new", "", b"new");
    assert_eq!((answer.code(), answer.text().as_str()), (503, REPLACED));
    assert_eq!(answer.field("Retry-After"), "2");
    assert_eq!(Tftp::new(wharf.tftp()).put("new", &[], b"new").expect_err("refused").0, 0);
}

#[test]
fn a_moved_folder_can_be_read_and_its_successor_is_followed() {
    let wharf = Wharf::serve(&["--udp", "0"]);
    wharf.write("a", "old");
    let (folder, away) = (wharf.folder(), wharf.folder().with_extension("away"));
    fs::rename(&folder, &away).expect("moved");
    assert_eq!(get(&wharf, "/a"), (200, "old".into()), "nothing else can be read");
    takes_nothing(&wharf);
    eventually("it is logged", || wharf.log().contains("there is no such folder"));
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("b"), "another's").expect("written");
    eventually("it is followed", || get(&wharf, "/b") == (200, "another's".into()));
    assert_eq!(get(&wharf, "/a").0, 404);
    assert_eq!(wharf.ask("PUT", "/c", "", b"new").code(), 201);
    assert_eq!(Tftp::new(wharf.tftp()).get("c"), Ok(b"new".to_vec()));
    assert_eq!(fs::read_dir(&away).expect("there").count(), 1, "nothing was saved to the old one");
    fs::remove_dir_all(&folder).expect("removed");
    fs::rename(&away, &folder).expect("moved back");
    eventually("it is followed back", || get(&wharf, "/a") == (200, "old".into()));
    assert_eq!(wharf.ask("PUT", "/c", "", b"new").code(), 201);
    assert_eq!(wharf.read("c"), b"new");
    assert_eq!(wharf.settled_log().matches("there is no such folder").count(), 1, "not at every check");
}

#[test]
fn a_removed_folder_takes_no_uploads() {
    let mut wharf = Wharf::serve(&["--udp", "0"]);
    wharf.write("dir/a", "old");
    let mut half = wharf.connect();
    half.begin_to_ask("PUT", "/dir/half", Some(8)).send("half");
    wharf.comes_to_rest();
    fs::remove_dir_all(wharf.folder()).expect("removed");
    for target in ["/dir/a", "/dir/"] {
        assert_eq!(get(&wharf, target).0, 404, "{target}");
    }
    assert_eq!(wharf.ask("GET", "/", "Accept: text/plain\r\n", b"").text(), "");
    takes_nothing(&wharf);
    assert_eq!(half.send("half").read_answer(false).code(), 503, "its directory is gone");
    assert_eq!(Tftp::new(wharf.tftp()).get("dir/a").expect_err("gone").0, 1);
    fs::create_dir_all(wharf.folder()).expect("made");
    wharf.write("a", "another's");
    eventually("it is followed", || get(&wharf, "/a") == (200, "another's".into()));
    wharf.signal(Signal::TERM);
    assert!(wharf.wait().1.success());
    assert_eq!(wharf.tree(), ["a"]);
}

#[test]
fn a_deployment_that_switches_a_symlink_is_followed() {
    let wharf = Wharf::serve_behind_link(&["--udp", "0", "--no-sync"]);
    let place = wharf.folder().parent().expect("a folder").to_owned();
    let (old, next) = (place.join("release"), place.join("next"));
    fs::create_dir(&next).expect("made");
    let large = "x".repeat(100_000);
    for (release, content) in [(&old, "old"), (&next, "new")] {
        fs::write(release.join("a"), content).expect("written");
        fs::write(release.join("large"), large.replace('x', &content[..1])).expect("written");
    }
    // Old enough for the server to cache it and its hash.
    wharf.files_age();
    for _ in 0..2 {
        assert_eq!(get(&wharf, "/a"), (200, "old".into()));
    }
    let sums = [get(&wharf, "/a?sha256"), get(&wharf, "/large?sha256")];
    let mut half = wharf.connect();
    half.begin_to_ask("PUT", "/half", Some(8)).send("half");
    let begun = wharf.ask("POST", "/piece", "Upload-Complete: ?0\r\n", b"piece").field("Location");
    wharf.comes_to_rest();

    symlink("next", place.join("turned")).expect("a link");
    fs::rename(place.join("turned"), wharf.folder()).expect("turned");
    let at_once = wharf.ask("PUT", "/b", "", b"new").code();
    assert!([201, 503].contains(&at_once), "{at_once}");
    eventually("it is followed", || get(&wharf, "/a") == (200, "new".into()));
    for (target, sum) in ["/a?sha256", "/large?sha256"].into_iter().zip(sums) {
        let now = get(&wharf, target);
        assert!(now.0 == 200 && now != sum, "{target}: {now:?}");
    }
    assert_eq!(get(&wharf, "/large").1.chars().next(), Some('n'));
    assert_eq!(Tftp::new(wharf.tftp()).get("a"), Ok(b"new".to_vec()));
    assert_eq!(half.send("half").read_answer(false).code(), 503, "the upload is in the old one");
    assert_eq!(wharf.ask("HEAD", &begun, "", b"").code(), 404);
    let names = |directory: &Path| {
        let entries = fs::read_dir(directory).expect("there").flatten();
        let mut names: Vec<_> = entries.map(|it| it.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names.retain(|name| name != ".wharf");
        names
    };
    assert_eq!(names(&old), ["a", "large"], "nothing was saved to the old one");
    fs::remove_dir_all(&old).expect("removed");
    assert_eq!(wharf.ask("PUT", "/c", "", b"new").code(), 201);
    assert_eq!(names(&next).contains(&"b".to_owned()), at_once == 201, "it is at the reported path");
    assert!(names(&next).contains(&"c".to_owned()));
    assert!(wharf.settled_log().contains("is another directory now"), "and it is logged");
}

#[test]
fn an_unreadable_successor_is_not_followed() {
    let Some(wharf) = stopped_by_permissions(&["--udp", "0"]) else { return };
    wharf.write("a", "old");
    let (folder, away) = (wharf.folder(), wharf.folder().with_extension("away"));
    let next = wharf.outside_folder();
    fs::write(next.join("a"), "new").expect("written");
    set_mode(&next, 0o000);
    fs::rename(&folder, &away).expect("moved");
    fs::rename(&next, &folder).expect("moved");
    eventually("it is logged", || wharf.log().contains("no permission"));
    assert_eq!(get(&wharf, "/a"), (200, "old".into()));
    takes_nothing(&wharf);
    set_mode(&folder, 0o755);
    eventually("it is followed", || get(&wharf, "/a") == (200, "new".into()));
}

/// A file that no client could read before must not be shared after a deployment.
#[test]
fn a_directory_with_the_recording_in_it_is_not_followed() {
    let place = tempfile::tempdir().expect("a place");
    for release in ["1", "2"] {
        fs::create_dir(place.path().join(release)).expect("made");
        fs::write(place.path().join(release).join("a"), release).expect("written");
    }
    symlink("1", place.path().join("share")).expect("a link");
    let record = place.path().join("2/record");
    let wharf = Wharf::serve_in(place, &["--record", record.to_str().expect("text")]);
    let turned = wharf.folder().with_file_name("turned");
    symlink("2", &turned).and_then(|()| fs::rename(&turned, wharf.folder())).expect("turned");
    eventually("it is noticed", || wharf.log().contains("it is in the shared folder"));
    assert_eq!(get(&wharf, "/a"), (200, "1".into()), "the old one is still served");
    assert_eq!(get(&wharf, "/record").0, 404);
    assert_eq!(wharf.ask("PUT", "/b", "", b"new").code(), 503);
}
