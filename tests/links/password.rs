//! Links with a password.

use serde_json::{Value, json};

use super::{LINKS, link, office, open};
use crate::common::office::{ANNA, json};

#[test]
fn until_the_password_is_given_nothing_is_revealed() {
    let office = office();
    let links = [
        link(&office, &json!({"path": "/work", "for": "1h", "password": "open sesame"})),
        link(&office, &json!({"path": "/work/plan.txt", "for": "1h", "password": "open sesame"})),
        link(&office, &json!({"path": "/work", "for": "1h", "drop": true, "password": "open sesame"})),
    ];
    // The response, without the secret, the date and the number of the page.
    let shape = |method: &str, target: &str, link: &str, fields: &str| {
        let answer = office.ask(method, target, fields, "");
        let page: String =
            answer.text().split("nonce=\"").map(|part| part.get(33..).unwrap_or(part)).collect();
        (answer.code(), answer.field("Location").replace(link, "LINK"), page.replace(link, "LINK"))
    };
    let below = ["", "/", "/plan.txt", "/missing", "/deep/", "/?zip", "/?tar", "/plan.txt?sha256", "/?list"];
    for method in ["GET", "HEAD", "PUT", "POST", "MKCOL", "OPTIONS", "DELETE"] {
        for below in below {
            let shapes: Vec<_> =
                links.iter().map(|link| shape(method, &format!("{link}{below}"), link, "")).collect();
            assert_eq!(shapes[0], shapes[1], "{method} {below}");
            assert_eq!(shapes[0], shapes[2], "{method} {below}");
            if !below.is_empty() {
                let missing = shape(method, &format!("{}/nothing", links[0]), &links[0], "");
                assert_eq!(shapes[0], missing, "{method} {below}");
            }
        }
    }
    for fields in ["Range: bytes=0-0\r\n", "If-None-Match: *\r\n", "If-Match: *\r\n", ANNA] {
        let plan = shape("GET", &format!("{}/plan.txt", links[0]), &links[0], fields);
        let missing = shape("GET", &format!("{}/missing", links[0]), &links[0], fields);
        assert_eq!(plan, missing, "{fields}");
        assert_eq!(plan.0, 303, "{fields}");
    }
    let page = office.ask("GET", &links[0], "Accept: text/html\r\n", "").text();
    assert!(page.contains("type=\"password\"") && !page.contains("work"), "{page}");
}

#[test]
fn the_right_password_opens_it() {
    let office = office();
    let link = link(&office, &json!({"path": "/work", "for": "1h", "password": "größe & co"}));
    let plan = format!("{link}/plan.txt");
    // A password that is too large counts as a failure too. A fourth failure would be delayed.
    let large = format!("password={}", "x".repeat(10_000));
    for form in ["", "password=", "password=wrong", "name=x", &large] {
        let answer = office.ask("POST", &link, "Accept: text/html\r\n", form);
        assert_eq!((answer.code(), answer.field("WWW-Authenticate")), (401, "Bearer".to_owned()), "{form}");
        assert_eq!(
            (answer.field("Set-Cookie"), answer.field("Cache-Control")),
            (String::new(), "no-store".into())
        );
        assert!(answer.text().contains("type=\"password\""), "{}", answer.text());
    }
    let visit = open(&office, &link, "password=gr%C3%B6%C3%9Fe+%26+co");
    assert_eq!(office.ask("GET", &plan, &visit, "").text(), "a plan");
    assert_eq!(office.code("GET", &plan, ""), 303);
    let records = office.records();
    assert!(!records.contains("co\n") && records.contains("$argon2id$"), "{records}");
    let list = json(&office.ask("GET", LINKS, ANNA, ""));
    assert_eq!(list[0]["password"], Value::Bool(true), "{list}");
}

#[test]
fn guesses_are_delayed_and_take_no_use() {
    let office = office();
    let link = link(&office, &json!({"path": "/work", "for": "1h", "uses": 1, "password": "right"}));
    let codes: Vec<_> =
        (0..6).map(|at| office.ask("POST", &link, "", &format!("password=wrong{at}")).code()).collect();
    assert_eq!(codes[..3], [401; 3], "{codes:?}");
    assert!(codes.contains(&429), "{codes:?}");
    let refused = office.ask("POST", &link, "", "password=right");
    assert!(refused.code() == 429 && !refused.field("Retry-After").is_empty(), "{}", refused.code());
    let list = json(&office.ask("GET", LINKS, ANNA, ""));
    assert_eq!(list[0]["uses_left"], 1, "{list}");
    // Another link is not delayed, nor is the user who made it.
    let other = super::link(&office, &json!({"path": "/work", "for": "1h", "password": "right"}));
    open(&office, &other, "password=right");
    let log = office.wharf.settled_log();
    assert!(log.contains("gave a wrong password for the link ") && !log.contains("wrong0"), "{log}");
}
