//! A server that is about to stop, or cannot do its work, reports that to load balancers.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::{SmallDisk, Wharf, eventually};

/// The status and the text of `/.wharf/ready`.
fn ready(wharf: &Wharf) -> (u16, String) {
    let answer = wharf.ask("GET", "/.wharf/ready", "", b"");
    (answer.code(), answer.text())
}

#[test]
pub fn a_draining_server_serves_and_closes_each_connection() {
    let drain = Duration::from_secs(2);
    let mut wharf = Wharf::serve(&["--drain", "2"]);
    wharf.write("a", "a");
    assert_eq!(ready(&wharf), (200, "ready\n".to_owned()));
    let mut open = wharf.connect();
    assert_eq!(open.ask("GET", "/a", "", b"").field("Connection"), "keep-alive");
    let asked = Instant::now();
    wharf.signal(Signal::TERM);
    eventually("it is not ready", || ready(&wharf).0 == 503);
    assert_eq!(ready(&wharf).1, "not ready: the server is stopping\n");
    assert_eq!(wharf.ask("GET", "/.wharf/health", "", b"").code(), 200, "it is alive");
    for wire in [&mut open, &mut wharf.connect()] {
        let answer = wire.ask("GET", "/a", "", b"");
        assert_eq!((answer.text(), answer.field("Connection")), ("a".to_owned(), "close".to_owned()));
        assert!(wire.is_closed());
    }
    assert_eq!(wharf.ask("PUT", "/b", "", b"b").code(), 201, "it accepts uploads");
    assert!(wharf.wait().1.success());
    assert!(asked.elapsed() >= drain, "it has drained for {:?}", asked.elapsed());
}

/// Meanwhile, load balancers still send requests to the server.
#[test]
fn an_idle_server_drains_for_the_whole_time() {
    let drain = Duration::from_secs(2);
    let mut wharf = Wharf::serve(&["--drain", "2", "--idle-exit", "0.5"]);
    let asked = Instant::now();
    wharf.signal(Signal::TERM);
    assert!(wharf.wait().1.success());
    assert!(asked.elapsed() >= drain, "it has drained for {:?}", asked.elapsed());
}

#[test]
fn ctrl_c_and_a_second_signal_stop_a_draining_server_at_once() {
    for first in [None, Some(Signal::TERM)] {
        let mut wharf = Wharf::serve(&["--drain", "3600"]);
        if let Some(signal) = first {
            wharf.signal(signal);
            eventually("it drains", || ready(&wharf).0 == 503);
        }
        wharf.signal(Signal::INT);
        assert!(wharf.wait().1.success());
    }
}

#[test]
fn a_second_signal_ends_a_server_that_a_client_has_stopped() {
    let mut wharf = Wharf::serve(&["--grace", "3600", "--allow-exit"]);
    let mut upload = wharf.connect();
    upload.begin_to_ask("PUT", "/a", Some(2)).send("a");
    wharf.comes_to_rest();
    assert_eq!(wharf.ask("POST", "/.wharf/exit", "", b"").code(), 200);
    eventually("it does not wait", || {
        wharf.signal(Signal::INT);
        wharf.ended().is_some()
    });
}

#[test]
pub fn requests_in_flight_get_the_time_of_the_grace() {
    let mut wharf = Wharf::serve(&["--grace", "0"]);
    let mut upload = wharf.connect();
    upload.begin_to_ask("PUT", "/a", Some(2)).send("a");
    wharf.comes_to_rest();
    wharf.signal(Signal::TERM);
    let (_, status) = wharf.wait();
    assert!(status.success() && upload.is_closed());
    assert!(wharf.tree().is_empty(), "{:?}", wharf.tree());
}

#[test]
fn a_server_is_ready_if_its_folder_is() {
    let wharf = Wharf::serve(&[]);
    assert_eq!(ready(&wharf).0, 200);
    let (folder, away) = (wharf.folder(), wharf.folder().with_extension("away"));
    fs::rename(&folder, &away).expect("renamed");
    let (code, text) = ready(&wharf);
    assert!(code == 503 && text.starts_with("not ready: "), "{code} {text}");
    fs::rename(&away, &folder).expect("renamed back");
    assert_eq!(ready(&wharf).0, 200);
}

#[test]
fn a_folder_that_cannot_be_written_is_not_ready_for_uploads() {
    let Some(disk) = SmallDisk::mount("8M") else { return };
    let wharf = Wharf::serve_in(disk.place(), &[]);
    let reader = Wharf::serve_folder(&wharf.folder(), &["--read-only"]);
    assert_eq!((ready(&wharf).0, ready(&reader).0), (200, 200));
    disk.remount("ro");
    assert_eq!((ready(&wharf).0, ready(&reader).0), (503, 200));
    disk.remount("rw");
    assert_eq!(ready(&wharf).0, 200);
}

#[test]
fn a_disk_below_its_reserve_is_not_ready() {
    let full = Wharf::serve(&["--reserve", "1000000T"]);
    let (code, text) = ready(&full);
    assert!(code == 503 && text.contains("space"), "{code} {text}");
    let reader = Wharf::serve(&["--reserve", "1000000T", "--read-only"]);
    assert_eq!(ready(&reader).0, 200, "it writes nothing");
}

#[test]
fn a_full_disk_is_not_ready_for_uploads() {
    let Some(disk) = SmallDisk::mount("1M") else { return };
    let wharf = Wharf::serve_in(disk.place(), &[]);
    let reader = Wharf::serve_folder(&wharf.folder(), &["--read-only"]);
    let file = wharf.folder().join("full");
    // Writes what fits.
    let _ = fs::write(&file, vec![0; 2 << 20]);
    assert_eq!(disk.free(), 0);
    let (code, text) = ready(&wharf);
    assert!(code == 503 && text.contains("space"), "{code} {text}");
    assert_eq!((ready(&reader).0, wharf.ask("HEAD", "/full", "", b"").code()), (200, 200), "it can be read");
    fs::remove_file(file).expect("removed");
    eventually("it is ready again", || ready(&wharf).0 == 200);
}

/// The directory below the mount is not the folder: what is saved there would be on the wrong disk.
#[test]
fn a_folder_that_was_unmounted_is_not_ready() {
    let Some(disk) = SmallDisk::mount("8M") else { return };
    let wharf = Wharf::serve_in(disk.place(), &[]);
    wharf.write("a", "content");
    assert_eq!(ready(&wharf).0, 200);
    disk.vanish();
    eventually("it is noticed", || wharf.log().contains("its file system is no longer mounted"));
    let (code, text) = ready(&wharf);
    assert!(code == 503 && text.starts_with("not ready: "), "{code} {text}");
    assert_eq!(wharf.ask("PUT", "/b", "", b"b").code(), 503);
    assert_eq!(wharf.ask("GET", "/a", "", b"").text(), "content", "the old directory is still served");
    assert_eq!(fs::read_dir(wharf.folder()).expect("a folder").count(), 0, "nothing is saved below it");
}
