//! A store that takes seconds to respond delays only what needs it.

use std::time::Duration;

use super::{Branches, LINKS, PASSWORD, TOKENS, login_form};
use crate::common::accounts::basic;
use crate::common::store::Store;
use crate::common::{Forwarder, Wire, eventually};

/// How often it is tried whether a request is served before those that wait for the store: on a busy machine, the server may stop
/// waiting first.
const ROUNDS: usize = 5;

/// More requests of one client than jobs that save files at once, or wait for the store.
const MANY: usize = 70;

fn start(branches: &Branches, method: &str, target: &str, fields: &str, body: &str) -> Wire {
    let mut wire = branches.servers[0].connect();
    wire.send_request(method, target, fields, body.as_bytes());
    wire
}

#[test]
fn a_slow_store_delays_no_other_password_and_no_upload() {
    let Some(store) = Store::start(&[]) else { return };
    let relay = Forwarder::to(store.listen());
    let branches = Branches::open_at(1, &format!("redis://{}", relay.address()));
    // A password is checked only the first time.
    let [names, others] =
        ["user", "other"].map(|name| (0..ROUNDS).map(|round| format!("{name}{round}")).collect::<Vec<_>>());
    let all = names.iter().chain(&others).map(|name| (name.as_str(), PASSWORD));
    branches.write_users(&[("anna", PASSWORD)].into_iter().chain(all).collect::<Vec<_>>());
    let server = &branches.servers[0];
    let reloaded = format!("reloaded {} users", 2 * ROUNDS + 1);
    eventually("it knows the users", || server.log().contains(&reloaded));
    let was_first = names.iter().zip(&others).any(|(name, other)| {
        // From now on, the password of anna is known without a check.
        eventually("it goes on", || branches.try_log_in(0, "anna", PASSWORD).code() == 303);
        let link = branches.link(0, &serde_json::json!({"path": "/a.txt", "for": "2d", "uses": 2}));
        relay.stop_after(0);
        let anna = basic("anna", PASSWORD);
        let token = r#"{"name": "ci", "for": "1d"}"#;
        let mut waiting = vec![
            start(&branches, "POST", "/.wharf/login", "", &login_form(other, PASSWORD)),
            start(&branches, "POST", &link, "", ""),
            start(&branches, "POST", TOKENS, &anna, token),
        ];
        let all = format!("{LINKS}/all");
        waiting.extend((0..MANY).map(|_| start(&branches, "DELETE", &all, &anna, "")));
        eventually("the password was right", || server.log().contains(&format!("logged in as {other}")));
        let saved = server.ask("PUT", &format!("/{name}.txt"), &basic(name, PASSWORD), b"one");
        assert_eq!(saved.code(), 201, "{}", saved.text());
        let was_first = !waiting.iter_mut().any(|wire| wire.hears_within(Duration::from_millis(1)));
        relay.let_pass();
        for mut wire in waiting {
            let answer = wire.read_answer(false);
            assert!([201, 204, 303, 404, 409, 410, 503].contains(&answer.code()), "{}", answer.text());
        }
        was_first
    });
    assert!(was_first, "it waits for the store");
}
