//! Thumbnails are kept, for the next request and the next start.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::*;
use crate::common::eventually;

/// Where a server keeps thumbnails.
pub fn directory(wharf: &Wharf) -> PathBuf {
    wharf.folder().with_file_name("cache").join("wharf/thumbs")
}

/// The kept thumbnails.
fn kept(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()).collect()
}

/// A file whose last change is long ago, so that its version is settled.
fn write_old(wharf: &Wharf, name: &str, content: Vec<u8>) {
    wharf.write(name, content);
    wharf.files_age();
}

/// The only kept thumbnail, replaced by a picture that shows whether it is used.
fn mark(directory: &Path) {
    let [file] = &kept(directory)[..] else { panic!("one thumbnail: {:?}", kept(directory)) };
    fs::write(file, encoded(&plain(7, 7, BLUE), ImageFormat::Jpeg)).expect("written");
}

#[test]
fn a_thumbnail_is_kept_over_a_restart() {
    let wharf = Wharf::serve(&[]);
    write_old(&wharf, "a.png", small_png(RED));
    let first = wharf.ask("GET", "/a.png?thumb", "", b"");
    assert_eq!(seen(&first), ((320, 80), true));
    let directory = directory(&wharf);
    let mode = |path: &Path| fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(kept(&directory).iter().map(|path| mode(path)).collect::<Vec<_>>(), [0o600]);
    mark(&directory);
    assert_eq!(seen(&wharf.ask("GET", "/a.png?thumb", "", b"")), ((7, 7), false), "it is not made again");

    let wharf = Wharf::serve_in(wharf.kill(), &[]);
    let again = wharf.ask("GET", "/a.png?thumb", "", b"");
    assert_eq!(seen(&again), ((7, 7), false));
    assert_eq!(again.field("ETag"), first.field("ETag"));
}

#[test]
fn a_damaged_file_is_made_again() {
    let wharf = Wharf::serve(&[]);
    write_old(&wharf, "a.png", small_png(RED));
    let whole = wharf.ask("GET", "/a.png?thumb", "", b"").body;
    let directory = directory(&wharf);
    for content in [&b""[..], b"broke", &whole[..whole.len() / 2], &[0; 5000]] {
        fs::write(&kept(&directory)[0], content).expect("written");
        assert_eq!(wharf.ask("GET", "/a.png?thumb", "", b"").body, whole);
        assert_eq!(fs::read(&kept(&directory)[0]).expect("read"), whole, "whole again");
    }
    // Nor is a link followed out of the directory.
    let file = kept(&directory).remove(0);
    fs::remove_file(&file).expect("removed");
    let outside = wharf.outside_folder().join("other.jpg");
    fs::write(&outside, encoded(&plain(7, 7, BLUE), ImageFormat::Jpeg)).expect("written");
    symlink(&outside, &file).expect("linked");
    assert_eq!(wharf.ask("GET", "/a.png?thumb", "", b"").body, whole);
}

#[test]
fn a_reason_is_kept_too() {
    let wharf = Wharf::serve(&[]);
    write_old(&wharf, "a.jpg", b"text".to_vec());
    assert_eq!(wharf.ask("GET", "/a.jpg?thumb", "", b"").code(), 415);
    assert_eq!(fs::read(&kept(&directory(&wharf))[0]).expect("read"), b"no picture\n");
    mark(&directory(&wharf));
    assert_eq!(wharf.ask("GET", "/a.jpg?thumb", "", b"").code(), 200, "what is kept is used");
}

#[test]
fn the_oldest_thumbnails_are_removed() {
    let wharf = Wharf::serve(&[]);
    let directory = directory(&wharf);
    fs::create_dir_all(&directory).expect("made");
    let now = SystemTime::now();
    for number in 0..300 {
        let file = File::create(directory.join(format!("{number:032x}"))).expect("made");
        file.set_len(1 << 20).expect("a megabyte");
        file.set_modified(now - Duration::from_secs(60 * (1000 - number))).expect("set");
    }
    let abandoned = File::create(directory.join("draft-1")).expect("made");
    abandoned.set_modified(now - Duration::from_secs(7200)).expect("set");
    fs::write(directory.join("draft-2"), "").expect("written");
    fs::write(directory.join("of another program"), "").expect("written");
    write_old(&wharf, "a.png", small_png(RED));
    wharf.ask("GET", "/a.png?thumb", "", b"");
    let sum = || -> u64 {
        kept(&directory).iter().filter_map(|path| fs::metadata(path).ok()).map(|facts| facts.len()).sum()
    };
    eventually("old ones are removed", || sum() <= 208 << 20);
    let has = |name: &str| directory.join(name).exists();
    assert!(!has(&format!("{:032x}", 0)) && has(&format!("{:032x}", 299)), "the oldest go first");
    assert!(!has("draft-1") && has("draft-2") && has("of another program"));
    assert!(sum() > 190 << 20, "and only those");
    assert_eq!(
        kept(&directory)
            .iter()
            .filter(|path| path.metadata().is_ok_and(|facts| facts.len() < 1 << 20))
            .count(),
        3
    );
}

#[test]
fn without_a_directory_it_works() {
    let place = tempfile::tempdir().expect("a place");
    fs::write(place.path().join("cache"), "no directory").expect("written");
    let wharf = Wharf::serve_in(place, &[]);
    write_old(&wharf, "a.png", small_png(RED));
    for _ in 0..3 {
        assert_eq!(seen(&wharf.ask("GET", "/a.png?thumb", "", b"")), ((320, 80), true));
    }
    let log = wharf.settled_log();
    assert_eq!(log.matches("thumbnails are not kept").count(), 1, "{log}");
}

#[test]
fn nothing_is_kept_in_the_folder() {
    let place = tempfile::tempdir().expect("a place");
    fs::create_dir_all(place.path().join("share/inside")).expect("made");
    symlink("share/inside", place.path().join("cache")).expect("linked");
    let wharf = Wharf::serve_in(place, &["--hidden"]);
    write_old(&wharf, "a.png", small_png(RED));
    assert_eq!(seen(&wharf.ask("GET", "/a.png?thumb", "", b"")), ((320, 80), true));
    assert!(kept(&wharf.folder().join("inside")).is_empty());
    let log = wharf.settled_log();
    assert!(log.contains("thumbnails are not kept") && log.contains("it is in the shared folder"), "{log}");
}

#[test]
fn others_cannot_read_the_directory() {
    let place = tempfile::tempdir().expect("a place");
    let directory = place.path().join("cache/wharf/thumbs");
    fs::create_dir_all(&directory).expect("made");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("set");
    let wharf = Wharf::serve_in(place, &[]);
    write_old(&wharf, "a.png", small_png(RED));
    wharf.ask("GET", "/a.png?thumb", "", b"");
    assert_eq!(kept(&directory).len(), 1);
    assert_eq!(fs::metadata(&directory).expect("it exists").permissions().mode() & 0o777, 0o700);
}

#[test]
fn two_servers_share_the_directory() {
    let one = Wharf::serve(&[]);
    let place = tempfile::tempdir().expect("a place");
    symlink(one.folder().with_file_name("cache"), place.path().join("cache")).expect("linked");
    let two = Wharf::serve_in(place, &[]);
    // The same file in both folders.
    fs::hard_link(one.write("a.png", small_png(RED)), two.folder().join("b.png")).expect("linked");
    one.files_age();
    assert_eq!(seen(&one.ask("GET", "/a.png?thumb", "", b"")), ((320, 80), true));
    mark(&directory(&one));
    assert_eq!(seen(&two.ask("GET", "/b.png?thumb", "", b"")), ((7, 7), false));
    // Another file of the same name, size and time is another picture.
    fs::remove_file(two.folder().join("b.png")).expect("removed");
    write_old(&two, "b.png", small_png(RED));
    assert_eq!(seen(&two.ask("GET", "/b.png?thumb", "", b"")), ((320, 80), true));
}
