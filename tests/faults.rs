//! If the disk is full or fails, the client gets an error that says so, and the existing file stays.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::thread;

use rustix::process::Signal;

use crate::common::daily::put_chunked;
use crate::common::tftp::request;
use crate::common::{SmallDisk, Tftp, Wharf, eventually, outside, sample};

#[test]
fn an_upload_into_reserved_space_is_rejected_at_once() {
    // More than any disk has.
    let wharf = Wharf::serve(&["--reserve", "8000000T", "--udp", "0"]);
    let answer = wharf.ask("PUT", "/sized", "", b"x");
    assert_eq!((answer.code(), answer.text().as_str()), (507, "there is no space left for the file\n"));
    assert_eq!(put_chunked(&mut wharf.connect(), "/chunked", b"x"), 507);
    let mut wire = wharf.connect();
    let host = wharf.address();
    wire.send(format!(
        "PUT /a HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    ));
    assert_eq!(wire.try_read_answer(false).expect("an answer").code(), 507, "before the body is sent");
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    assert_eq!(wharf.ask("POST", "/", form, b"--b--\r\n").code(), 507);
    assert_eq!(Tftp::new(wharf.tftp()).put("tftp", &[], b"x").expect_err("refused").0, 3);
    assert!(wharf.tree().is_empty(), "{:?}", wharf.tree());
}

#[test]
fn reserved_space_stays_free_however_many_clients_upload() {
    const KEPT: u64 = 512 * 1024;
    /// What the file system needs besides the content: the end of a page for each file, and its name.
    const PAGES: u64 = 20 * 4096;
    let Some(disk) = SmallDisk::mount("1m") else { return };
    let wharf = Wharf::serve_in(disk.place(), &["--reserve", "512K", "--udp", "0"]);
    let content = sample(600_000, 61);
    assert_eq!(wharf.ask("PUT", "/sized", "", &content).code(), 507, "its length was announced");
    assert_eq!(put_chunked(&mut wharf.connect(), "/chunked", &content), 507, "while it is received");
    assert_eq!(Tftp::new(wharf.tftp()).put("tftp", &[], &content).expect_err("refused").0, 3);
    assert!(wharf.tree().is_empty(), "{:?}", wharf.tree());
    let codes: Vec<u16> = thread::scope(|scope| {
        let upload = |number: usize| {
            let (wharf, content) = (&wharf, &content[..200_000]);
            scope.spawn(move || put_chunked(&mut wharf.connect(), &format!("/{number}"), content))
        };
        let uploads: Vec<_> = (0..10).map(upload).collect();
        uploads.into_iter().map(|upload| upload.join().expect("an answer")).collect()
    });
    assert!(codes.iter().all(|code| matches!(code, 201 | 507)), "{codes:?}");
    assert!(disk.free() + PAGES >= KEPT, "{} bytes are left: {codes:?}", disk.free());
    for (number, _) in codes.iter().enumerate().filter(|(_, code)| **code == 201) {
        assert!(wharf.read(&number.to_string()) == content[..200_000], "{number}");
    }
    assert_eq!(wharf.tree().len(), codes.iter().filter(|code| **code == 201).count(), "{codes:?}");
    assert_eq!(wharf.ask("PUT", "/small", "", b"small").code(), 201, "what fits is saved");
}

/// A truncated file must not look complete to a client of any protocol.
#[test]
fn a_truncated_file_never_looks_complete() {
    let wharf = Wharf::serve(&["--udp", "0"]);
    for length in [100_000, 3 << 20] {
        let path = wharf.write("file", sample(length, 62));
        let mut tftp = Tftp::new(wharf.tftp());
        tftp.send_request(&request(1, b"file", &[("blksize", "1024")]));
        assert!(tftp.hear().starts_with(&[0, 6]), "the download has started");
        File::options().write(true).open(path).and_then(|file| file.set_len(700)).expect("cut");
        tftp.send(&[0, 4, 0, 0]);
        let last = loop {
            let datagram = tftp.hear();
            match datagram[..4] {
                [0, 3, high, low] if datagram.len() == 4 + 1024 => tftp.send(&[0, 4, high, low]),
                _ => break datagram,
            };
        };
        assert!(last.starts_with(&[0, 5]), "{length}: {:?}", last.escape_ascii().to_string());
    }
}

/// The error when a user's quota is exhausted, and when a disk fails at the worst moment. strace injects
/// these errors.
#[test]
fn an_exceeded_quota_and_a_failed_disk_leave_the_old_file() {
    let rows = [
        // The first calls of each thread succeed: they belong to the start-up.
        ("over quota", "inject=write:error=EDQUOT:when=20+", 507, "there is no space left for the file\n"),
        ("the disk fails", "inject=fsync:error=EIO", 500, "internal error; see the server's log\n"),
        ("no inode is left", "inject=linkat:error=ENOSPC", 507, "there is no space left for the file\n"),
        ("nothing can be renamed", "inject=renameat,renameat2:error=EIO", 500, ""),
    ];
    for (name, fault, code, said) in rows {
        let Some(mut strace) = outside("strace") else { return };
        strace.args(["-D", "-f", "-o", "/dev/null", "-e", "trace=write,fsync,linkat,renameat,renameat2"]);
        strace.args(["-e", fault]);
        let place = tempfile::tempdir().expect("a folder");
        let wharf = Wharf::serve_by(strace, place, &["--workers", "1"]);
        wharf.write("file", "old");
        let answer = wharf.ask("PUT", "/file", "", &sample(4 << 20, 63));
        assert_eq!(answer.code(), code, "{name}: {}", answer.text());
        assert!(answer.text().ends_with(said), "{name}: {}", answer.text());
        assert_eq!(wharf.ask("GET", "/file", "", b"").text(), "old", "{name}");
        assert_eq!(wharf.tree(), ["file"], "{name}");
    }
}

/// The order in which data must reach the disk, so that a power failure at any moment loses nothing.
#[test]
fn an_upload_is_on_the_disk_before_it_is_acknowledged() {
    let Some(mut strace) = outside("strace") else { return };
    let place = tempfile::tempdir().expect("a folder");
    let seen = place.path().join("seen");
    strace.args(["-D", "-f", "-y", "-s", "12", "-o"]).arg(&seen);
    strace.args(["-e", "trace=fsync,fchmod,mkdirat,linkat,renameat,renameat2,sendto"]);
    let mut wharf = Wharf::serve_by(strace, place, &[]);
    fs::set_permissions(wharf.write("old", "old"), Permissions::from_mode(0o600)).expect("set");
    assert_eq!(wharf.ask("PUT", "/deep/new", "", b"new").code(), 201);
    assert_eq!(wharf.ask("PUT", "/old", "", b"new").code(), 204);
    wharf.signal(Signal::TERM);
    wharf.wait();
    let share = wharf.folder().to_string_lossy().into_owned();
    let text = || fs::read_to_string(&seen).unwrap_or_default();
    eventually("strace has written all", || text().contains("+++ exited with 0"));
    let mut steps: Vec<&str> = text().lines().filter_map(|line| step(line, &share)).collect();
    steps.dedup();
    let new = ["sync file", "make", "sync dir", "link", "sync dir", "answer 201"];
    let trash = ["mode", "make", "sync dir", "make", "sync dir"];
    // The record of the old file and its second name are on the disk before the new file replaces it.
    let old = ["link", "sync file", "sync record", "sync dir", "link", "rename", "sync dir", "answer 204"];
    assert_eq!(steps, [&new[..], &trash[..], &old[..]].concat(), "{}", text());
}

/// The name of the step in a line of strace's output.
fn step(line: &str, share: &str) -> Option<&'static str> {
    let call = line.split_once(' ')?.1.trim_start();
    let (name, arguments) = call.split_once('(')?;
    match name {
        "fsync" if arguments.contains(&format!("<{share}/#")) => Some("sync file"),
        "fsync" if arguments.contains(".json>") => Some("sync record"),
        "fsync" => Some("sync dir"),
        "fchmod" => Some("mode"),
        "mkdirat" => Some("make"),
        "linkat" => Some("link"),
        "renameat" | "renameat2" => Some("rename"),
        "sendto" if arguments.contains("HTTP/1.1 201") => Some("answer 201"),
        "sendto" if arguments.contains("HTTP/1.1 204") => Some("answer 204"),
        _ => None,
    }
}
