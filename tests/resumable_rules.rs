//! Resumable uploads: what a client learns of a complete upload, and requests that do not follow the draft, or another
//! version of it.

use std::fs;
use std::time::Duration;

use crate::common::{Answer, Wharf, eventually};
use crate::resumable::{DRAFT, append, begin, files, parts, patch_fields, stand};

/// The client may have lost the final response. It gets the response again with the same requests as after any other
/// interruption.
#[test]
fn the_final_response_is_repeated() {
    let wharf = Wharf::serve(&["--on-conflict", "rename"]);
    wharf.write("b", "there already");
    let rows = [
        ("PUT", "/a", 201, "", "/a", "a"),
        ("POST", "/a2", 200, "saved a2 (3 bytes)\n", "/a2", "a2"),
        ("PUT", "/b", 201, "", "/b%20(1)", "b (1)"),
    ];
    let mut uploads = Vec::new();
    for row @ (method, target, code, text, path, file) in rows {
        let fields = "Upload-Complete: ?0\r\nX-OC-MTime: 981173106\r\n";
        let upload = wharf.ask(method, target, fields, b"abc").field("Location");
        let first = append(&wharf, &upload, 3, true, b"");
        let is_final = |answer: &Answer| {
            assert_eq!((answer.code(), answer.field("Upload-Complete").as_str()), (code, "?1"), "{target}");
            assert_eq!(answer.field("Content-Location"), path, "{target}");
            assert_eq!(answer.field("X-OC-MTime"), "accepted", "{target}");
            if code == 200 {
                assert_eq!(answer.text(), text, "{target}");
            }
        };
        is_final(&first);
        is_final(&append(&wharf, &upload, 3, true, b""));
        is_final(&append(&wharf, &upload, 3, false, b""));
        let mut wire = wharf.connect();
        let fields = format!("{}Transfer-Encoding: chunked\r\n", patch_fields(3, true));
        let head = format!("PATCH {upload} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", wharf.address());
        is_final(&wire.send(head.clone() + "0\r\n\r\n").read_answer(false));
        // A request that does not fit the complete file is refused, and that is not the final response.
        for (name, answer) in [
            ("too long", append(&wharf, &upload, 3, true, b"x")),
            ("too long, in chunks", wire.send(head + "1\r\nx\r\n0\r\n\r\n").read_answer(false)),
            ("another length", {
                let fields = patch_fields(3, true) + "Upload-Length: 4\r\n";
                wharf.ask("PATCH", &upload, &fields, b"")
            }),
        ] {
            assert_eq!((answer.code(), answer.field("Upload-Complete").as_str()), (400, ""), "{name}");
            assert!(answer.text().contains("#inconsistent-upload-length"), "{name}: {}", answer.text());
        }
        // A client that repeats its last request gets the offset of the end.
        let repeated = append(&wharf, &upload, 0, true, b"abc");
        assert_eq!((repeated.code(), repeated.field("Upload-Offset").as_str()), (409, "3"));
        assert_eq!(repeated.field("Upload-Complete"), "?0", "this is not the final response");
        assert!(repeated.text().contains("#mismatching-upload-offset"), "{}", repeated.text());
        assert_eq!(wharf.read(file), b"abc", "nothing has changed");
        uploads.push((row, upload));
    }
    let wharf = Wharf::serve_in(wharf.kill(), &["--on-conflict", "rename"]);
    for ((_, target, code, _, path, _), upload) in &uploads {
        let answer = append(&wharf, upload, 3, true, b"");
        assert_eq!((answer.code(), answer.field("Content-Location").as_str()), (*code, *path), "{target}");
        assert_eq!(wharf.ask("DELETE", upload, "", b"").code(), 204, "{target}");
        assert_eq!(wharf.ask("HEAD", upload, "", b"").code(), 404, "{target}: it is forgotten");
    }
    assert_eq!(files(&wharf), ["a", "a2", "b", "b (1)"], "the files stay");
    assert!(!wharf.tree().iter().any(|name| name.contains(".json")), "the records are gone");
}

/// A server that was killed before it recorded the result knows only that the file has its name.
#[test]
fn without_a_record_of_the_result_the_upload_is_complete() {
    let wharf = Wharf::serve(&[]);
    let upload = begin(&wharf, "/a", "");
    append(&wharf, &upload, 0, true, b"abc");
    let place = wharf.kill();
    let token = upload.rsplit('/').next().expect("a token");
    let record = place.path().join(format!("share/.wharf/uploads/{token}.json"));
    let text = fs::read_to_string(&record).expect("there");
    let mut json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(json.as_object_mut().expect("an object").remove("saved").is_some(), "{text}");
    fs::write(&record, json.to_string()).expect("written");
    let wharf = Wharf::serve_in(place, &[]);
    assert_eq!(stand(&wharf, &upload), ("?1".into(), "3".into()));
    let answer = append(&wharf, &upload, 3, true, b"");
    assert_eq!((answer.code(), answer.field("Upload-Complete").as_str()), (204, "?1"));
    assert_eq!(answer.field("Content-Location"), "");
}

/// A part of a file must not become the file.
#[test]
fn other_versions_get_a_plain_upload_and_no_part_is_saved() {
    let wharf = Wharf::serve(&[]);
    let version = |number: &str| format!("Upload-Draft-Interop-Version: {number}\r\n");
    let refused = [
        ("version 8", version("8") + "Upload-Complete: ?0\r\n", "Upload-Draft-Interop-Version 9"),
        ("version 10", version("10") + "Upload-Complete: ?0\r\nUpload-Length: 9\r\n", "send the whole file"),
        ("no version", version("nine") + "Upload-Complete: ?0\r\n", "send the whole file"),
        ("two versions", version("9") + &version("8") + "Upload-Complete: ?0\r\n", "send the whole file"),
        ("version 3", version("3") + "Upload-Incomplete: ?1\r\n", "send the whole file"),
        ("tus 1", "Tus-Resumable: 1.0.0\r\nUpload-Length: 9\r\n".to_owned(), "tus 1 is not supported"),
        ("tus 1, no length", "Tus-Resumable: 1.0.0\r\nUpload-Defer-Length: 1\r\n".to_owned(), "tus 1"),
        ("an offset", DRAFT.to_owned() + "Upload-Complete: ?1\r\nUpload-Offset: 5\r\n", "PATCH"),
        (
            "too short",
            version("8") + "Upload-Complete: ?1\r\nUpload-Length: 9\r\n",
            "#inconsistent-upload-length",
        ),
        ("too long", "Upload-Length: 2\r\n".to_owned(), "#inconsistent-upload-length"),
    ];
    for (name, fields, text) in &refused {
        for method in ["POST", "PUT"] {
            let answer = wharf.ask(method, "/a", fields, b"abc");
            assert_eq!((answer.code(), answer.field("Location").as_str()), (400, ""), "{name}");
            assert!(answer.text().contains(text), "{name}: {}", answer.text());
        }
    }
    let chunked = format!("{}Upload-Length: 9\r\nTransfer-Encoding: chunked\r\n", version("8"));
    let mut wire = wharf.connect();
    wire.send(format!("PUT /a HTTP/1.1\r\nHost: {}\r\n{chunked}\r\n3\r\nabc\r\n0\r\n\r\n", wharf.address()));
    let answer = wire.read_answer(false);
    assert_eq!(answer.code(), 400, "in chunks, it shows at the end");
    assert!(answer.text().contains("#inconsistent-upload-length"), "{}", answer.text());
    let form = "Content-Type: multipart/form-data; boundary=b\r\nUpload-Complete: ?0\r\n";
    let part = "--b\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\nabc\r\n--b--\r\n";
    let answer = wharf.ask("POST", "/", &format!("{form}{DRAFT}"), part.as_bytes());
    assert_eq!(answer.code(), 400, "a form: {}", answer.text());
    assert!(wharf.tree().is_empty(), "{:?}", wharf.tree());
    // All of this is a plain upload, however slow.
    for (number, fields) in
        [("8", "Upload-Complete: ?1\r\nUpload-Length: 3\r\n"), ("3", "Upload-Incomplete: ?0\r\n")]
    {
        let fields = version(number) + fields + "Content-Length: 3\r\n";
        let mut wire = wharf.connect();
        wire.send(format!("PUT /{number} HTTP/1.1\r\nHost: {}\r\n{fields}\r\na", wharf.address()));
        assert!(!wire.hears_within(Duration::from_millis(1500)), "{number}: no 104");
        let answer = wire.send("bc").read_answer(false);
        assert_eq!((answer.code(), wharf.read(number)), (201, b"abc".to_vec()), "{number}");
        let promises = ["Upload-Complete", "Upload-Offset", "Upload-Limit", "Location"];
        assert!(promises.iter().all(|name| answer.field(name).is_empty()), "{number}");
    }
    assert!(wharf.tree().iter().all(|name| !name.starts_with(".wharf/uploads")), "no upload was created");
}

/// A field that is not of its type counts as absent (RFC 9651).
#[test]
fn invalid_fields_are_ignored() {
    let wharf = Wharf::serve(&[]);
    let upload = begin(&wharf, "/a", "");
    let good = patch_fields(0, false) + "Content-Length: 1\r\n";
    let invalid = [
        ("Upload-Offset: 0", ["Upload-Offset: 0.0", "Upload-Offset: \"0\"", "Upload-Offset: 0;"]),
        (
            "Upload-Offset: 0",
            ["Upload-Offset: 0, 0", "Upload-Offset: 0 ;a", "Upload-Offset: 1000000000000000"],
        ),
        (
            "Upload-Offset: 0",
            ["Upload-Offset: 0\r\nUpload-Offset: 0", "Upload-Offset: -1", "Upload-Offset: 0x0"],
        ),
        ("Upload-Offset: 0", ["Upload-Offset: 99999999999999999999", "Upload-Offset: ", "Upload-Offset: ?0"]),
        ("Upload-Complete: ?0", ["Upload-Complete: 0", "Upload-Complete: ?0;X", "Upload-Complete: ?0, ?0"]),
        ("Upload-Complete: ?0", ["Upload-Complete: ?2", "Upload-Complete: ?", "Upload-Complete: no"]),
    ];
    for (line, others) in invalid {
        for other in others {
            let answer = wharf.ask("PATCH", &upload, &good.replace(line, other), b"x");
            assert_eq!(answer.code(), 400, "{other}: {}", answer.text());
        }
    }
    let odd = good.replace("?0", "?0;a=\"b;c\";d").replace("Offset: 0", "Offset: -0;x=1.5");
    let answer = wharf.ask("PATCH", &upload, &(odd + "Upload-Length: 1.5\r\n"), b"x");
    assert_eq!((answer.code(), answer.field("Upload-Offset").as_str()), (204, "1"), "{}", answer.text());
    assert_eq!(wharf.ask("PATCH", &upload, &patch_fields(999_999_999_999_999, true), b"").code(), 409);
    assert_eq!(wharf.ask("HEAD", &upload, "", b"").field("Upload-Length"), "", "it was ignored");
}

/// A GET acts like a HEAD (§4.3): it never returns the content of the upload.
#[test]
fn get_returns_the_state_and_no_content() {
    let wharf = Wharf::serve(&["--max-upload", "7"]);
    let upload = begin(&wharf, "/a", "Upload-Length: 6\r\n");
    for (step, complete, offset) in [("empty", "?0", "0"), ("a part", "?0", "3"), ("all", "?1", "6")] {
        if let Some(so_far) = offset.parse::<u64>().expect("a number").checked_sub(3) {
            append(&wharf, &upload, so_far, complete == "?1", b"abc");
        }
        for method in ["GET", "HEAD"] {
            let answer = wharf.ask(method, &upload, "Range: bytes=0-1\r\nIf-None-Match: *\r\n", b"");
            assert_eq!((answer.code(), answer.body.len()), (204, 0), "{method}, {step}");
            let state = ["Upload-Complete", "Upload-Offset", "Upload-Length", "Cache-Control"];
            let values = state.map(|name| answer.field(name));
            assert_eq!(values, [complete, offset, "6", "no-store"], "{method}, {step}");
            assert!(answer.field("Upload-Limit").starts_with("max-size=7, max-age="), "{method}, {step}");
        }
    }
    let unknown = wharf.ask("GET", &format!("/.wharf/uploads/{}", "0".repeat(32)), "", b"");
    assert_eq!((unknown.code(), unknown.field("Cache-Control").as_str()), (404, "no-store"));
}

/// A request that is still under way ends when its upload is cancelled.
#[test]
fn cancelling_ends_the_running_request() {
    let wharf = Wharf::serve(&[]);
    let upload = begin(&wharf, "/a", "");
    let mut running = wharf.connect();
    let fields = patch_fields(0, true) + "Content-Length: 9\r\n";
    running.send(format!("PATCH {upload} HTTP/1.1\r\nHost: {}\r\n{fields}\r\nabc", wharf.address()));
    let arrived = || parts(&wharf).iter().any(|part| fs::metadata(part).is_ok_and(|part| part.len() == 3));
    eventually("the first three have arrived", arrived);
    assert_eq!(wharf.ask("DELETE", &upload, "", b"").code(), 204);
    let answer = running.send("defghi").read_answer(false);
    assert_eq!((answer.code(), answer.field("Upload-Complete").as_str()), (409, ""));
    assert!(running.is_closed());
    assert_eq!(wharf.ask("GET", &upload, "", b"").code(), 404);
    assert!(files(&wharf).is_empty() && parts(&wharf).is_empty(), "{:?}", wharf.tree());
}

/// A limit that is not a valid Integer of a structured field would make clients ignore the other limits.
#[test]
fn limits_are_valid_structured_fields() {
    for (flags, expected) in [
        (&["--max-upload", "900T"][..], "max-size=989560464998400, max-age=86400"),
        (&["--max-upload", "8000000T"], "max-age=86400"),
        (&[], "max-age=86400"),
    ] {
        let wharf = Wharf::serve(flags);
        assert_eq!(wharf.ask("OPTIONS", "/a", "", b"").field("Upload-Limit"), expected, "{flags:?}");
    }
}
