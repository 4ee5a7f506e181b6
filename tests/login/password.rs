//! A user changes their own password.

use std::fs;

use super::office::{OPENS, Office, PASSWORD, cookie, line};
use crate::common::Answer;
use crate::common::accounts::replace_users;

/// The form, with the new password twice.
fn change(office: &Office, fields: &str, present: &str, new: &str) -> Answer {
    let form = format!("present={}&new={new}&again={new}", present.replace(' ', "+"));
    office.wharf.ask("POST", "/.wharf/password", &format!("{fields}{OPENS}"), form.as_bytes())
}

#[test]
fn a_change_ends_the_other_sessions() {
    let office = Office::open(&[]);
    let (own, other, bert) = (office.log_in("anna"), office.log_in("anna"), office.log_in("bert"));
    let page = office.wharf.ask("GET", "/.wharf/password", &own, b"");
    assert_eq!((page.code(), &*page.field("Cache-Control")), (200, "no-store"));
    assert!(page.text().contains("autocomplete=\"new-password\""), "{}", page.text());
    let changed = change(&office, &own, PASSWORD, "battery");
    let found = (changed.code(), changed.field("Location"));
    assert_eq!(found, (303, "/.wharf/password?done".to_owned()), "{}", changed.text());
    let new = cookie(&changed);
    let states = [&own, &other, &new, &bert].map(|session| office.status("/secret.txt", session));
    assert_eq!(states, [401, 401, 200, 200]);
    let done = office.wharf.ask("GET", "/.wharf/password?done", &new, b"").text();
    assert!(done.contains("Your password has been changed."), "{done}");
    assert_eq!(office.post_login("", "", "anna", PASSWORD).code(), 401);
    assert_eq!(office.post_login("", "", "anna", "battery").code(), 303);
    let file = fs::read_to_string(office.beside("users")).expect("the file");
    let lines: Vec<_> = file.lines().collect();
    assert!(lines[0].starts_with("anna:$argon2id$v=19$m=19456,t=2,p=1$"), "{file}");
    assert!(lines[1].starts_with("bert:$2") && lines.len() == 2, "{file}");
    let log = office.wharf.settled_log();
    assert!(log.contains(" changed the password of anna") && !log.contains("battery"), "{log}");
    // A client without a session does not get one.
    let basic = "Authorization: Basic YmVydDpjb3JyZWN0IGhvcnNl\r\n";
    let by_basic = change(&office, basic, PASSWORD, "battery");
    assert_eq!((by_basic.code(), by_basic.field("Set-Cookie")), (303, String::new()));
    assert_eq!(office.status("/secret.txt", &bert), 401);
}

#[test]
fn what_is_refused_changes_nothing() {
    let office = Office::open(&[]);
    let anna = office.log_in("anna");
    let before = fs::read(office.beside("users")).expect("the file");
    let long = "x".repeat(1025);
    let table = [
        ("wrong", "battery", 403, "The current password is wrong."),
        (PASSWORD, "", 400, "The new password cannot be used: the password is empty."),
        (PASSWORD, "a%00b", 400, "The new password cannot be used: a password must not contain NUL."),
        (PASSWORD, &*long, 400, "The new password cannot be used: a password has at most 1024 bytes."),
    ];
    for (present, new, code, text) in table {
        let answer = change(&office, &anna, present, new);
        assert_eq!(answer.code(), code, "{text}");
        assert!(answer.text().contains(text), "{text}: {}", answer.text());
    }
    let differ = b"present=correct+horse&new=a&again=b";
    let differ = office.wharf.ask("POST", "/.wharf/password", &anna, differ);
    assert!(differ.code() == 400 && differ.text().contains("The new passwords differ."), "{}", differ.text());
    let cross = format!("{anna}Origin: https://evil.example\r\n");
    assert_eq!(change(&office, &cross, PASSWORD, "battery").code(), 403);
    assert_eq!(change(&office, "", PASSWORD, "battery").code(), 401);
    assert_eq!(office.wharf.ask("POST", "/.wharf/password", &anna, b"new=a&again=a").code(), 400);
    assert_eq!(fs::read(office.beside("users")).expect("the file"), before);
    assert_eq!(office.status("/secret.txt", &anna), 200);
}

#[test]
fn an_account_that_has_changed_meanwhile_is_not_overwritten() {
    let office = Office::open(&[]);
    let anna = office.log_in("anna");
    let users = office.beside("users");
    let changed = line("anna", "another");
    replace_users(&users, &changed);
    // Within a second, the server still knows the old line; afterwards, the session has ended.
    let code = change(&office, &anna, PASSWORD, "battery").code();
    assert!(matches!(code, 401 | 409), "{code}");
    assert_eq!(fs::read_to_string(&users).expect("the file"), changed);
}

#[test]
fn a_users_file_that_the_server_cannot_change_is_explained() {
    let office = Office::open(&[]);
    let anna = office.log_in("anna");
    // In one step, so that the server never sees it empty.
    fs::write(office.beside("draft"), "anna\n").expect("written");
    fs::rename(office.beside("draft"), office.beside("users")).expect("renamed");
    let answer = change(&office, &anna, PASSWORD, "battery");
    assert_eq!(answer.code(), 500);
    let text = answer.text();
    assert!(text.contains("This server cannot change its users file. Ask its administrator"), "{text}");
    assert!(!text.contains("users:1"), "its place is not shown: {text}");
    assert!(office.wharf.settled_log().contains("users:1: there is no hash"), "it is logged");
    assert_eq!(office.status("/secret.txt", &anna), 200);
}

#[test]
fn a_shared_password_cannot_be_changed() {
    let office = Office::shared();
    let login = office.wharf.ask("POST", "/.wharf/login", "", b"password=correct+horse");
    assert_eq!(office.status("/.wharf/password", &cookie(&login)), 404);
}
