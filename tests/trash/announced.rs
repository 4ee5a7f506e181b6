//! The chat announces removals and restored files to each member that may list them.

use serde_json::{Value, json};

use super::{EDIT, Visitor};
use crate::chat::Ear;
use crate::common::{Wharf, Wire};

/// The header of a new member, from 127.0.0.`host`.
fn member(wharf: &Wharf, host: u8, name: &str) -> String {
    let mut wire = Wire::connect_from(host, wharf.address());
    let answer = wire.ask("POST", "/.wharf/chat/join", "", format!("user={name}").as_bytes());
    let joined: Value = serde_json::from_slice(&answer.body).expect("JSON");
    format!("Wharf-Member: {}\r\n", joined["token"].as_str().expect("a token"))
}

#[test]
fn members_hear_what_was_removed_and_restored() {
    let wharf = Wharf::serve(&EDIT);
    for path in ["d/a b", "e/file", "f"] {
        wharf.write(path, "x");
    }
    let ann = member(&wharf, 1, "ann");
    let mut ear = Ear::open(&wharf, &ann);
    let mut visitor = Visitor::with(&wharf, &ann);
    visitor.does("DELETE", "/d/a%20b", "", 204);
    visitor.does("DELETE", "/e", "", 204);
    visitor.does("POST", super::UNDO, "", 200);
    let mut other = Visitor::new(&wharf);
    other.does("DELETE", "/f", "", 204);
    let mut heard = || {
        let (kind, mut data) = ear.hear_of(&["remove", "restore", "upload"]);
        data.as_object_mut().expect("an object").remove("at").expect("a time");
        (kind, data)
    };
    assert_eq!(heard(), ("remove".to_owned(), json!({"by": "ann", "path": "d/a b", "href": "/d/a%20b"})));
    assert_eq!(heard(), ("remove".to_owned(), json!({"by": "ann", "path": "e/", "href": "/e/"})));
    assert_eq!(heard(), ("restore".to_owned(), json!({"by": "ann", "path": "e/", "href": "/e/"})));
    let (_, data) = heard();
    assert!(data["by"].as_str().expect("text").starts_with("127.0.0.1:"), "{data}");
}

#[test]
fn nobody_hears_of_what_they_may_not_list() {
    let rules = ["everyone=chat", "everyone=edit@/closed from 127.0.0.2"];
    let flags: Vec<_> = rules.iter().flat_map(|rule| ["--allow", rule]).collect();
    let wharf = Wharf::serve(&flags);
    wharf.write("closed/file", "x");
    let (ann, bob) = (member(&wharf, 1, "ann"), member(&wharf, 2, "bob"));
    let mut wire = Wire::connect_from(2, wharf.address());
    assert_eq!(wire.ask("DELETE", "/closed/file", "", b"").code(), 204);
    assert_eq!(wire.ask("POST", "/.wharf/chat/messages", &bob, b"last").code(), 202);
    let heard = |host, member: &str| {
        let mut wire = Wire::connect_from(host, wharf.address());
        wire.ask("GET", "/.wharf/chat/messages", member, b"").text()
    };
    let (of_ann, of_bob) = (heard(1, &ann), heard(2, &bob));
    assert!(of_ann.contains("last") && !of_ann.contains("closed"), "{of_ann}");
    assert!(
        of_bob.contains("\"event\":\"remove\"") && of_bob.contains("\"path\":\"closed/file\""),
        "{of_bob}"
    );
}
