//! The work of a client ends when the client disconnects, and a backlog of one client does not delay the others.

use crate::common::fuse::{Mount, What};
use crate::common::{Wharf, Wire, eventually};

/// Number of files in a form.
const FILES: usize = 500;

/// A form of many small files whose names start with this prefix.
fn form(beginning: &str, files: usize) -> String {
    let part = |number: usize| {
        let disposition =
            format!("Content-Disposition: form-data; name=\"f\"; filename=\"{beginning}{number}\"");
        format!("--b\r\n{disposition}\r\n\r\n{number}\r\n")
    };
    (0..files).map(part).collect::<String>() + "--b--\r\n"
}

fn post(wharf: &Wharf, fields: &str) -> String {
    let host = wharf.address();
    format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary=b\r\n{fields}\r\n"
    )
}

/// Replaces a file, and removes it. The server opens the trash for that, and keeps it open.
fn open_trash(wharf: &Wharf) {
    let file = wharf.write("replaced", "old");
    assert_eq!(Wire::connect_from(3, wharf.address()).ask("PUT", "/replaced", "", b"new").code(), 204);
    std::fs::remove_file(file).expect("removed");
    wharf.comes_to_rest();
}

/// A truncated form never gets a response: once the client is gone, the rest of it is not saved.
#[test]
fn a_truncated_form_is_not_saved_after_the_client_has_gone() {
    const FORMS: usize = 60;
    let wharf = Wharf::serve(&["--no-sync"]);
    wharf.write("file", "content");
    assert_eq!(Wire::connect_from(3, wharf.address()).ask("GET", "/file", "", b"").code(), 200);
    open_trash(&wharf);
    let before = wharf.open_files();
    for number in 0..FORMS {
        let mut wire = Wire::connect_from(2, wharf.address());
        let form = form(&format!("{number}-"), FILES);
        let head = post(&wharf, "Transfer-Encoding: chunked\r\n");
        wire.send(format!("{head}{:x}\r\n{form}", form.len() + 1));
        drop(wire);
        let mut another = Wire::connect_from(3, wharf.address());
        assert_eq!(another.ask("GET", "/file", "", b"").text(), "content");
        assert_eq!(another.ask("PUT", "/other", "", b"x").code() / 100, 2);
    }
    wharf.comes_to_rest();
    assert!(
        wharf.open_files() <= before,
        "{} descriptors were open before, {} are now",
        before,
        wharf.open_files()
    );
    let saved = wharf.tree().len();
    assert!(saved < FORMS * FILES / 2, "{saved} files were saved for a client that had gone");
}

/// A client that has sent its whole form may only be waiting for the response, so the form is saved, unless
/// that client has too many other requests queued.
#[test]
fn a_complete_form_is_saved_although_its_client_closed_its_sending_side() {
    let wharf = Wharf::serve(&["--no-sync"]);
    open_trash(&wharf);
    let before = wharf.open_files();
    let complete = |files: usize| {
        let body = form("whole-", files);
        post(&wharf, &format!("Content-Length: {}\r\n", body.len())) + &body
    };
    // Few enough to be saved within the 3 s in which the server still waits for such a client.
    let few = FILES / 10;
    let mut waits = wharf.connect();
    waits.send(complete(few)).end();
    assert_eq!(waits.read_answer(false).code(), 200, "only the sending side is closed");
    assert_eq!(wharf.tree().len(), few);
    drop(waits);
    for _ in 0..60 {
        Wire::connect_from(2, wharf.address()).send(complete(FILES));
    }
    assert_eq!(Wire::connect_from(3, wharf.address()).ask("PUT", "/other", "", b"x").code(), 201);
    wharf.comes_to_rest();
    assert!(
        wharf.open_files() <= before,
        "{} descriptors were open before, {} are now",
        before,
        wharf.open_files()
    );
}

/// All uploads of one client wait for the disk. Another client is served meanwhile, and each upload gets a
/// response.
#[test]
fn waiting_uploads_of_one_client_do_not_delay_another() {
    // `SAVED` uploads of one client are saved at once, and eight more may wait.
    const SAVED: usize = 63;
    const FIRST: usize = SAVED + 8;
    const UPLOADS: usize = FIRST + 40;
    let Some(mount) = Mount::new() else { return };
    let wharf = Wharf::serve_in(mount.place(), &[]);
    wharf.write("file", "content");
    let held = mount.hold_fsync();
    let upload = |number: usize| {
        let mut wire = Wire::connect_from(2, wharf.address());
        wire.begin_to_ask("PUT", &format!("/{number}"), Some(1)).send("x");
        wire
    };
    let mut uploads = Vec::new();
    for number in 0..FIRST {
        uploads.push(upload(number));
        let syncing = uploads.len().min(SAVED);
        eventually("it is saved, or waits", || mount.count(What::FsyncBegins, "") == syncing);
    }
    wharf.comes_to_rest();
    let open = wharf.open_files();
    uploads.extend((FIRST..UPLOADS).map(upload));
    wharf.comes_to_rest();
    let more = wharf.open_files() - open;
    assert_eq!(more, UPLOADS - FIRST, "a waiting upload holds only its connection");
    let mut another = Wire::connect_from(3, wharf.address());
    assert_eq!(another.ask("GET", "/?list", "", b"").code(), 200, "a listing runs as a job, too");
    assert_eq!(another.ask("GET", "/file?sha256", "", b"").code(), 200);
    assert!(!uploads.iter_mut().any(|wire| wire.hears_within(std::time::Duration::from_millis(1))));
    drop(held);
    for wire in &mut uploads {
        assert_eq!(wire.read_answer(false).code(), 201);
    }
    eventually("all files are saved", || {
        (0..UPLOADS).all(|number| wharf.folder().join(number.to_string()).exists())
    });
}
