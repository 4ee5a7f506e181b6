//! How long an incomplete upload is kept, and what becomes of it on the disk.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{append, begin, files, patch_fields, stand, unfinished};
use crate::common::{Wharf, outside, sample, skip};

#[test]
fn an_upload_resumes_after_the_server_was_killed() {
    let wharf = Wharf::serve(&[]);
    let content = sample(500_000, 4);
    let upload = begin(&wharf, "/a", "If-None-Match: *\r\n");
    append(&wharf, &upload, 0, false, &content[..200_000]);
    let mut wire = wharf.connect();
    let fields = patch_fields(200_000, true) + "Content-Length: 300000\r\n";
    wire.send(format!("PATCH {upload} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", wharf.address()));
    wire.send(&content[200_000..300_000]);
    let wharf = Wharf::serve_in(wharf.kill(), &[]);
    let (complete, offset) = stand(&wharf, &upload);
    let offset: usize = offset.parse().expect("a number");
    assert!(complete == "?0" && (200_000..=300_000).contains(&offset), "{offset}");
    assert_eq!(append(&wharf, &upload, offset as u64, true, &content[offset..]).code(), 200);
    let wharf = Wharf::serve_in(wharf.kill(), &[]);
    assert_eq!(stand(&wharf, &upload), ("?1".into(), "500000".into()), "a record, too");
    assert!(wharf.read("a") == content);
}

#[test]
fn the_next_server_removes_uploads_after_a_day() {
    let wharf = Wharf::serve(&[]);
    let (old, young) = (begin(&wharf, "/old", ""), begin(&wharf, "/young", ""));
    let token = old.rsplit('/').next().expect("a token").to_owned();
    let place = wharf.kill();
    let long_ago = SystemTime::now() - Duration::from_secs(25 * 3600);
    for end in ["part", "json"] {
        let path = place.path().join(format!("share/.wharf/uploads/{token}.{end}"));
        File::options().write(true).open(path).and_then(|it| it.set_modified(long_ago)).expect("set");
    }
    let wharf = Wharf::serve_in(place, &[]);
    assert_eq!(wharf.ask("HEAD", &old, "", b"").code(), 404);
    assert_eq!(stand(&wharf, &young), ("?0".into(), "0".into()));
}

#[test]
fn an_empty_upload_is_removed_after_minutes() {
    let wharf = Wharf::serve(&[]);
    let (empty, begun) = (begin(&wharf, "/empty", ""), begin(&wharf, "/begun", ""));
    let age = |upload: &str| {
        let limit = wharf.ask("HEAD", upload, "", b"").field("Upload-Limit");
        limit.split_once("max-age=").expect("a limit").1.parse::<u64>().expect("seconds")
    };
    assert!(age(&empty) <= 300, "as announced");
    assert_eq!(append(&wharf, &begun, 0, false, b"x").code(), 204);
    assert!(age(&begun) > 300, "as announced");
    let place = wharf.kill();
    let minutes_ago = SystemTime::now() - Duration::from_secs(6 * 60);
    for entry in fs::read_dir(place.path().join("share/.wharf/uploads")).expect("there").flatten() {
        File::options()
            .write(true)
            .open(entry.path())
            .and_then(|it| it.set_modified(minutes_ago))
            .expect("set");
    }
    let wharf = Wharf::serve_in(place, &[]);
    assert_eq!(wharf.ask("HEAD", &empty, "", b"").code(), 404);
    assert_eq!(stand(&wharf, &begun), ("?0".into(), "1".into()));
}

#[test]
fn incomplete_uploads_are_not_visible() {
    for flags in [&["--udp", "0"][..], &["--udp", "0", "--hidden"]] {
        let wharf = Wharf::serve(flags);
        let upload = begin(&wharf, "/a", "");
        append(&wharf, &upload, 0, false, b"secret");
        let token = upload.rsplit('/').next().expect("a token");
        let part = format!(".wharf/uploads/{token}.part");
        assert_eq!(wharf.read(&part), b"secret", "it is there");
        assert!(!wharf.settled_log().contains(token), "the log does not contain the token");
        for target in [
            format!("/{part}"),
            "/.wharf/".into(),
            "/.wharf/uploads/".into(),
            format!("/%2ewharf/uploads/{token}.json"),
        ] {
            for method in ["GET", "HEAD", "PUT"] {
                assert!(matches!(wharf.ask(method, &target, "", b"").code(), 404 | 405), "{method} {target}");
            }
        }
        let listing = wharf.ask("GET", "/?list", "Accept: text/plain\r\n", b"");
        assert_eq!(listing.text(), "");
        for name in [part.as_str(), ".wharf/", ".wharf/uploads/"] {
            assert!(crate::common::Tftp::new(wharf.tftp()).get(name).is_err(), "{name}");
        }
        assert!(crate::common::Tftp::new(wharf.tftp()).put(&part, &[], b"x").is_err());
    }
}

#[test]
fn a_file_that_does_not_fit_can_be_resumed_later() {
    // Half a MiB or one, depending on the shell's unit.
    let wharf = Wharf::serve_after("ulimit -f 1024", &[]);
    let content = sample(3 << 20, 6);
    let upload = begin(&wharf, "/a", "");
    assert_eq!(append(&wharf, &upload, 0, true, &content).code(), 507);
    let (_, offset) = stand(&wharf, &upload);
    let offset: usize = offset.parse().expect("a number");
    assert!(offset > 0 && offset <= 1 << 20, "{offset}");
    let wharf = Wharf::serve_in(wharf.kill(), &[]);
    assert_eq!(append(&wharf, &upload, offset as u64, true, &content[offset..]).code(), 200);
    assert!(wharf.read("a") == content);
}

/// A file system mounted within the folder, if this user may mount one.
struct Mounted(PathBuf);

impl Mounted {
    fn at(place: PathBuf) -> Option<Self> {
        fs::create_dir(&place).expect("a folder");
        let mut mount = outside("mount")?;
        let output =
            mount.args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(&place).output().expect("it runs");
        if !output.status.success() {
            skip("another disk: this user may not mount one");
        }
        output.status.success().then_some(Self(place))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn an_upload_to_another_file_system_is_copied() {
    let wharf = Wharf::serve(&[]);
    let Some(disk) = Mounted::at(wharf.folder().join("disk")) else { return };
    let content = sample(1_000_000, 9);
    for code in [201, 204] {
        let answer = wharf.ask("PUT", "/disk/in/a", "Upload-Complete: ?0\r\n", &content[..600_000]);
        let end = append(&wharf, &answer.field("Location"), 600_000, true, &content[600_000..]);
        assert_eq!(end.code(), code, "{}", end.text());
        assert!(wharf.read("disk/in/a") == content);
    }
    assert_eq!((unfinished(&wharf), files(&wharf).len()), (0, 3), "nothing is left over");
    drop(disk);
}

#[test]
fn a_resumable_upload_keeps_the_time_that_its_first_request_sends() {
    let wharf = Wharf::serve(&[]);
    let upload = begin(&wharf, "/a.txt", "X-OC-MTime: 981173106\r\n");
    assert_eq!(append(&wharf, &upload, 0, false, b"one").code(), 204);
    // The plan survives the server.
    let wharf = Wharf::serve_in(wharf.kill(), &[]);
    let answer = append(&wharf, &upload, 3, true, b"two");
    assert_eq!((answer.code(), answer.field("X-OC-MTime").as_str()), (200, "accepted"));
    let modified =
        fs::metadata(wharf.folder().join("a.txt")).and_then(|facts| facts.modified()).expect("a time");
    assert_eq!(modified, SystemTime::UNIX_EPOCH + Duration::from_secs(981_173_106));
}
