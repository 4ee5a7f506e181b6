//! Users with accounts in a shared room.

use serde_json::Value;

use crate::common::accounts::basic;
use crate::common::store::Store;
use crate::common::{Wharf, eventually, run};

/// A user is one member at all servers, with a token for each device.
#[test]
fn a_user_is_one_member_with_a_limited_number_of_tokens() {
    const TOKENS: usize = 64;
    let Some(store) = Store::start(&[]) else { return };
    let (place, folder) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a folder"));
    let added = run(&["user", "add", "ann", "--password-stdin", "--users", "users"], "ann", place.path());
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    let users = place.path().join("users");
    let servers = [(); 2].map(|()| {
        let state = tempfile::tempdir_in(place.path()).expect("a directory").keep();
        let [users, state] = [&users, &state].map(|path| path.to_str().expect("text"));
        let flags = ["--users", users, "--state", state, "--shared", &store.url()];
        let wharf = Wharf::serve_folder(folder.path(), &flags);
        eventually("it follows the room", || wharf.log().contains("follows the shared room"));
        wharf
    });
    let join = |number: usize| {
        let answer = servers[number % 2].ask("POST", "/.wharf/chat/join", &basic("ann", "ann"), b"");
        assert_eq!(answer.code(), 200, "{number}: {}", answer.text());
        let joined: Value = serde_json::from_slice(&answer.body).expect("JSON");
        format!("{}Wharf-Member: {}\r\n", basic("ann", "ann"), joined["token"].as_str().expect("a token"))
    };
    let members: Vec<_> = (0..TOKENS + 6).map(join).collect();
    let said = servers[0].ask("POST", "/.wharf/chat/messages", members.last().expect("a member"), b"hello");
    assert_eq!(said.code(), 202);
    assert_eq!(store.ask::<usize>("HLEN wharf:wharf:members"), 1, "one member");
    let key = store.ask::<Vec<String>>("KEYS wharf:wharf:tokens:*");
    assert_eq!(store.ask::<usize>(&format!("SCARD {}", key[0])), TOKENS);
    // When the member leaves, nothing is left.
    let left = servers[1].ask("POST", "/.wharf/chat/leave", members.last().expect("a member"), b"");
    assert_eq!(left.code(), 204);
    assert_eq!(store.ask::<Vec<String>>("KEYS wharf:wharf:tokens:*"), Vec::<String>::new());
}
