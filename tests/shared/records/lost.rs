//! A store that has lost data, or has data of others under the names of wharf.

use serde_json::json;

use super::{Branches, PASSWORD, TOKENS};
use crate::common::accounts::basic;
use crate::common::eventually;
use crate::common::office::bearer;
use crate::common::store::Store;

/// The keys of the records: of the epoch, the records and the log.
fn keys(store: &Store) -> [String; 3] {
    ["epoch", "lines", "log"].map(|what| {
        let found: Vec<String> = store.ask(&format!("KEYS wharf:wharf:records:*:{what}"));
        found.into_iter().next().expect("a key")
    })
}

#[test]
fn what_had_ended_stays_ended_when_the_store_goes_back() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(2, &store);
    let (ended, kept) = (branches.log_in(0, "anna"), branches.log_in(0, "bert"));
    let link = branches.link(0, &json!({"path": "/a.txt", "for": "2d", "uses": 1}));
    let made = branches.make(0, TOKENS, &json!({"name": "ci", "rights": "read", "for": "30d"}));
    let token = bearer(&made["token"]);
    let keys = keys(&store);
    let before = keys.each_ref().map(|key| store.ask::<Vec<u8>>(&format!("DUMP {key}")));
    assert_eq!(branches.code(1, "POST", "/.wharf/logout", &branches.cookie(1, &ended)), 303);
    assert_eq!(branches.code(1, "POST", &link, ""), 303);
    let id = made["id"].as_str().expect("an id");
    assert_eq!(branches.code(1, "DELETE", &format!("{TOKENS}/{id}"), &basic("anna", PASSWORD)), 204);
    for (key, before) in keys.iter().zip(&before) {
        store.ask_words::<String>(&[b"RESTORE", key.as_bytes(), b"0", before, b"REPLACE"]);
    }
    eventually("it is noticed", || branches.servers[1].log().contains("the store has lost changes"));
    branches
        .eventually_everywhere("the session has ended", |server| branches.by_session(server, &ended) == 401);
    branches.eventually_everywhere("the link is used up", |server| {
        branches.code(server, "POST", &link, "") == 410
    });
    branches.eventually_everywhere("the token is revoked", |server| {
        branches.code(server, "GET", "/a.txt", &token) == 401
    });
    assert_eq!([0, 1].map(|server| branches.by_session(server, &kept)), [200; 2]);
}

/// Each time, the store goes back to a state before a session ended, and this is hard to see.
#[test]
fn a_loss_is_noticed_by_more_than_the_last_change() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(2, &store);
    let kept = branches.log_in(0, "bert");
    let restore = "for i = 1, 3 do redis.call('RESTORE', KEYS[i], 0, ARGV[i], 'REPLACE') end ";
    let ways = [
        // Another change has got the same id.
        "redis.call('XADD', KEYS[3], ARGV[4], 'ids', '', 'mark', 'ab') return 1",
        // The log is gone.
        "redis.call('DEL', KEYS[3]) return 1",
    ];
    for (round, way) in ways.into_iter().enumerate() {
        let ended = branches.log_in(0, "anna");
        let keys = keys(&store);
        let before = keys.each_ref().map(|key| store.ask::<Vec<u8>>(&format!("DUMP {key}")));
        assert_eq!(branches.code(1, "POST", "/.wharf/logout", &branches.cookie(1, &ended)), 303);
        branches.eventually_everywhere("it has ended", |server| branches.by_session(server, &ended) == 401);
        let last: Vec<(String, Vec<String>)> = store.ask(&format!("XREVRANGE {} + - COUNT 1", keys[2]));
        let script = format!("{restore}{way}");
        let words = [b"EVAL" as &[u8], script.as_bytes(), b"3"].into_iter();
        let words = words.chain(keys.iter().map(String::as_bytes)).chain(before.iter().map(Vec::as_slice));
        let words: Vec<_> = words.chain([last[0].0.as_bytes()]).collect();
        store.ask_words::<i64>(&words);
        branches.eventually_everywhere("it is noticed", |server| {
            branches.servers[server].log().matches("the store has lost changes").count() > round
        });
        branches.eventually_everywhere("it stays ended", |server| branches.by_session(server, &ended) == 401);
        assert_eq!([0, 1].map(|server| branches.by_session(server, &kept)), [200; 2]);
    }
}

/// A store that evicts keys evicts first the one that is read least.
#[test]
fn a_store_that_evicts_the_records_ends_all_sessions() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(2, &store);
    let session = branches.log_in(0, "anna");
    assert_eq!(branches.by_session(1, &session), 200);
    assert_eq!(store.ask::<i64>(&format!("DEL {}", keys(&store)[1])), 1);
    branches.eventually_everywhere("it has ended", |server| branches.by_session(server, &session) == 401);
    // Another change follows at once, so no server reads the store in between.
    let session = branches.log_in(0, "anna");
    assert_eq!(branches.by_session(1, &session), 200);
    let [_, lines, log] = keys(&store);
    let script = "redis.call('DEL', KEYS[1]) redis.call('XADD', KEYS[2], '*', 'ids', '', 'mark', 'ab', 'count', 0) return 1";
    store.ask_words::<i64>(&[b"EVAL", script.as_bytes(), b"2", lines.as_bytes(), log.as_bytes()]);
    branches.eventually_everywhere("it has ended", |server| branches.by_session(server, &session) == 401);
    let session = branches.log_in(1, "anna");
    assert_eq!([0, 1].map(|server| branches.by_session(server, &session)), [200; 2]);
}

/// What a store without a file has kept is gone after its restart: all log in again.
#[test]
fn a_store_that_restarts_empty_ends_all_sessions() {
    let Some(mut store) = Store::start(&[]) else { return };
    let branches = Branches::open(2, &store);
    let session = branches.log_in(0, "anna");
    store.kill();
    store.run();
    branches.eventually_everywhere("it has ended", |server| branches.by_session(server, &session) == 401);
    let session = branches.log_in(1, "anna");
    assert_eq!([0, 1].map(|server| branches.by_session(server, &session)), [200; 2]);
}

#[test]
fn foreign_records_open_nothing_and_do_no_harm() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(2, &store);
    let (session, other) = (branches.log_in(0, "anna"), branches.log_in(0, "bert"));
    let [epoch, lines, log] = keys(&store);
    let pairs: Vec<(String, String)> = store.ask(&format!("HGETALL {lines}"));
    let (id, line) = pairs.iter().find(|(_, line)| line.contains("user=anna")).expect("a session");
    let set = |id: &str, line: &[u8]| {
        store.ask_words::<i64>(&[b"HSET", lines.as_bytes(), id.as_bytes(), line]);
        store.ask_words::<String>(&[b"XADD", log.as_bytes(), b"*", b"ids", id.as_bytes()]);
    };
    // The same secret under another id, other data, and much data.
    for (id, line) in [
        ("00000000", line.as_bytes()),
        ("not-an-id", b"\xff\0\r\n"),
        ("11111111", b"session 11111111"),
        ("22222222", &vec![b'x'; 10 << 20]),
        (id, line.replace("user=anna", "user=\x1b[31mroot").as_bytes()),
    ] {
        set(id, line);
    }
    store.ask_words::<String>(&[b"XADD", log.as_bytes(), b"*", b"\xff", b"\xff * \0"]);
    branches.eventually_everywhere("the damaged one opens nothing", |server| {
        branches.by_session(server, &session) == 401
    });
    assert_eq!([0, 1].map(|server| branches.by_session(server, &other)), [200; 2]);
    let session = branches.log_in(1, "anna");
    assert_eq!(branches.by_session(0, &session), 200);
    // Keys of other types.
    for key in [&log, &lines, &epoch] {
        let _: i64 = store.ask(&format!("DEL {key}"));
        let _: i64 = store.ask(&format!("SADD {key} foreign"));
        eventually("the log says so", || branches.servers[0].log().contains("WRONGTYPE"));
        let refused = branches.try_log_in(0, "anna", PASSWORD);
        assert_eq!(refused.code(), 503, "{key}");
        let _: i64 = store.ask(&format!("DEL {key}"));
        branches.eventually_everywhere("one can log in again", |server| {
            branches.try_log_in(server, "anna", PASSWORD).code() == 303
        });
    }
    for server in &branches.servers {
        let log = server.settled_log();
        assert!(log.contains("are damaged or foreign") && !log.contains("panicked"), "{log}");
    }
}

#[test]
fn a_store_without_memory_refuses_logins_and_sessions_go_on() {
    let Some(store) = Store::start(&["--maxmemory-policy", "noeviction"]) else { return };
    let branches = Branches::open(2, &store);
    let session = branches.log_in(0, "anna");
    assert_eq!(branches.by_session(1, &session), 200);
    let _: () = store.ask("CONFIG SET maxmemory 1");
    let refused = branches.try_log_in(0, "anna", PASSWORD);
    assert_eq!((refused.code(), refused.field("Retry-After").as_str()), (503, "2"));
    assert!(branches.servers[0].settled_log().contains("raise maxmemory"), "{}", branches.servers[0].log());
    assert_eq!([0, 1].map(|server| branches.by_session(server, &session)), [200; 2]);
    let _: () = store.ask("CONFIG SET maxmemory 0");
    branches.log_in(0, "anna");
}
