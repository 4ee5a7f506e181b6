//! Links that only take files.

use serde_json::json;

use super::{link, office, open};
use crate::common::office::Office;
use crate::rights::drop_box;

/// Sends a form with one file; returns the status, where it leads, and the text.
fn send(office: &Office, link: &str, name: &str, content: &str, fields: &str) -> (u16, String, String) {
    let body = format!(
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{content}\r\n--x--\r\n"
    );
    let fields = format!("{fields}Content-Type: multipart/form-data; boundary=x\r\n");
    let answer = office.ask("POST", &format!("{link}/"), &fields, &body);
    (answer.code(), answer.field("Location"), answer.text())
}

#[test]
fn the_page_takes_files_and_says_thank_you() {
    let office = office();
    let link = link(&office, &json!({"path": "/work", "for": "1h", "drop": true}));
    let page = office.ask("GET", &format!("{link}/"), "Accept: text/html\r\n", "");
    assert_eq!(page.code(), 200);
    assert!(page.text().contains("type=\"file\"") && page.text().contains("multipart/form-data"));
    assert!(!page.text().contains("plan") && !page.text().contains("work"), "{}", page.text());
    let (code, location, _) = send(&office, &link, "cv.txt", "a life", "Accept: text/html\r\n");
    assert_eq!(code, 303);
    assert!(location.starts_with(&format!("{link}/?")), "{location}");
    let thanks = office.ask("GET", &location, "Accept: text/html\r\n", "");
    assert!(thanks.code() == 200 && thanks.text().contains("Thank you"), "{}", thanks.text());
    assert!(!thanks.text().contains("cv.txt"));
    assert_eq!(office.wharf.read("work/cv.txt"), b"a life");
}

#[test]
fn a_taken_name_gets_a_suffix_and_the_same_response() {
    let office = office();
    let link = link(&office, &json!({"path": "/work", "for": "1h", "drop": true}));
    let fresh = send(&office, &link, "none.txt", "mine!!", "");
    let taken = send(&office, &link, "plan.txt", "mine!!", "");
    assert_eq!(fresh.2.replace("none", "plan"), taken.2);
    assert_eq!((fresh.0, &fresh.1), (taken.0, &taken.1));
    assert_eq!(taken.2, "saved plan.txt (6 bytes)\n");
    assert_eq!(office.wharf.read("work/plan.txt"), b"a plan");
    let put = |name: &str| {
        let answer = office.ask("PUT", &format!("{link}/{name}"), "", "mine!!");
        (
            answer.code(),
            answer.text().replace(name, "NAME"),
            answer.field("Content-Location").replace(name, "NAME"),
        )
    };
    assert_eq!(put("fresh.txt"), put("plan.txt"));
    let kept = office.wharf.tree().into_iter().filter(|name| name.starts_with("work/plan")).count();
    assert_eq!(kept, 3, "{:?}", office.wharf.tree());
}

#[test]
fn no_way_to_send_tells_which_names_are_taken() {
    let office = office();
    let link = link(&office, &json!({"path": "/work", "for": "1h", "drop": true}));
    drop_box::tells_nothing(&office.wharf, "work", &link);
}

#[test]
fn nothing_can_be_read_back() {
    let office = office();
    let link = link(&office, &json!({"path": "/work", "for": "1h", "drop": true, "uses": 1}));
    let visit = open(&office, &link, "");
    send(&office, &link, "mine.txt", "mine", &visit);
    assert_eq!(office.wharf.read("work/mine.txt"), b"mine");
    for method in ["GET", "HEAD", "MKCOL", "DELETE"] {
        for query in ["", "?sha256", "?zip", "?list"] {
            let shape = |name: &str| {
                let answer = office.ask(method, &format!("{link}/{name}{query}"), &visit, "");
                (answer.code(), answer.text().replace(name, "NAME"))
            };
            let missing = shape("nothing.txt");
            assert_eq!(shape("mine.txt"), missing, "{method} {query}");
            assert_eq!(shape("plan.txt"), missing, "{method} {query}");
            assert!([403, 404, 405].contains(&missing.0), "{method} {query}: {}", missing.0);
        }
    }
    let page = office.ask("GET", &format!("{link}/?zip"), &visit, "");
    assert!(page.text().contains("Send files"), "the root is the page, whatever the query: {}", page.text());
    for fields in ["If-Match: *\r\n", "If-None-Match: *\r\n"] {
        let shape = |name: &str| {
            let answer = office.ask("PUT", &format!("{link}/{name}"), &format!("{visit}{fields}"), "x");
            (answer.code(), answer.text().replace(name, "NAME"))
        };
        assert_eq!(shape("plan.txt"), shape("new.txt"), "{fields}");
    }
}
