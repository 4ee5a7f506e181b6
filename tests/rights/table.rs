//! The table: callers × paths × spellings × operations × listeners. The model says what each cell has to lead to.
//!
//! What is covered, with the usual spelling in every cell, and with others in turn (`rotation.rs`):
//!
//! | listener | callers |
//! | --- | --- |
//! | HTTP over TCP | anonymous, from two addresses; behind a trusted proxy; users by password, by session, by the field of the proxy; a token |
//! | HTTP over TLS | the same |
//! | HTTP over TLS, with `--tls-client-ca` | users by certificate; a client without a certificate |
//! | HTTP at the Unix socket | anonymous; a user by the login name of the program (`--unix-users`) |
//!
//! Credentials that must not count come with others: users with a certificate send a wrong password, and anonymous clients send
//! the fields of a proxy. `link_table.rs` has links, `tftp.rs` has TFTP.

use super::caller::Caller;
use super::client::Client;
use super::model::Operation::{self, Entries, Lock, Propfind, Proppatch, Tar, Unlock, Zip};
use super::model::{READS, WRITES, expected, leaks};
use super::requests::request;
use super::rotation::Rotation;
use super::stage::{Stage, assert_unchanged, restore};

pub const PATHS: [&str; 31] = [
    "open/file",
    "open/none",
    "open/near",
    "open",
    "work/file",
    "work/none",
    "work/.hidden",
    "work/.none",
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

/// The operations that this build has.
pub fn built(operations: &[Operation]) -> impl Iterator<Item = Operation> + '_ {
    let is_built = |operation: &Operation| match operation {
        Zip | Tar => cfg!(feature = "archive"),
        Propfind | Entries | Proppatch | Lock | Unlock => cfg!(feature = "dav"),
        _ => true,
    };
    operations.iter().copied().filter(is_built)
}

#[test]
fn every_read_follows_the_rules() {
    every_operation_follows_the_rules(Stage::new(), &READS, 23);
}

#[test]
fn every_write_follows_the_rules() {
    every_operation_follows_the_rules(Stage::new(), &WRITES, 37);
}

#[cfg(feature = "tls")]
#[test]
fn over_tls_the_rules_are_the_same() {
    every_operation_follows_the_rules(Stage::over_tls(), &[&READS[..], &WRITES].concat(), 73);
}

#[cfg(feature = "tls")]
#[test]
fn by_certificate_the_rules_are_the_same() {
    every_operation_follows_the_rules(Stage::with_certificates(), &[&READS[..], &WRITES].concat(), 37);
}

#[test]
fn by_login_name_the_rules_are_the_same() {
    let Some(stage) = Stage::of_another_user() else { return };
    every_operation_follows_the_rules(stage, &[&READS[..], &WRITES].concat(), 17);
}

/// A response without the fields that say whether users get others there, and whether the body of the request was read. That is
/// by the rules, not by what exists.
fn secret_part(operation: Operation, answer: &str) -> String {
    let is_by_rules = |line: &str| {
        let has_body = matches!(operation, Proppatch | Lock);
        line.starts_with("Vary: ")
            || line.starts_with("Cache-Control: ")
            || has_body && (line.starts_with("Connection: ") || line.starts_with("Keep-Alive: "))
    };
    answer.split_inclusive('\n').filter(|line| !is_by_rules(line)).collect()
}

/// The status of the response, and all of it but its date. A lock that was granted is ended again.
pub fn ask(client: &mut Client, operation: Operation, target: &str) -> (u16, String) {
    let answer = client.ask(&request(operation, target));
    let token = answer.1.split_once("Lock-Token: ").and_then(|(_, rest)| rest.split_once('\r'));
    if let Some((token, _)) = token.filter(|_| operation == Lock) {
        let unlock = format!("UNLOCK {target} HTTP/1.1\r\nHost: localhost\r\nLock-Token: {token}\r\n\r\n");
        assert_eq!(client.ask(&unlock).0, 204, "{target}: its holder ends it");
    }
    answer
}

/// Asks for each path, by each operation, as each client.
fn every_operation_follows_the_rules(mut stage: Stage, operations: &[Operation], period: usize) {
    stage.wharf.files_age();
    let folder = stage.wharf.folder();
    let (mut wrong, mut rotation) = (Vec::new(), Rotation::new(period));
    for operation in built(operations) {
        // The response to a refused path has the same bytes as the response to a missing path.
        let missing = if READS.contains(&operation) { "/open/none" } else { "/closed/none" };
        let missing = stage.clients.iter_mut().map(|client| ask(client, operation, missing));
        let missing: Vec<_> = missing.collect();
        let private = "/private/own/none";
        let asked_to_log_in: Vec<_> =
            stage.clients.iter_mut().map(|client| ask(client, operation, private)).collect();
        if WRITES.contains(&operation) {
            restore(&folder);
        }
        for path in PATHS {
            for ((client, missing), asked) in stage.clients.iter_mut().zip(&missing).zip(&asked_to_log_in) {
                for (spelling, target, reading) in rotation.next_cell() {
                    let target = target(path);
                    let named = reading(path);
                    let expected = expected(client.caller, named.as_deref(), operation);
                    let (status, answer) = ask(client, operation, &target);
                    let case = format!("{:?} {operation:?} {target} ({spelling})", client.caller);
                    // Only what is no path at all is refused before the certificate is missed.
                    let is_refused_later =
                        client.caller == Caller::NoCertificate && named.is_none() && status == 403;
                    if status != expected && !is_refused_later {
                        wrong.push(format!("{case}: {status}, not {expected}"));
                    }
                    if status == 404
                        && (status, secret_part(operation, &answer))
                            != (missing.0, secret_part(operation, &missing.1))
                    {
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
    }
    rotation.assert_complete();
    assert_unchanged(&stage.wharf);
    assert_right(&wrong);
}

/// Fails if any cell is wrong; shows some of them.
pub fn assert_right(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}
