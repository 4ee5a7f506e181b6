//! A file system with timestamps in whole seconds: a file that is rewritten within one second counts as a new
//! version.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::common::{SmallDisk, Wharf, eventually, run};

const OLD: &[u8] = b"old content";
const NEW: &[u8] = b"new content";

/// The response to `?sha256` for this content.
fn sum(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).chain(["\n".to_owned()]).collect()
}

/// Overwrites a file, as another program does, and returns its new timestamps.
fn rewrite(file: &Path, content: &[u8]) -> (i64, i64) {
    File::options().write(true).open(file).and_then(|file| file.write_all_at(content, 0)).expect("written");
    let metadata = fs::metadata(file).expect("there");
    assert_eq!((metadata.mtime_nsec(), metadata.ctime_nsec()), (0, 0), "it keeps whole seconds");
    (metadata.mtime(), metadata.ctime())
}

fn tag(wharf: &Wharf) -> String {
    wharf.ask("HEAD", "/a", "", b"").field("ETag")
}

#[test]
fn a_file_rewritten_within_a_second_is_a_new_version() {
    let Some(disk) = SmallDisk::of_whole_seconds() else { return };
    let wharf = Wharf::serve_in(disk.place(), &[]);
    let file = wharf.write("a", OLD);
    let (mut young, mut told) = (String::new(), None);
    eventually("it is written twice in one second", || {
        let before = rewrite(&file, OLD);
        young = tag(&wharf);
        told = Some(wharf.ask("GET", "/a?sha256", "", b""));
        assert_eq!(wharf.ask("GET", "/a", "", b"").body, OLD);
        rewrite(&file, NEW) == before
    });
    assert!(young.starts_with("W/\""), "{young}");
    let told = told.expect("asked");
    assert_eq!((told.text(), told.field("ETag")), (sum(OLD), young.clone()), "the tag is weak");
    assert_eq!(wharf.ask("GET", "/a", "", b"").body, NEW, "the content was not cached");
    assert_eq!(wharf.ask("GET", "/a?sha256", "", b"").text(), sum(NEW), "the hash was not cached");
    let rows = [
        ("GET", format!("Range: bytes=0-2\r\nIf-Range: {young}\r\n"), 200),
        ("GET", "Range: bytes=0-2\r\n".to_owned(), 206),
        ("GET", format!("If-Match: {young}\r\n"), 412),
        ("PUT", format!("If-Match: {young}\r\n"), 412),
        ("PUT", format!("If-Match: {}\r\n", young.trim_start_matches("W/")), 412),
    ];
    for (method, fields, code) in rows {
        assert_eq!(wharf.ask(method, "/a", &fields, b"").code(), code, "{method} {fields}");
    }

    eventually("its time is old enough", || tag(&wharf).starts_with('"'));
    let settled = tag(&wharf);
    let answer = wharf.ask("GET", "/a", &format!("If-None-Match: {young}\r\n"), b"");
    assert_eq!((answer.code(), answer.body.as_slice()), (200, NEW), "the old copy is not cached forever");
    let told = wharf.ask("GET", "/a?sha256", "", b"");
    assert_eq!((told.text(), told.field("ETag")), (sum(NEW), settled.clone()));
    let ranged = format!("Range: bytes=0-2\r\nIf-Range: {settled}\r\n");
    assert_eq!(wharf.ask("GET", "/a", &ranged, b"").code(), 206);
    assert_eq!(wharf.ask("GET", "/a", &format!("If-None-Match: {settled}\r\n"), b"").code(), 304);
    assert_eq!(wharf.ask("PUT", "/a", &format!("If-Match: {settled}\r\n"), b"x").code(), 204);
}

#[test]
fn a_timestamp_in_the_future_proves_nothing() {
    let Some(disk) = SmallDisk::of_whole_seconds() else { return };
    let wharf = Wharf::serve_in(disk.place(), &[]);
    let file = wharf.write("a", OLD);
    let later = SystemTime::now() + Duration::from_secs(1_000_000);
    File::options()
        .write(true)
        .open(&file)
        .and_then(|file| file.set_times(FileTimes::new().set_modified(later)))
        .expect("set");
    let changed = fs::metadata(&file).expect("there").ctime();
    let age = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("later").as_secs();
    eventually("its other time is old", || age() > changed.unsigned_abs() + 3);
    assert!(tag(&wharf).starts_with("W/\""));
    let unmodified = "If-Unmodified-Since: Tue, 01 Jan 2999 00:00:00 GMT\r\n";
    for (fields, code) in [(unmodified, 412), ("If-None-Match: \"x\"\r\n", 412), ("If-Match: *\r\n", 204)] {
        assert_eq!(wharf.ask("PUT", "/a", fields, NEW).code(), code, "{fields}");
    }
    assert_eq!(wharf.read("a"), NEW);
}

#[test]
fn wharf_get_accepts_a_weak_tag() {
    let Some(disk) = SmallDisk::of_whole_seconds() else { return };
    let wharf = Wharf::serve_in(disk.place(), &[]);
    let here = tempfile::tempdir().expect("a folder");
    for content in [OLD, NEW] {
        wharf.write("a", content);
        let got = run(&["get", "--force", "--dir", ".", &wharf.url("/a")], "", here.path());
        assert_eq!(got.code, Some(0), "{}{}", got.stdout, got.stderr);
        assert_eq!(fs::read(here.path().join("a")).expect("there"), content);
    }
}
