//! The secret of a link is shown once.

use serde_json::json;

use super::{LINKS, open, path};
use crate::common::eventually;
use crate::common::office::{ANNA, Office};

#[test]
fn logs_records_and_pages_have_only_the_public_id() {
    let place = tempfile::tempdir().expect("a directory");
    let script = place.path().join("record");
    let office = Office::open(&["--allow", "anna=edit", "--record", script.to_str().expect("text")]);
    office.wharf.write("work/plan.txt", "a plan");
    let order = json!({"path": "/work", "for": "1h", "uses": 1, "rights": "write"}).to_string();
    let made = office.make(LINKS, ANNA, &order);
    let (link, id) = (path(&made), made["id"].as_str().expect("text"));
    let secret = link.rsplit('/').next().expect("a secret");
    let visit = open(&office, &link, "");
    let cookie = visit.split(['=', '\r']).nth(1).expect("a value");
    let targets = ["", "/", "/plan.txt", "/missing", "/.wharf/uploads/00", "?x", "/plan.txt?list"];
    for (target, fields) in targets.iter().flat_map(|target| [(target, ""), (target, &*visit)]) {
        let fields = format!("Accept: text/html\r\n{fields}");
        let answer = office.ask("GET", &format!("{link}{target}"), &fields, "");
        assert!(!answer.text().contains(secret), "{target}: {}", answer.text());
        assert!(!answer.field("Set-Cookie").contains(cookie), "{target}");
    }
    office.ask("PUT", &format!("{link}/new.txt"), &visit, "new");
    let log = office.wharf.settled_log();
    assert!(log.contains(&format!("\"GET /.wharf/l/{id}/plan.txt HTTP/1.1\" 200 ")), "{log}");
    assert!(log.contains(&format!("\"PUT /.wharf/l/{id}/new.txt HTTP/1.1\" 201 ")), "{log}");
    let unknown = format!("/.wharf/l/{}", "B".repeat(42) + "A");
    assert_eq!(office.code("GET", &unknown, ""), 404);
    let log = office.wharf.settled_log();
    assert!(log.contains("\"GET /.wharf/l/… HTTP/1.1\" 404 "), "{log}");
    let recorded = || std::fs::read_to_string(&script).expect("a script");
    eventually("all is recorded", || recorded().contains("l/…"));
    let recorded = recorded();
    for (name, text) in [("log", &log), ("record", &recorded)] {
        for hidden in [secret, cookie, "BBBBBBBB"] {
            assert!(!text.contains(hidden), "{name}: {text}");
        }
    }
}
