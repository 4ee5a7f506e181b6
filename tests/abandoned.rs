//! What a client has begun ends with it, and what it piles up delays nobody else.

use crate::common::fuse::{Mount, What};
use crate::common::{Wharf, Wire, eventually};

/// Files in a form.
const FILES: usize = 500;

/// A form of many small files whose names begin so.
fn form(beginning: &str) -> String {
    let part = |number: usize| {
        let disposition =
            format!("Content-Disposition: form-data; name=\"f\"; filename=\"{beginning}{number}\"");
        format!("--b\r\n{disposition}\r\n\r\n{number}\r\n")
    };
    (0..FILES).map(part).collect::<String>() + "--b--\r\n"
}

fn post(wharf: &Wharf, fields: &str) -> String {
    let host = wharf.address();
    format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary=b\r\n{fields}\r\n"
    )
}

/// A form that is cut short can never be answered: as soon as the client has gone, no more of it is saved.
#[test]
fn forms_that_are_cut_short() {
    const FORMS: usize = 60;
    let wharf = Wharf::serve(&["--no-sync"]);
    wharf.write("file", "content");
    assert_eq!(Wire::connect_from(3, wharf.address()).ask("GET", "/file", "", b"").code(), 200);
    wharf.comes_to_rest();
    let before = wharf.open_files();
    for number in 0..FORMS {
        let mut wire = Wire::connect_from(2, wharf.address());
        let form = form(&format!("{number}-"));
        let head = post(&wharf, "Transfer-Encoding: chunked\r\n");
        wire.send(format!("{head}{:x}\r\n{form}", form.len() + 1));
        drop(wire);
        let mut another = Wire::connect_from(3, wharf.address());
        assert_eq!(another.ask("GET", "/file", "", b"").text(), "content");
        assert_eq!(another.ask("PUT", "/other", "", b"x").code() / 100, 2);
    }
    wharf.comes_to_rest();
    assert!(wharf.open_files() <= before, "{} were open before, {} are now", before, wharf.open_files());
    let saved = wharf.tree().len();
    assert!(saved < FORMS * FILES / 2, "{saved} files were saved for clients that had gone");
}

/// With all of a form here, nobody can tell whether the client has gone or only waits for the answer: it is saved, unless
/// that client has too much else waiting.
#[test]
fn forms_that_are_whole() {
    let wharf = Wharf::serve(&["--no-sync"]);
    wharf.comes_to_rest();
    let before = wharf.open_files();
    let body = form("whole-");
    let head = post(&wharf, &format!("Content-Length: {}\r\n", body.len()));
    let mut waits = wharf.connect();
    waits.send(format!("{head}{body}")).end();
    assert_eq!(waits.read_answer(false).code(), 200, "it has only ended what it sends");
    assert_eq!(wharf.tree().len(), FILES);
    drop(waits);
    for _ in 0..60 {
        Wire::connect_from(2, wharf.address()).send(format!("{head}{body}"));
    }
    assert_eq!(Wire::connect_from(3, wharf.address()).ask("PUT", "/other", "", b"x").code(), 201);
    wharf.comes_to_rest();
    assert!(wharf.open_files() <= before, "{} were open before, {} are now", before, wharf.open_files());
}

/// One client's uploads all wait for the disk. Another client is served meanwhile, and each upload is answered in the end.
#[test]
fn uploads_that_pile_up() {
    // So many uploads of one client are saved at once, and so many more may wait for that.
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
    assert_eq!(more, UPLOADS - FIRST, "what is held back holds nothing but its connection");
    let mut another = Wire::connect_from(3, wharf.address());
    assert_eq!(another.ask("GET", "/?list", "", b"").code(), 200, "a listing is a job, too");
    assert_eq!(another.ask("GET", "/file?sha256", "", b"").code(), 200);
    assert!(!uploads.iter().any(|wire| wire.hears_within(std::time::Duration::from_millis(1))));
    drop(held);
    for wire in &mut uploads {
        assert_eq!(wire.read_answer(false).code(), 201);
    }
    eventually("all are there", || {
        (0..UPLOADS).all(|number| wharf.folder().join(number.to_string()).exists())
    });
}
