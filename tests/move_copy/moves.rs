//! What MOVE moves.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::thread;

use super::{in_trash, relocate, serve, tree};
use crate::common::fuse::{Mount, faults};
use crate::common::{PATIENCE, Wharf, eventually};

#[test]
fn a_file_a_link_and_a_directory_are_moved() {
    let wharf = serve(&[]);
    wharf.write("a", "a");
    wharf.write("d/e/f", "f");
    wharf.write("d/.hidden", "hidden");
    symlink("d/e/f", wharf.folder().join("link")).expect("linked");
    symlink("nowhere", wharf.folder().join("dangling")).expect("linked");
    let inode = |path: &str| fs::symlink_metadata(wharf.folder().join(path)).expect(path).ino();
    let before = ["a", "d", "link"].map(inode);
    let mut wire = wharf.connect();
    for (from, to, location) in
        [("/a", "/b%20c", "/b%20c"), ("/link", &*wharf.url("/l"), "/l"), ("/d", "/x/", "/x/")]
    {
        let answer = relocate(&mut wire, "MOVE", from, to, "");
        assert_eq!(answer.code(), 201, "{from}: {}", answer.text());
        assert_eq!(answer.field("Location"), location, "{from}");
        assert!(answer.text().starts_with("moved to "), "{}", answer.text());
    }
    assert_eq!(["b c", "x", "l"].map(inode), before, "they are the same");
    let code = relocate(&mut wire, "MOVE", "/dangling", "/x/dangling", "").code();
    assert_eq!(code, 404, "a link that leads nowhere looks absent");
    assert_eq!(tree(&wharf), ["b c", "dangling", "l", "x/", "x/.hidden", "x/e/", "x/e/f"]);
    assert!(fs::symlink_metadata(wharf.folder().join("l")).expect("a link").is_symlink());
    assert!(wharf.settled_log().contains(" moved d/ to x/\n"), "{}", wharf.log());
}

#[test]
fn a_name_is_decoded_once() {
    let wharf = serve(&[]);
    wharf.write("a", "a");
    let mut wire = wharf.connect();
    for (from, to, name) in [
        ("/a", "/x%2525", "x%25"),
        ("/x%2525", "/%252e%252e", "%2e%2e"),
        ("/%252e%252e", "/%ff%0a", "\u{fffd}\n"),
        ("/%ff%0a", "/größe", "größe"),
    ] {
        let answer = relocate(&mut wire, "MOVE", from, to, "");
        assert_eq!((answer.code(), tree(&wharf)), (201, vec![name.to_owned()]), "{to}: {}", answer.text());
    }
    assert_eq!(wharf.read("größe"), b"a");
}

#[test]
fn preconditions_are_about_the_source() {
    let wharf = serve(&[]);
    wharf.write("a", "a");
    wharf.write("b", "b");
    wharf.files_age();
    let mut wire = wharf.connect();
    let tag = wire.ask("HEAD", "/a", "", b"").field("ETag");
    let other = wire.ask("HEAD", "/b", "", b"").field("ETag");
    let ask = |to: &str, field: &str| relocate(&mut wharf.connect(), "MOVE", "/a", to, field).code();
    assert_eq!(ask("/b", &format!("If-Match: {other}\r\n")), 412);
    assert_eq!(ask("/b", &format!("If-None-Match: {tag}\r\n")), 412);
    assert_eq!(ask("/c", &format!("If-Match: {tag}\r\nIf-None-Match: *\r\n")), 201);
    assert_eq!(relocate(&mut wire, "MOVE", "/c", "/d", "If-Match: *\r\n").code(), 201);
    assert_eq!(tree(&wharf), ["b", "d"]);
}

#[test]
fn of_two_that_rename_to_one_name_without_overwriting_one_wins() {
    let wharf = serve(&[]);
    for round in 0..20 {
        for client in 0..8 {
            wharf.write(&format!("{round}-{client}"), client.to_string());
        }
        let rename = |client: usize| {
            let (from, to) = (format!("/{round}-{client}"), format!("/to{round}"));
            let field = if client.is_multiple_of(2) { "Overwrite: F\r\n" } else { "If-None-Match: *\r\n" };
            relocate(&mut wharf.connect(), "MOVE", &from, &to, field).code()
        };
        let codes = thread::scope(|scope| {
            let clients: Vec<_> = (0..8).map(|client| scope.spawn(move || rename(client))).collect();
            clients.into_iter().map(|client| client.join().expect("no panic")).collect::<Vec<_>>()
        });
        let winner = codes.iter().position(|code| *code == 201).expect("one wins");
        assert_eq!(codes.iter().filter(|code| **code == 412).count(), 7, "{codes:?}");
        assert_eq!(wharf.read(&format!("to{round}")), winner.to_string().as_bytes());
        assert_eq!(tree(&wharf).iter().filter(|name| name.starts_with(&format!("{round}-"))).count(), 7);
    }
}

#[test]
fn of_two_that_overwrite_both_succeed() {
    let wharf = serve(&[]);
    for round in 0..20 {
        for client in 0..2 {
            wharf.write(&format!("{round}-{client}"), client.to_string());
        }
        let rename = |client: usize| {
            let (from, to) = (format!("/{round}-{client}"), format!("/to{round}"));
            relocate(&mut wharf.connect(), "MOVE", &from, &to, "Overwrite: T\r\n").code()
        };
        let mut codes = thread::scope(|scope| {
            let clients: Vec<_> = (0..2).map(|client| scope.spawn(move || rename(client))).collect();
            clients.into_iter().map(|client| client.join().expect("no panic")).collect::<Vec<_>>()
        });
        codes.sort_unstable();
        assert_eq!(codes, [201, 204]);
    }
    assert_eq!(tree(&wharf).len(), 20);
    let mut all: Vec<_> = (0..20).map(|round| wharf.read(&format!("to{round}"))).collect();
    let kept = in_trash(&wharf).into_iter().map(|path| fs::read(path).expect("a file"));
    all.extend(kept);
    let count = |content: &[u8]| all.iter().filter(|file| *file == content).count();
    assert_eq!((count(b"0"), count(b"1")), (20, 20), "what was replaced is in the trash");
}

/// A replaced directory goes into the trash as a whole.
#[test]
fn directories_replace_and_are_replaced() {
    for method in ["MOVE", "COPY"] {
        let wharf = serve(&[]);
        let (from, rest) = (["a", "b", "one/", "two/"], ["to1", "to2/", "to3", "to4/"]);
        for file in ["a", "b", "one/x", "two/x", "to1", "to2/y", "to3", "to4/y"] {
            wharf.write(file, file);
        }
        let mut wire = wharf.connect();
        for (from, to) in from.iter().zip(rest) {
            let answer = relocate(&mut wire, method, &format!("/{from}"), &format!("/{to}"), "");
            assert_eq!(answer.code(), 204, "{method} {from} {to}: {}", answer.text());
        }
        assert_eq!((wharf.read("to1"), wharf.read("to2")), (b"a".to_vec(), b"b".to_vec()), "{method}");
        assert_eq!((wharf.read("to3/x"), wharf.read("to4/x")), (b"one/x".to_vec(), b"two/x".to_vec()));
        assert!(!wharf.folder().join("to4/y").exists(), "{method}");
        let kept = in_trash(&wharf);
        let directories = kept.iter().filter(|path| path.join("y").is_file()).count();
        assert_eq!((kept.len(), directories), (4, 2), "{method}: {kept:?}");
    }
}

#[test]
fn a_name_in_another_case_is_another_name() {
    let wharf = serve(&[]);
    wharf.write("name", "name");
    wharf.write("Dir/file", "file");
    let mut wire = wharf.connect();
    assert_eq!(relocate(&mut wire, "MOVE", "/name", "/Name", "Overwrite: F\r\n").code(), 201);
    assert_eq!(relocate(&mut wire, "MOVE", "/Dir/", "/dir/", "Overwrite: F\r\n").code(), 201);
    assert_eq!(tree(&wharf), ["Name", "dir/", "dir/file"]);
}

#[test]
fn where_case_does_not_count_a_new_case_is_a_rename() {
    let Some(mount) = Mount::new() else { return };
    mount.set(&[faults::LIKE_FAT]);
    let wharf = Wharf::serve_in(mount.place(), &super::EDIT);
    wharf.write("name", "name");
    let answer = relocate(&mut wharf.connect(), "MOVE", "/name", "/NAME", "Overwrite: F\r\n");
    assert_eq!(answer.code(), 201, "{}", answer.text());
    assert_eq!(tree(&wharf), ["NAME"]);
    assert_eq!(wharf.ask("GET", "/NAME", "", b"").text(), "name");
}

#[test]
fn one_of_two_hard_links_is_moved_over_the_other() {
    let wharf = serve(&[]);
    fs::hard_link(wharf.write("a", "a"), wharf.folder().join("b")).expect("linked");
    assert_eq!(relocate(&mut wharf.connect(), "MOVE", "/a", "/b", "Overwrite: F\r\n").code(), 412);
    assert_eq!(relocate(&mut wharf.connect(), "MOVE", "/a", "/b", "").code(), 204);
    assert_eq!((tree(&wharf), wharf.read("b")), (vec!["b".to_owned()], b"a".to_vec()));
}

#[test]
fn a_directory_with_many_entries_is_moved_at_once() {
    let wharf = serve(&[]);
    for number in 0..1_000 {
        wharf.write(&format!("many/{number}"), "x");
    }
    let mut wire = wharf.connect();
    assert_eq!(relocate(&mut wire, "MOVE", "/many/", "/moved/", "").code(), 201);
    assert_eq!(wire.ask("GET", "/many/", "", b"").code(), 404);
    assert_eq!(tree(&wharf).len(), 1_001);
}

/// A download of what is moved continues, and an upload to a directory that is moved is saved where it was asked for.
#[test]
fn transfers_continue_while_their_directory_is_moved() {
    let wharf = serve(&[]);
    let content = vec![b'x'; 32 << 20];
    wharf.write("dir/large", &content);
    let mut download = wharf.connect();
    download.begin_to_ask("GET", "/dir/large", None);
    assert!(download.hears_within(PATIENCE), "it has begun");
    let mut upload = wharf.connect();
    upload.begin_to_ask("PUT", "/dir/new", Some(8)).send("half");
    wharf.comes_to_rest();
    assert_eq!(relocate(&mut wharf.connect(), "MOVE", "/dir", "/moved", "").code(), 201);
    assert_eq!(upload.send("half").read_answer(false).code(), 201);
    assert_eq!(download.read_answer(false).body.len(), content.len());
    assert_eq!(tree(&wharf), ["dir/", "dir/new", "moved/", "moved/large"]);
    assert_eq!(wharf.read("dir/new"), b"halfhalf");
}

#[test]
fn members_of_the_chat_hear_of_moves() {
    let wharf = serve(&[]);
    wharf.write("a b", "a");
    wharf.write("dir/x", "x");
    let mut wire = wharf.connect();
    let joined = wire.ask("POST", "/.wharf/chat/join", "", b"user=ann").text();
    let token = joined.split("\"token\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let member = format!("Wharf-Member: {}\r\n", token.expect("a token"));
    assert_eq!(relocate(&mut wire, "MOVE", "/a%20b", "/c", &member).code(), 201);
    assert_eq!(relocate(&mut wire, "MOVE", "/dir", "/other", &member).code(), 201);
    eventually("both are announced", || {
        let events = wire.ask("GET", "/.wharf/chat/messages", &member, b"").text();
        events.contains("\"event\":\"move\"")
            && events.contains("\"by\":\"ann\"")
            && events.contains("\"old_path\":\"a b\"")
            && events.contains("\"href\":\"/c\"")
            && events.contains("\"old_path\":\"dir/\"")
            && events.contains("\"path\":\"other/\"")
    });
}
