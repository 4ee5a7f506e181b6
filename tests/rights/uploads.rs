//! Uploads to a drop box, and uploads in pieces.

use super::stage::Stage;
use crate::common::accounts::{basic, write_users};
use crate::common::{Answer, Wharf, Wire};
use crate::resumable::{DRAFT, append, begin, patch_fields};

#[test]
fn a_drop_box_takes_files_and_shows_nothing() {
    let mut stage = Stage::new();
    let client = &mut stage.clients[1];
    let put = |name: &str, fields: &str| {
        format!("PUT /inbox/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n{fields}\r\nnew")
    };
    let (status, new) = client.ask(&put("other", ""));
    assert_eq!(status, 201, "{new}");
    // A name that is taken gets the same response, and the old file stays.
    for fields in ["", "If-None-Match: *\r\n"] {
        assert_eq!(client.ask(&put("other", fields)), (201, new.clone()), "{fields}");
    }
    let (status, _) = client.ask(&put("file", ""));
    assert_eq!(status, 201);
    for fields in ["If-Match: *\r\n", "If-Match: \"x\"\r\n"] {
        let [taken, free] = ["file", "free"].map(|name| client.ask(&put(name, fields)));
        assert_eq!((taken.0, &taken), (412, &free), "{fields}: as if nothing were there");
    }
    let tree = stage.wharf.tree();
    let dropped: Vec<_> =
        tree.iter().filter_map(|name| name.strip_prefix("inbox/")).filter(|name| !name.is_empty()).collect();
    assert_eq!(dropped, ["file", "file (1)", "other", "other (1)", "other (2)"]);
    assert_eq!(stage.wharf.read("inbox/file"), b"the content of inbox/file\n");
    assert_eq!(stage.wharf.read("inbox/file (1)"), b"new");
}

#[test]
fn an_upload_in_pieces_to_a_drop_box_tells_no_more_than_a_plain_one() {
    let wharf = Wharf::serve(&["--no-sync", "--allow", "everyone=drop"]);
    wharf.write("taken", "theirs");
    let told = |name: &str| {
        let upload = begin(&wharf, &format!("/{name}"), DRAFT);
        let last = append(&wharf, &upload, 0, true, b"new");
        // The final response is remembered.
        let again = append(&wharf, &upload, 3, true, b"");
        [last, again].map(|answer| (answer.code(), answer.field("Content-Location"), answer.text()))
    };
    let said = |name: &str| (200, format!("/{name}"), format!("saved {name} (3 bytes)\n"));
    assert_eq!(told("taken"), [said("taken"), said("taken")]);
    assert_eq!(told("other"), [said("other"), said("other")]);
    assert_eq!((wharf.read("taken"), wharf.read("taken (1)")), (b"theirs".to_vec(), b"new".to_vec()));
}

#[test]
fn the_token_of_an_upload_gives_no_right() {
    let wharf = Wharf::serve(&["--no-sync", "--allow", "everyone=write from 127.0.0.2"]);
    let ask = |host: u8, method: &str, target: &str, fields: &str, body: &[u8]| -> Answer {
        Wire::connect_from(host, wharf.address()).ask(method, target, fields, body)
    };
    let begun = ask(2, "POST", "/file", &format!("Upload-Complete: ?0\r\n{DRAFT}"), b"");
    assert_eq!(begun.code(), 201);
    let upload = begun.field("Location");
    let unknown = format!("{}0000", &upload[..upload.len() - 4]);
    let last = patch_fields(0, true) + "Content-Length: 3\r\n";
    for (method, fields, body) in
        [("HEAD", "", &b""[..]), ("GET", "", b""), ("PATCH", &last, b"new"), ("DELETE", "", b"")]
    {
        let [refused, unknown] = [&upload, &unknown].map(|target| ask(1, method, target, fields, body));
        assert_eq!((refused.code(), refused.text()), (404, unknown.text()), "{method}");
        assert_eq!(refused.code(), unknown.code(), "{method}");
    }
    assert_eq!(ask(2, "PATCH", &upload, &last, b"new").code(), 200);
    assert_eq!(wharf.read("file"), b"new");
}

#[test]
fn nobody_continues_the_upload_of_a_user() {
    let place = tempfile::tempdir().expect("a directory");
    let accounts = write_users(place.path(), &[("anna", "a", &[]), ("ben", "b", &[])]);
    let flags = accounts.iter().map(String::as_str).chain(["--no-sync", "--allow", "everyone=write"]);
    let wharf = Wharf::serve(&flags.collect::<Vec<_>>());
    let (anna, ben) = (basic("anna", "a"), basic("ben", "b"));
    let begin = |who: &str| {
        let begun = wharf.ask("POST", "/file", &format!("Upload-Complete: ?0\r\n{DRAFT}{who}"), b"");
        assert_eq!(begun.code(), 201);
        begun.field("Location")
    };
    let last = patch_fields(0, true) + "Content-Length: 3\r\n";
    let end = |upload: &str, who: &str| wharf.ask("PATCH", upload, &(last.clone() + who), b"new").code();
    let of_anna = begin(&anna);
    for other in ["", &ben] {
        for method in ["HEAD", "GET", "DELETE"] {
            assert_eq!(wharf.ask(method, &of_anna, other, b"").code(), 404, "{method} {other}");
        }
        assert_eq!(end(&of_anna, other), 404, "{other}");
    }
    assert_eq!(end(&of_anna, &anna), 200);
    assert_eq!(end(&begin(""), &ben), 200, "anybody with the token may continue an anonymous upload");
}
