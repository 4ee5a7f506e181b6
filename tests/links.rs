//! Links: who may make them, what they give access to, and when they end.

mod command;
mod drop;
mod limits;
mod pages;
mod password;
mod secrets;

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::common::office::{ANNA, BERT, CARA, Office, bearer, json};
use crate::common::{Answer, eventually};

const LINKS: &str = "/.wharf/links";

/// Rights that differ by user and by folder.
const RULES: [&str; 6] = ["--allow", "anna=edit", "--allow", "bert=view", "--allow", "bert,cara=write@/work"];

fn office() -> Office {
    let office = Office::open(&RULES);
    office.wharf.write("work/plan.txt", "a plan");
    office.wharf.write("work/deep/more.txt", "more");
    office.wharf.write("secret.txt", "a secret");
    office
}

/// The path of a new link of anna.
fn link(office: &Office, order: &Value) -> String {
    path(&office.make(LINKS, ANNA, &order.to_string()))
}

/// The path of a link that was made.
fn path(made: &Value) -> String {
    let link = made["link"].as_str().expect("text");
    link[link.find("/.wharf/l/").expect("a link")..].to_owned()
}

/// The field with the cookie that a response sets.
fn cookie(answer: &Answer) -> String {
    let set = answer.field("Set-Cookie");
    format!("Cookie: {}\r\n", set.split(';').next().unwrap_or_default())
}

/// Opens a link, and returns the field with its cookie.
fn open(office: &Office, link: &str, form: &str) -> String {
    let answer = office.ask("POST", link, "", form);
    assert_eq!(answer.code(), 303, "{}", answer.text());
    cookie(&answer)
}

#[test]
fn a_folder_looks_like_the_root() {
    let office = office();
    let link = link(&office, &json!({"path": "/work/", "for": "2d"}));
    let first = office.ask("GET", &link, "", "");
    assert_eq!((first.code(), first.field("Location")), (303, format!("{link}/")));
    let page = office.ask("GET", &format!("{link}/"), "Accept: text/html\r\n", "");
    assert_eq!(page.code(), 200);
    let text = page.text();
    assert!(text.contains("./plan.txt") && text.contains("./deep/"), "{text}");
    assert!(!text.contains("work"), "{text}");
    assert!(!text.contains(&link), "links are relative: {text}");
    assert_eq!(page.field("Cache-Control"), "no-store");
    // Its style sheet lies below the link too.
    let style = text.split("href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a style sheet");
    let style = format!("{link}/{}", style.trim_start_matches("./"));
    assert_eq!(office.code("GET", &style, ""), 200, "{style}");
    let list = json(&office.ask("GET", &format!("{link}/deep/"), "Accept: application/json\r\n", ""));
    assert_eq!((&list["path"], &list["entries"][0]["name"]), (&json!("/deep/"), &json!("more.txt")));
    let file = office.ask("GET", &format!("{link}/plan.txt"), "", "");
    assert_eq!((file.code(), file.text()), (200, "a plan".to_owned()));
    assert_eq!(file.field("Referrer-Policy"), "no-referrer");
    assert_eq!(file.field("Cache-Control"), "private, no-cache");
    let part = office.ask("GET", &format!("{link}/plan.txt"), "Range: bytes=2-\r\n", "");
    assert_eq!((part.code(), part.text()), (206, "plan".to_owned()));
    let hash = office.ask("GET", &format!("{link}/plan.txt?sha256"), "", "");
    assert_eq!((hash.code(), hash.text().len()), (200, 65));
    let moved = office.ask("GET", &format!("{link}/deep"), "", "");
    assert_eq!((moved.code(), moved.field("Location")), (308, format!("{link}/deep/")));
    assert_eq!(moved.text(), "/deep/\n");
    let archive = office.ask("GET", &format!("{link}/?tar"), "", "");
    assert!(archive.code() == 501 || archive.text().contains("a plan"), "{}", archive.code());
}

#[test]
fn nothing_outside_can_be_reached() {
    let office = office();
    let folder = office.wharf.folder();
    symlink("../secret.txt", folder.join("work/out.txt")).expect("linked");
    symlink("..", folder.join("work/up")).expect("linked");
    symlink("/etc", folder.join("work/etc")).expect("linked");
    symlink("deep/more.txt", folder.join("work/in.txt")).expect("linked");
    let link = link(&office, &json!({"path": "/work", "for": "2d"}));
    for below in [
        "/out.txt",
        "/up/",
        "/up/secret.txt",
        "/etc/passwd",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/work/plan.txt",
        "/.wharf/tokens",
        "/.wharf/links",
        "/.wharf/health",
        "/.wharf/chat/messages",
        "/.wharf/id",
        "/.wharf/exit",
        "/secret.txt",
        "/out.txt?sha256",
    ] {
        let answer = office.ask("GET", &format!("{link}{below}"), "", "");
        assert!([400, 403, 404].contains(&answer.code()), "{below}: {}, {}", answer.code(), answer.text());
    }
    assert_eq!(office.ask("GET", &format!("{link}/in.txt"), "", "").text(), "more");
    let list = office.ask("GET", &format!("{link}/"), "Accept: text/plain\r\n", "").text();
    assert!(list.contains("plan.txt"), "{list}");
    let tar = office.ask("GET", &format!("{link}/?tar"), "", "").text();
    assert!(!tar.contains("a secret"));
}

#[test]
fn a_link_does_what_its_rights_say() {
    let office = office();
    let view = link(&office, &json!({"path": "/work", "for": "1h"}));
    let write = link(&office, &json!({"path": "/work", "for": "1h", "rights": "write"}));
    for (link, method, below, expected) in [
        (&view, "PUT", "/new.txt", 403),
        (&view, "PUT", "/plan.txt", 403),
        (&view, "PUT", "/deep/new.txt", 403),
        (&view, "MKCOL", "/new", 403),
        (&write, "PUT", "/new.txt", 201),
        (&write, "MKCOL", "/made", 201),
        (&write, "GET", "/new.txt", 200),
    ] {
        assert_eq!(office.code(method, &format!("{link}{below}"), ""), expected, "{method} {below}");
    }
    let saved = office.ask("POST", &format!("{write}/sent.txt"), "", "sent");
    assert_eq!(saved.text(), "saved sent.txt (4 bytes)\n");
    assert_eq!(saved.field("Content-Location"), format!("{write}/sent.txt"));
    assert_eq!(office.wharf.read("work/sent.txt"), b"sent");
    assert!(!office.wharf.folder().join("new.txt").exists());
    let draft = "Upload-Draft-Interop-Version: 9\r\nUpload-Complete: ?0\r\n";
    let begun = office.ask("PUT", &format!("{write}/large.txt"), draft, "12345");
    let upload = begun.field("Location");
    assert!(begun.code() == 201 && upload.starts_with(&format!("{write}/.wharf/uploads/")), "{upload}");
    let rest = "Upload-Draft-Interop-Version: 9\r\nUpload-Complete: ?1\r\nUpload-Offset: 5\r\n\
                Content-Type: application/partial-upload\r\nContent-Length: 3\r\n";
    let outside = &upload[upload.rfind("/.wharf/uploads/").expect("an upload")..];
    assert_ne!(office.ask("PATCH", outside, rest, "678").code(), 201, "without the link, nobody may write");
    let ended = office.ask("PATCH", &upload, rest, "678");
    assert_eq!(
        (ended.code(), office.wharf.read("work/large.txt")),
        (201, b"12345678".to_vec()),
        "{}",
        ended.text()
    );
}

#[test]
fn a_link_to_a_file_opens_that_file_only() {
    let office = office();
    let link = link(&office, &json!({"path": "/work/plan.txt", "for": "1h"}));
    for target in [link.clone(), format!("{link}/")] {
        let answer = office.ask("GET", &target, "", "");
        assert_eq!((answer.code(), answer.field("Location")), (303, format!("{link}/plan.txt")), "{target}");
    }
    assert_eq!(office.ask("GET", &format!("{link}/plan.txt"), "", "").text(), "a plan");
    for below in ["/deep/more.txt", "/plan.txt/", "/deep/", "/secret.txt", "/plan.txt/x", "/?list", "/?zip"] {
        let answer = office.ask("GET", &format!("{link}{below}"), "", "");
        let leads_to_it = answer.code() == 303 && answer.field("Location") == format!("{link}/plan.txt");
        assert!(answer.code() == 404 || answer.code() == 403 || leads_to_it, "{below}: {}", answer.code());
        assert!(!answer.text().contains("more"), "{below}");
    }
    assert_eq!(office.code("PUT", &format!("{link}/plan.txt"), ""), 403);
}

#[test]
fn only_those_who_may_share_make_links() {
    let office = office();
    for (credentials, order, expected) in [
        (ANNA, r#"{"path":"/","for":"1d"}"#, 201),
        (BERT, r#"{"path":"/","for":"1d"}"#, 403),
        (BERT, r#"{"path":"/work","for":"1d"}"#, 201),
        (CARA, r#"{"path":"/work/plan.txt","for":"1d"}"#, 201),
        (CARA, r#"{"path":"/work","for":"1d","rights":"edit"}"#, 403),
        (CARA, r#"{"path":"/secret.txt","for":"1d"}"#, 403),
        ("", r#"{"path":"/work","for":"1d"}"#, 401),
        (ANNA, r#"{"path":"/missing","for":"1d"}"#, 404),
        (ANNA, r#"{"path":"/work"}"#, 400),
        (ANNA, r#"{"path":"/work","for":"soon"}"#, 400),
        (ANNA, r#"{"path":"/work","for":"1d","uses":0}"#, 400),
        (ANNA, r#"{"path":"/work","for":"1d","rights":"admin"}"#, 400),
        (ANNA, r#"{"path":"/work","for":"1d","rights":"read"}"#, 400),
        (ANNA, r#"{"path":"/work/plan.txt","for":"1d","drop":true}"#, 400),
        (ANNA, r#"{"path":"/work/plan.txt","for":"1d","rights":"write"}"#, 400),
        (ANNA, r#"{"path":"/work","for":"1d","password":""}"#, 400),
    ] {
        let answer = office.ask("POST", LINKS, credentials, order);
        assert_eq!(answer.code(), expected, "{credentials}{order}: {}", answer.text());
    }
    let list = json(&office.ask("GET", LINKS, ANNA, ""));
    assert_eq!(list.as_array().map(Vec::len), Some(1), "a link that was refused does not exist: {list}");
    // A request through a link cannot make a link.
    let link = link(&office, &json!({"path": "/work", "for": "1h", "rights": "write"}));
    let cookie = open(&office, &link, "");
    assert_eq!(office.ask("POST", LINKS, &cookie, r#"{"path":"/work","for":"1d"}"#).code(), 401);
}

#[test]
fn the_givers_rights_hold_at_the_moment() {
    let office = Office::open(&["--allow", "bert=write@/work"]);
    office.wharf.write("work/plan.txt", "a plan");
    let link = path(&office.make(LINKS, BERT, r#"{"path":"/work","for":"1d"}"#));
    let token = office.make("/.wharf/tokens", BERT, r#"{"name":"t","path":"/work","rights":"view,share"}"#);
    // A link would outlive the token.
    let order = r#"{"path":"/work","for":"1d"}"#;
    assert_eq!(office.ask("POST", LINKS, &bearer(&token["token"]), order).code(), 403);
    for method in ["GET", "DELETE"] {
        let target = if method == "GET" { LINKS.to_owned() } else { format!("{LINKS}/all") };
        assert_eq!(office.code(method, &target, &bearer(&token["token"])), 403, "{method}");
    }
    let plan = format!("{link}/plan.txt");
    assert_eq!(office.code("GET", &plan, ""), 200);
    office.keep_users(&["anna"]);
    eventually("the link ends with its giver", || office.code("GET", &plan, "") == 404);
    office.keep_users(&["anna", "bert"]);
    eventually("bert is a user again", || office.code("GET", "/work/plan.txt", BERT) == 200);
    assert_eq!(office.code("GET", &plan, ""), 404, "a user made anew inherits nothing");
}

#[test]
fn credentials_come_before_the_link() {
    let office = office();
    let link = link(&office, &json!({"path": "/", "for": "1h", "rights": "write"}));
    let plan = format!("{link}/secret.txt");
    assert_eq!(office.code("GET", &plan, ""), 200);
    assert_eq!(office.code("GET", &plan, BERT), 200);
    assert_eq!(office.code("GET", &plan, CARA), 403, "she may not read it");
    assert_eq!(office.code("PUT", &plan, BERT), 403, "he may not write it");
    assert_eq!(office.code("GET", &plan, "Authorization: Bearer wharf_x\r\n"), 401);
    let token = office.make("/.wharf/tokens", ANNA, r#"{"name":"t","path":"/work"}"#);
    assert_eq!(office.code("GET", &plan, &bearer(&token["token"])), 403, "a token stays in its folder");
}

#[test]
fn a_link_below_a_base() {
    let office = Office::open(&["--allow", "anna=edit", "--base", "/files"]);
    office.wharf.write("work/plan.txt", "a plan");
    let made = office.make("/files/.wharf/links", ANNA, r#"{"path":"/work","for":"1h","uses":1}"#);
    let link = made["link"].as_str().expect("text");
    let link = &link[link.find("/files/.wharf/l/").expect("below the base")..];
    let closed = office.ask("GET", &format!("{link}/plan.txt"), "", "");
    assert_eq!((closed.code(), closed.field("Location")), (303, link.to_owned()));
    let opened = office.ask("POST", link, "", "");
    assert_eq!((opened.code(), opened.field("Location")), (303, format!("{link}/")));
    assert!(opened.field("Set-Cookie").contains(&format!("Path={link};")), "{}", opened.field("Set-Cookie"));
    let file = office.ask("GET", &format!("{link}/plan.txt"), &cookie(&opened), "");
    assert_eq!((file.code(), file.text()), (200, "a plan".to_owned()));
}
