//! Delays after failed logins hold at all servers.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Branches, OTHER_PASSWORD, PASSWORD};
use crate::common::accounts::basic;
use crate::common::eventually;
use crate::common::store::Store;

/// How many failures cause no delay.
const FREE: usize = 3;

/// The statuses of guesses at a server, until one is delayed.
fn guess(branches: &Branches, server: usize, name: &str) -> Vec<u16> {
    let mut codes = Vec::new();
    while codes.last() != Some(&429) {
        assert!(codes.len() < 10, "{codes:?}");
        codes.push(branches.code(server, "GET", "/a.txt", &basic(name, "guess")));
    }
    codes
}

/// How many attempts at other servers a server has counted.
fn heard(branches: &Branches, server: usize) -> usize {
    let log = branches.servers[server].log();
    let lines =
        log.lines().filter_map(|line| line.split_once(" attempts to log in at other servers count here"));
    let numbers = lines.filter_map(|(before, _)| before.rsplit(' ').next()?.parse::<usize>().ok());
    numbers.sum()
}

#[test]
fn failures_at_one_server_delay_guesses_at_the_others() {
    let Some(store) = Store::start(&[]) else { return };
    let mut branches = Branches::open(2, &store);
    for name in ["anna", "nobody"] {
        for _ in 0..FREE {
            assert_eq!(branches.code(0, "GET", "/a.txt", &basic(name, "guess")), 401);
        }
    }
    eventually("the other hears of it", || heard(&branches, 1) == 2 * FREE);
    for name in ["anna", "nobody"] {
        let codes = guess(&branches, 1, name);
        assert!(codes.len() <= FREE, "{name}: {codes:?}");
    }
    // A server that starts later hears of it too.
    branches.add();
    eventually("it hears of it", || heard(&branches, 2) > 2 * FREE);
    assert!(guess(&branches, 2, "anna").len() <= FREE);
    // The names are not in the store, because one may be a password.
    let keys: Vec<String> = store.ask("KEYS wharf:wharf:attempts:*");
    let entries: String = format!("{:?}", store.ask::<redis::Value>(&format!("XRANGE {} - +", keys[0])));
    assert!(
        entries.contains("failed") && !entries.contains("anna") && !entries.contains("nobody"),
        "{entries}"
    );
    assert!(store.ask::<i64>(&format!("TTL {}", keys[0])) > 0, "it ends");
}

/// The addresses from which users have logged in, as a server has written them.
fn known_addresses(branches: &Branches, server: usize) -> String {
    let state = branches.place.path().join(format!("state{server}"));
    let entries = std::fs::read_dir(state).expect("a directory").map(|entry| entry.expect("an entry").path());
    let known =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"known-"));
    entries.filter(known).map(|path| std::fs::read_to_string(path).unwrap_or_default()).collect()
}

/// Somebody else may have known the earlier password.
#[test]
fn a_login_with_an_earlier_password_does_not_count() {
    let Some(store) = Store::start(&[]) else { return };
    let mut branches = Branches::open(2, &store);
    for name in ["anna", "bert"] {
        assert_eq!(branches.code(0, "GET", "/a.txt", &basic(name, PASSWORD)), 200);
    }
    eventually("the other hears of it", || heard(&branches, 1) == 2);
    eventually("it knows both", || {
        let known = known_addresses(&branches, 1);
        known.contains("anna ") && known.contains("bert ")
    });
    branches.write_users(&[("anna", OTHER_PASSWORD), ("bert", PASSWORD)]);
    for server in 0..2 {
        let is_new = || branches.code(server, "GET", "/a.txt", &basic("anna", OTHER_PASSWORD)) == 200;
        eventually("it knows the new password", is_new);
    }
    // The entries of before are still in the store.
    branches.add();
    eventually("it hears of the later logins", || known_addresses(&branches, 2).contains("anna "));
    assert!(!known_addresses(&branches, 2).contains("bert "), "{}", known_addresses(&branches, 2));
}

#[test]
fn failures_that_waited_for_the_store_keep_their_time() {
    let Some(mut store) = Store::durable() else { return };
    let branches = Branches::open(2, &store);
    store.kill();
    eventually("it is noticed", || branches.servers[0].log().contains("do not follow the store"));
    let before = Instant::now();
    for _ in 0..FREE {
        assert_eq!(branches.code(0, "GET", "/a.txt", &basic("anna", "guess")), 401);
    }
    let failed = Instant::now();
    eventually("the store is away for a while", || failed.elapsed() >= Duration::from_millis(500));
    let away = failed.elapsed();
    store.run();
    eventually("the other hears of it", || heard(&branches, 1) == FREE);
    let key = store.ask::<Vec<String>>("KEYS wharf:wharf:attempts:*").remove(0);
    let entries: Vec<(String, Vec<String>)> = store.ask(&format!("XRANGE {key} - +"));
    for (_, fields) in entries {
        let ago = fields.last().and_then(|text| text.split(' ').nth(3)?.parse().ok());
        let ago = Duration::from_millis(ago.expect("a number"));
        assert!(away <= ago + Duration::from_millis(1) && ago <= before.elapsed(), "{ago:?}: {fields:?}");
    }
}

#[test]
fn foreign_attempts_do_no_harm() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(2, &store);
    assert_eq!(branches.code(0, "GET", "/a.txt", &basic("anna", PASSWORD)), 200);
    eventually("the other hears of it", || heard(&branches, 1) == 1);
    let key = store.ask::<Vec<String>>("KEYS wharf:wharf:attempts:*").remove(0);
    let large = vec![b'x'; 10 << 20];
    for text in [b"\xff\0" as &[u8], b"failed", b"failed 0 - 0 1.2.3.4", &large] {
        store.ask_words::<String>(&[b"XADD", key.as_bytes(), b"*", b"by", b"x", b"attempt", text]);
        store.ask_words::<String>(&[b"XADD", key.as_bytes(), b"*", text, text]);
    }
    for _ in 0..FREE {
        assert_eq!(branches.code(0, "GET", "/a.txt", &basic("anna", "guess")), 401);
    }
    eventually("they are counted", || heard(&branches, 1) == 1 + FREE);
    let _: i64 = store.ask(&format!("DEL {key}"));
    let _: i64 = store.ask(&format!("SADD {key} foreign"));
    eventually("the log says so", || {
        branches.servers[1].log().contains("delays after failed logins do not follow")
    });
    assert_eq!(branches.code(1, "GET", "/a.txt", &basic("bert", PASSWORD)), 200);
    assert!(branches.servers.iter().all(|server| !server.settled_log().contains("panicked")));
}
