//! Names in the other Unicode form: what exists is found in either form, and no name is stored in both.

use super::{hrefs, lock, propfind, serve};
use crate::common::Wharf;

/// `ü.txt` and `dé/á` with their letters and marks together (NFC), as most systems store them.
const TOGETHER: [&str; 2] = ["\u{fc}.txt", "d\u{e9}/\u{e1}"];

/// The same names with letters and marks apart (NFD), as macOS sends them.
const APART: [&str; 2] = ["/u%CC%88.txt", "/de%CC%81/a%CC%81"];

fn stage(flags: &[&str]) -> Wharf {
    let wharf = serve(flags);
    for path in TOGETHER {
        wharf.write(path, path);
    }
    wharf
}

#[test]
pub fn either_form_is_found() {
    let wharf = stage(&[]);
    wharf.write("\u{1112}\u{1161}\u{11ab}", "stored apart");
    let before = wharf.tree();
    let mut wire = wharf.connect();
    for (target, path) in APART.into_iter().zip(TOGETHER) {
        assert_eq!(wire.ask("GET", target, "", b"").text(), path);
        assert_eq!(propfind(&mut wire, target, "0", "").code(), 207);
        assert_eq!(wire.ask("PUT", target, "", b"new").code(), 204, "{target}: replaced");
        assert_eq!(wharf.ask("PUT", target, "If-None-Match: *\r\n", b"x").code(), 412);
        assert_eq!(lock(&mut wharf.connect(), target, "Depth: 0\r\nTimeout: Second-1\r\n").code(), 200);
        assert_eq!(wharf.read(path), b"new");
    }
    assert_eq!(wire.ask("GET", "/%ED%95%9C", "", b"").text(), "stored apart");
    assert_eq!(wire.ask("MKCOL", "/de%CC%81", "", b"").code(), 405);
    assert_eq!(hrefs(&propfind(&mut wire, "/de%CC%81", "1", "")), ["/d%C3%A9/", "/d%C3%A9/%C3%A1"]);
    // A new name goes into the directory that exists.
    assert_eq!(wire.ask("PUT", "/de%CC%81/o%CC%88", "", b"new").code(), 201);
    assert_eq!(wharf.read("d\u{e9}/o\u{308}"), b"new");
    assert_eq!(wire.ask("DELETE", "/d%C3%A9/%C3%B6", "", b"").code(), 204);
    // The locks are kept.
    let shared: Vec<_> = wharf.tree().into_iter().filter(|path| !path.starts_with(".wharf/")).collect();
    assert_eq!(shared, before);
}

#[test]
pub fn the_exact_name_comes_first() {
    let wharf = serve(&[]);
    wharf.write("\u{fc}", "together");
    wharf.write("u\u{308}", "apart");
    let mut wire = wharf.connect();
    assert_eq!(wire.ask("GET", "/%C3%BC", "", b"").text(), "together");
    assert_eq!(wire.ask("GET", "/u%CC%88", "", b"").text(), "apart");
}

#[test]
pub fn a_destination_is_found_too() {
    let wharf = stage(&[]);
    wharf.write("a", "copied");
    let before = wharf.tree().len();
    let mut wire = wharf.connect();
    let to = |target: &str, overwrite: &str| format!("Destination: {target}\r\nOverwrite: {overwrite}\r\n");
    for (target, path) in APART.into_iter().zip(TOGETHER) {
        assert_eq!(wire.ask("COPY", "/a", &to(target, "F"), b"").code(), 412, "{target}");
        assert_eq!(wire.ask("COPY", "/a", &to(target, "T"), b"").code(), 204, "{target}");
        assert_eq!(wharf.read(path), b"copied");
    }
    // A name may change to the other form, and back.
    assert_eq!(wire.ask("MOVE", "/%C3%BC.txt", &to(APART[0], "F"), b"").code(), 201);
    assert_eq!(wharf.read("u\u{308}.txt"), b"copied");
    assert_eq!(wire.ask("MOVE", "/u%CC%88.txt", &to("/%C3%BC.txt", "F"), b"").code(), 201);
    assert_eq!(wire.ask("MOVE", "/a", &to(APART[0], "T"), b"").code(), 204);
    assert_eq!(wharf.tree().len(), before - 1);
    let form =
        "--b\r\nContent-Disposition: form-data; name=f; filename=\"u\u{308}.txt\"\r\n\r\nsent\r\n--b--\r\n";
    let fields = "Content-Type: multipart/form-data; boundary=b\r\n";
    assert_eq!(wire.ask("POST", "/", fields, form.as_bytes()).code(), 200);
    assert_eq!((wharf.tree().len(), wharf.read(TOGETHER[0])), (before - 1, b"sent".to_vec()));
}

#[test]
pub fn a_drop_box_does_not_tell_which_form_exists() {
    let wharf = Wharf::serve(&["--allow", "everyone=drop"]);
    wharf.write("\u{fc}", "old");
    let answer = wharf.ask("PUT", "/u%CC%88", "", b"new");
    assert_eq!((answer.code(), answer.text()), (201, "saved u\u{308} (3 bytes)\n".to_owned()));
    assert_eq!((wharf.read("\u{fc}"), wharf.read("u\u{308}")), (b"old".to_vec(), b"new".to_vec()));
}
