//! The table over HTTP, at TCP and Unix sockets.

#[cfg(feature = "tls")]
use super::caller::Caller;
use super::caller::Kind;
use super::model::Operation::{
    CopyFrom, CopyTo, Delete, Form, Get, Hash, Head, IfNoneMatch, List, MakeDirectory, MoveFrom, MoveTo,
    Post, Put, Range, Resumable, Tar, Zip,
};
use super::model::{Operation, READS, WRITES, expected, leaks};
#[cfg(feature = "tls")]
use super::model::{RULES, USERS};
use super::spellings::SPELLINGS;
#[cfg(feature = "tls")]
use super::stage::{PASSWORD, furnish};
use super::stage::{Stage, assert_unchanged, restore};
#[cfg(feature = "tls")]
use crate::common::Wharf;
#[cfg(feature = "tls")]
use crate::common::accounts::write_users;

const PATHS: [&str; 29] = [
    "open/file",
    "open/none",
    "open/near",
    "open",
    "work/file",
    "work/none",
    "work/link",
    "work/gone",
    "work/dir",
    "work/dir/hush",
    "work/dir/none",
    "work/dir/near/file",
    "inbox/file",
    "inbox/none",
    "closed",
    "closed/hush",
    "closed/none",
    "closed/hush/none",
    "closed/near",
    "closed/near/file",
    "closed/near/none",
    "private",
    "private/memo",
    "private/none",
    "private/own",
    "private/own/diary",
    "private/own/none",
    "private/own/link",
    "open/memo",
];

/// The request of an operation at this target.
fn request(operation: Operation, target: &str) -> String {
    let (method, query, fields, body) = match operation {
        Get => ("GET", "", "", ""),
        Head => ("HEAD", "", "", ""),
        Range => ("GET", "", "Range: bytes=0-3\r\n", ""),
        IfNoneMatch => ("GET", "", "If-None-Match: *\r\n", ""),
        Hash => ("GET", "?sha256", "", ""),
        List => ("GET", "?list&sort=-time", "Accept: application/json\r\n", ""),
        Zip => ("GET", "?zip", "", ""),
        Tar => ("GET", "?tar", "", ""),
        // Without a body, a refused request keeps its connection.
        Put => ("PUT", "", "", ""),
        Post => ("POST", "", "", ""),
        Resumable => ("POST", "", "Upload-Draft-Interop-Version: 9\r\nUpload-Complete: ?0\r\n", ""),
        Form => (
            "POST",
            "",
            "Content-Type: multipart/form-data; boundary=b\r\n",
            "--b\r\nContent-Disposition: form-data; name=f; filename=form\r\n\r\nnew\r\n--b--\r\n",
        ),
        MakeDirectory => ("MKCOL", "", "", ""),
        Delete => ("DELETE", "", "", ""),
        MoveFrom => ("MOVE", "", "Destination: /work/moved\r\n", ""),
        CopyFrom => ("COPY", "", "Destination: /work/moved\r\n", ""),
        MoveTo => return to_target("MOVE", target),
        CopyTo => return to_target("COPY", target),
    };
    let slash = if operation == Form && !target.ends_with('/') { "/" } else { "" };
    let length = match method {
        "PUT" | "POST" => format!("Content-Length: {}\r\n", body.len()),
        _ => String::new(),
    };
    format!("{method} {target}{slash}{query} HTTP/1.1\r\nHost: localhost\r\n{fields}{length}\r\n{body}")
}

/// The request that moves or copies a file to this target.
fn to_target(method: &str, target: &str) -> String {
    format!("{method} /work/source HTTP/1.1\r\nHost: localhost\r\nDestination: {target}\r\n\r\n")
}

#[test]
fn every_read_follows_the_rules() {
    every_operation_follows_the_rules(&READS);
}

#[test]
fn every_write_follows_the_rules() {
    every_operation_follows_the_rules(&WRITES);
}

/// A response without the fields that say whether users get others there. That is by the rules, not by what exists.
fn secret_part(answer: &str) -> String {
    let is_by_rules = |line: &str| line.starts_with("Vary: ") || line.starts_with("Cache-Control: ");
    answer.split_inclusive('\n').filter(|line| !is_by_rules(line)).collect()
}

/// Every path is asked for in every spelling, by one operation; every operation asks for every path, and in every spelling. The
/// usual spelling is tried with all of both.
fn every_operation_follows_the_rules(operations: &[Operation]) {
    let mut stage = Stage::new();
    stage.wharf.files_age();
    let folder = stage.wharf.folder();
    let archives = |operation: &Operation| cfg!(feature = "archive") || !matches!(operation, Zip | Tar);
    let mut wrong = Vec::new();
    let operations: Vec<_> = operations.iter().copied().filter(archives).collect();
    for (turn, operation) in operations.iter().copied().enumerate() {
        // The response to a refused path has the same bytes as the response to a missing path.
        let missing = if READS.contains(&operation) { "/open/none" } else { "/closed/none" };
        let missing = stage.clients.iter_mut().map(|client| client.ask(&request(operation, missing)));
        let missing: Vec<_> = missing.collect();
        let private = request(operation, "/private/own/none");
        let asked_to_log_in: Vec<_> = stage.clients.iter_mut().map(|client| client.ask(&private)).collect();
        if WRITES.contains(&operation) {
            restore(&folder);
        }
        let cells =
            PATHS.iter().enumerate().flat_map(|path| SPELLINGS.iter().enumerate().map(move |it| (path, it)));
        for ((at, path), (number, (spelling, target, reading))) in cells {
            if number != 0 && (at + number + turn) % operations.len() != 0 {
                continue;
            }
            let target = target(path);
            for ((client, missing), asked) in stage.clients.iter_mut().zip(&missing).zip(&asked_to_log_in) {
                let expected = expected(client.caller, reading(path).as_deref(), operation);
                let (status, answer) = client.ask(&request(operation, &target));
                let case = format!("{:?} {operation:?} {target} ({spelling})", client.caller);
                if status != expected {
                    wrong.push(format!("{case}: {status}, not {expected}"));
                }
                if status == 404 && (status, secret_part(&answer)) != (missing.0, secret_part(&missing.1)) {
                    wrong.push(format!("{case}: not like a missing file: {answer}"));
                }
                if status == 401 && (status, &answer) != (asked.0, &asked.1) {
                    wrong.push(format!("{case}: not like any other that needs an account: {answer}"));
                }
                if let Some(file) = leaks(client.caller, &answer) {
                    wrong.push(format!("{case}: shows {file}: {answer}"));
                }
                if WRITES.contains(&operation) && status / 100 == 2 {
                    restore(&folder);
                }
            }
        }
    }
    assert_unchanged(&stage.wharf);
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

#[test]
fn links_follow_the_rules() {
    let stage = Stage::new();
    stage.wharf.files_age();
    let folder = stage.wharf.folder();
    let mut wrong = Vec::new();
    for (root, kind) in [("private/own", Kind::View), ("work", Kind::View), ("work", Kind::Drop)] {
        let (mut client, link) = stage.visitor(root, kind);
        let below = PATHS.iter().filter_map(|path| path.strip_prefix(root)?.strip_prefix('/'));
        let cells = below.flat_map(|path| SPELLINGS.iter().map(move |spelling| (path, spelling)));
        for (path, (spelling, target, reading)) in cells {
            for operation in READS.into_iter().chain(WRITES) {
                // The other end of these is outside of the link.
                if matches!(operation, MoveFrom | CopyFrom | MoveTo | CopyTo) {
                    continue;
                }
                if cfg!(not(feature = "archive")) && matches!(operation, Zip | Tar) {
                    continue;
                }
                let named = reading(path).map(|path| format!("{root}/{path}"));
                let expected = expected(client.caller, named.as_deref(), operation);
                let target = target(path);
                // A URL names its host first, not the link.
                if !target.starts_with('/') {
                    continue;
                }
                let target = format!("{link}{target}");
                let (status, answer) = client.ask(&request(operation, &target));
                let case = format!("{:?} {operation:?} {path} ({spelling})", client.caller);
                if status != expected {
                    wrong.push(format!("{case}: {status}, not {expected}"));
                }
                // The response names a saved file as the client has named it.
                let is_saved = WRITES.contains(&operation) && status / 100 == 2;
                if let Some(file) = leaks(client.caller, &answer).filter(|_| !is_saved) {
                    wrong.push(format!("{case}: shows {file}: {answer}"));
                }
                if is_saved {
                    restore(&folder);
                }
            }
        }
    }
    assert_unchanged(&stage.wharf);
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

#[cfg(feature = "tls")]
#[test]
fn over_tls_the_rules_are_the_same() {
    crate::common::over_tls(|| {
        let place = tempfile::tempdir().expect("a folder");
        let accounts = write_users(place.path(), &USERS.map(|(name, groups)| (name, PASSWORD, groups)));
        let rules = RULES.iter().flat_map(|rule| ["--allow", rule]);
        let flags: Vec<_> = accounts.iter().map(String::as_str).chain(rules).chain(["--no-sync"]).collect();
        let wharf = Wharf::serve(&flags);
        furnish(&wharf.folder());
        let cells = READS.into_iter().chain(WRITES).flat_map(|operation| PATHS.map(|path| (operation, path)));
        for (operation, path) in cells {
            if cfg!(not(feature = "archive")) && matches!(operation, Zip | Tar) {
                continue;
            }
            for caller in [Caller::From(1), Caller::User("anna"), Caller::User("ben")] {
                let request = request(operation, &format!("/{path}"));
                let request = request.replacen("\r\n", &format!("\r\n{}", caller.fields()), 1);
                let answer = wharf.connect().send(request).read_answer(operation == Head);
                let expected = expected(caller, Some(path), operation);
                assert_eq!(answer.code(), expected, "{caller:?} {operation:?} /{path}: {}", answer.text());
                if WRITES.contains(&operation) && answer.code() / 100 == 2 {
                    restore(&wharf.folder());
                }
            }
        }
    });
}
