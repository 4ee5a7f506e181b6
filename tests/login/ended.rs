//! Sessions end with their user's account and password.

use std::fs;
use std::io::Write as _;

use super::office::{Office, PASSWORD, line};
use crate::common::accounts::replace_users;
use crate::common::eventually;

#[test]
fn a_session_ends_with_its_user_and_does_not_come_back() {
    let office = Office::open(&[]);
    let (anna, bert) = (office.log_in("anna"), office.log_in("bert"));
    let users = office.beside("users");
    let before = fs::read_to_string(&users).expect("the file");
    let of_bert = before.lines().find(|line| line.starts_with("bert:")).expect("a line");
    replace_users(&users, &format!("{of_bert}\n"));
    eventually("anna is gone", || office.status("/secret.txt", &anna) == 401);
    assert_eq!(office.status("/secret.txt", &bert), 200);
    let mut file = fs::File::options().append(true).open(&users).expect("the file");
    file.write_all(line("anna", PASSWORD).as_bytes()).expect("written");
    eventually("a new anna", || office.post_login("", "", "anna", PASSWORD).code() == 303);
    assert_eq!(office.status("/secret.txt", &anna), 401, "she inherits nothing");
}

#[test]
fn a_session_ends_with_the_password_and_when_the_user_is_disabled() {
    let office = Office::open(&[]);
    let (anna, bert) = (office.log_in("anna"), office.log_in("bert"));
    let users = office.beside("users");
    let disabled = line("bert", PASSWORD).replacen(':', ":!", 1);
    replace_users(&users, &(line("anna", "another") + &disabled));
    for session in [&anna, &bert] {
        eventually("it has ended", || office.status("/secret.txt", session) == 401);
    }
    let old = office.post_login("", "", "anna", PASSWORD);
    assert_eq!(old.code(), 401);
    assert_eq!(office.post_login("", "", "anna", "another").code(), 303);
    assert_eq!(office.post_login("", "", "bert", PASSWORD).code(), 401);
}
