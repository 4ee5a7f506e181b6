//! What one server has put into the trash, every server of the folder lists, restores and discards.

use serde_json::Value;

use super::Pair;
use crate::common::{Answer, Wharf};

const EDIT: [&str; 2] = ["--allow", "everyone=edit"];

/// The cookie that the answer sets, for requests to this server. Its name has the port of the server, because browsers
/// share the cookies of all ports.
fn cookie(answer: &Answer, to: &Wharf) -> String {
    let set = answer.field("Set-Cookie");
    let (_, value) = set.split_once(';').map_or(&*set, |(pair, _)| pair).split_once('=').expect("a cookie");
    format!("Cookie: wharf-undo-{}={value}\r\n", to.address().port())
}

/// The entries that this server lists, the newest first: their ids and paths.
fn entries(wharf: &Wharf, fields: &str) -> Vec<(String, String)> {
    let answer = wharf.ask("GET", "/.wharf/trash", fields, b"");
    assert_eq!(answer.code(), 200, "{}", answer.text());
    let list: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let items = list["items"].as_array().expect("an array");
    items.iter().map(|item| (text(&item["id"]), text(&item["path"]))).collect()
}

#[test]
fn any_server_restores_what_another_has_removed() {
    let Pair { servers: [first, second], .. } = &Pair::new(&EDIT);
    first.write("a", "old");
    first.write("b", "b");
    first.write("c", "c");
    // The second server has read the trash before anything is in it.
    assert!(entries(second, "").is_empty());
    let removed = first.ask("DELETE", "/b", "", b"");
    let [own, fields] = [first, second].map(|server| cookie(&removed, server));
    assert_eq!(first.ask("PUT", "/a", &own, b"new").code(), 204);
    let listed = entries(second, &fields);
    assert_eq!(listed.iter().map(|(_, path)| &**path).collect::<Vec<_>>(), ["/a", "/b"]);
    assert_eq!(second.ask("DELETE", "/c", &fields, b"").code(), 204);
    // The newest entry is the second server's; then it is one of the first.
    assert_eq!(first.ask("POST", "/.wharf/undo", &own, b"").field("Location"), "/c");
    assert_eq!(second.ask("POST", "/.wharf/undo", &fields, b"").field("Location"), "/a%20(restored)");
    let (id, _) = &listed[1];
    assert_eq!(second.ask("DELETE", &format!("/.wharf/trash/{id}"), &fields, b"").code(), 204);
    assert_eq!(first.ask("POST", &format!("/.wharf/trash/{id}/restore"), &own, b"").code(), 404);
    assert_eq!((entries(first, &own), entries(second, &fields)), (vec![], vec![]));
    assert_eq!((first.read("a"), first.read("a (restored)")), (b"new".to_vec(), b"old".to_vec()));
}

#[test]
fn of_two_servers_one_restores_an_entry() {
    let pair = Pair::new(&EDIT);
    let [first, second] = &pair.servers;
    for round in 0..60 {
        first.write("a", round.to_string());
        let removed = first.ask("DELETE", "/a", "", b"");
        assert_eq!(removed.code(), 204, "round {round}");
        let cookies = [first, second].map(|server| cookie(&removed, server));
        let id = removed.field("Wharf-Trash");
        let target = format!("/.wharf/trash/{id}/restore");
        let answers = pair.at_once(|server| ("POST", target.clone(), cookies[server].clone()));
        let mut codes = answers.each_ref().map(Answer::code);
        codes.sort_unstable();
        assert_eq!(codes, [200, 404], "round {round}");
        assert_eq!(first.tree(), ["a"], "round {round}: it is restored once");
        assert_eq!(first.read("a"), round.to_string().as_bytes(), "round {round}");
    }
}

#[test]
fn of_two_servers_one_removes_a_version() {
    let pair = Pair::new(&EDIT);
    let [first, second] = &pair.servers;
    for round in 0..60 {
        first.write("a", round.to_string());
        let fields = format!("If-Match: {}\r\n", second.ask("HEAD", "/a", "", b"").field("ETag"));
        let answers = pair.at_once(|_| ("DELETE", "/a".to_owned(), fields.clone()));
        let mut codes = answers.each_ref().map(Answer::code);
        codes.sort_unstable();
        assert!(codes == [204, 404] || codes == [204, 412], "round {round}: {codes:?}");
    }
    assert_eq!(first.trash().len(), 60, "each version is there once");
}

#[test]
fn of_two_servers_one_moves_a_file() {
    let pair = Pair::new(&EDIT);
    let [first, second] = &pair.servers;
    for round in 0..60 {
        first.write("a", round.to_string());
        let to = |server: usize| format!("{round}-{server}");
        let tag = second.ask("HEAD", "/a", "", b"").field("ETag");
        let answers = pair.at_once(|server| {
            let fields = format!("Destination: /{}\r\nIf-Match: {tag}\r\n", to(server));
            ("MOVE", "/a".to_owned(), fields)
        });
        let codes = answers.each_ref().map(Answer::code);
        let winner = codes.iter().position(|code| *code == 201).expect("one has moved it");
        assert!(matches!(codes[1 - winner], 404 | 412), "round {round}: {codes:?}");
        assert_eq!(first.read(&to(winner)), round.to_string().as_bytes());
        assert!(!first.folder().join(to(1 - winner)).exists(), "round {round}");
    }
}
