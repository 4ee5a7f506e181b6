//! When links end.

use std::sync::Barrier;
use std::thread;

use serde_json::json;

use super::{LINKS, cookie, link, office, open, path};
use crate::common::eventually;
use crate::common::office::{ANNA, BERT, json};

#[test]
fn a_use_is_taken_by_the_button_alone() {
    let office = office();
    let link = link(&office, &json!({"path": "/work", "for": "1h", "uses": 2}));
    let plan = format!("{link}/plan.txt");
    for _ in 0..5 {
        let page = office.ask("GET", &link, "Accept: text/html\r\n", "");
        assert_eq!(page.code(), 200);
        assert!(
            page.text().contains("<form method=\"post\"><button>Open</button></form>"),
            "{}",
            page.text()
        );
        assert_eq!(
            (page.field("Cache-Control"), page.field("Set-Cookie")),
            ("no-store".into(), String::new())
        );
        assert_eq!(office.code("HEAD", &link, ""), 200);
        for below in ["/", "/plan.txt", "/missing", "/?zip", "/plan.txt?sha256", "/%ff"] {
            let answer = office.ask("GET", &format!("{link}{below}"), "", "");
            assert_eq!((answer.code(), answer.field("Location")), (303, link.clone()), "{below}");
        }
    }
    let forged = office.ask("POST", &link, "Origin: http://evil.example\r\n", "");
    assert_eq!(forged.code(), 403, "another site cannot take a use");
    let first = open(&office, &link, "");
    assert_eq!(office.ask("GET", &plan, &first, "").text(), "a plan");
    // A client that has opened the link needs no further use.
    let again = office.ask("POST", &link, &first, "");
    assert_eq!((again.code(), again.field("Set-Cookie")), (303, String::new()));
    let second = open(&office, &link, "");
    assert_eq!(office.code("POST", &link, ""), 410);
    let page = office.ask("GET", &link, "Accept: text/html\r\n", "");
    assert_eq!(page.code(), 410);
    assert!(page.text().contains("used the maximum number of times"), "{}", page.text());
    assert_eq!(office.code("GET", &plan, ""), 410);
    for cookie in [&first, &second] {
        assert_eq!(office.code("GET", &plan, cookie), 200);
        assert_eq!(office.code("GET", "/work/plan.txt", cookie), 401, "it is for the link only");
    }
    let list = json(&office.ask("GET", LINKS, ANNA, ""));
    assert_eq!((&list[0]["state"], &list[0]["uses_left"]), (&json!("used up"), &json!(0)), "{list}");
}

#[test]
fn of_twenty_at_once_one_gets_the_last_use() {
    let office = office();
    let link = link(&office, &json!({"path": "/work", "for": "1h", "uses": 1}));
    let barrier = Barrier::new(20);
    let codes: Vec<_> = thread::scope(|scope| {
        let clients: Vec<_> = (0..20)
            .map(|_| {
                scope.spawn(|| {
                    let mut wire = office.wharf.connect();
                    barrier.wait();
                    wire.ask("POST", &link, "", b"").code()
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("no panic")).collect()
    });
    let count = |code| codes.iter().filter(|it| **it == code).count();
    assert_eq!((count(303), count(410)), (1, 19), "{codes:?}");
}

#[test]
fn a_link_expires() {
    let office = office();
    let link = link(&office, &json!({"path": "/work", "for": "1s"}));
    let plan = format!("{link}/plan.txt");
    eventually("it expires", || office.code("GET", &plan, "") == 410);
    let page = office.ask("GET", &link, "Accept: text/html\r\n", "");
    assert!(page.text().contains("This link no longer works"), "{}", page.text());
    assert!(page.text().contains("it has expired"), "{}", page.text());
}

#[test]
fn a_revoked_link_opens_nothing_even_if_it_was_open() {
    let office = office();
    let make = || office.make(LINKS, ANNA, r#"{"path":"/work","for":"1h","uses":3}"#);
    let (one, other) = (make(), make());
    let visit = open(&office, &path(&one), "");
    let plan = format!("{}/plan.txt", path(&one));
    assert_eq!(office.code("GET", &plan, &visit), 200);
    let target = format!("{LINKS}/{}", one["id"].as_str().expect("text"));
    for (credentials, expected) in [("", 401), (BERT, 404), (ANNA, 204), (ANNA, 404)] {
        assert_eq!(office.code("DELETE", &target, credentials), expected, "{credentials}");
    }
    for credentials in ["", &visit] {
        assert_eq!(office.code("GET", &plan, credentials), 404);
        assert_eq!(office.code("GET", &path(&one), credentials), 404);
        assert_eq!(office.code("POST", &path(&one), credentials), 404);
    }
    assert_eq!(office.code("GET", &path(&other), ""), 200);
    assert_eq!(office.code("DELETE", &format!("{LINKS}/all"), BERT), 204);
    assert_eq!(office.code("GET", &path(&other), ""), 200, "it is anna's");
    assert_eq!(office.code("DELETE", &format!("{LINKS}/all"), ANNA), 204);
    assert_eq!(office.code("GET", &path(&other), ""), 404);
}

#[test]
fn guesses_and_changed_links_open_nothing() {
    let office = office();
    let link = link(&office, &json!({"path": "/work", "for": "1h"}));
    let other = office.make(LINKS, ANNA, r#"{"path":"/","for":"1h","uses":1}"#);
    let prefix = "/.wharf/l/";
    let secret = link.strip_prefix(prefix).expect("a link");
    let mut wrong = vec![
        String::new(),
        "x".to_owned(),
        "A".repeat(43),
        format!("{secret}A"),
        format!("{secret}="),
        format!("{secret}%00"),
        secret[..42].to_owned(),
        secret.to_lowercase(),
        other["id"].as_str().expect("text").to_owned(),
    ];
    wrong.extend((0..43).step_by(6).map(|at| {
        let mut bytes = secret.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("text")
    }));
    for secret in wrong.iter().filter(|wrong| *wrong != secret) {
        for below in ["", "/", "/plan.txt"] {
            let target = format!("{prefix}{secret}{below}");
            let answer = office.ask("GET", &target, "", "");
            assert!([400, 404].contains(&answer.code()), "{target}: {}", answer.code());
        }
        assert!([400, 404].contains(&office.code("POST", &format!("{prefix}{secret}"), "")), "{secret}");
    }
    // The session of one link is not valid for another.
    let visit = open(&office, &path(&other), "");
    let limited = self::link(&office, &json!({"path": "/work", "for": "1h", "uses": 1}));
    assert_eq!(office.code("GET", &format!("{limited}/plan.txt"), &visit), 303);
    let answer = office.ask("POST", &limited, "", "");
    let changed = cookie(&answer).replace("\r\n", "x\r\n");
    assert_eq!(office.code("GET", &format!("{limited}/plan.txt"), &changed), 410);
}
