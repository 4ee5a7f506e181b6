//! Passwords that are too large: they are wrong, and are neither received nor hashed.

use std::time::{Duration, Instant};

use super::office::{OPENS, Office, PASSWORD};
use crate::common::Answer;
use crate::common::accounts::basic;

const LENGTH: usize = 10 * 1024 * 1024;

/// What `ask` returns, which must take at least as long as the fixed time of a failure.
#[track_caller]
fn at_the_fixed_time(ask: impl FnOnce() -> Answer) -> Answer {
    let began = Instant::now();
    let answer = ask();
    assert!(began.elapsed() >= Duration::from_millis(45), "too early: {}", answer.code());
    answer
}

#[track_caller]
fn assert_wrong(answer: &Answer) {
    let text = answer.text();
    assert_eq!((answer.code(), answer.field("WWW-Authenticate")), (401, "Bearer".to_owned()), "{text}");
    assert!(text.contains("role=\"alert\">The name or the password is wrong.</p>"), "{text}");
    assert_eq!(answer.field("Set-Cookie"), "");
}

#[test]
fn a_form_that_is_too_large_has_a_wrong_password() {
    let office = Office::open(&[]);
    // The response does not wait for the body.
    let unsent = at_the_fixed_time(|| {
        let mut wire = office.wharf.connect();
        wire.begin_to_ask("POST", "/.wharf/login?next=/open/", Some(LENGTH)).read_answer(false)
    });
    assert_wrong(&unsent);
    assert!(unsent.text().contains("login?next=/open/\""), "{}", unsent.text());
    assert_eq!(unsent.field("Connection"), "close");
    let sent = at_the_fixed_time(|| office.post_login("", OPENS, "anna", &"x".repeat(LENGTH)));
    assert_wrong(&sent);
    // The failures count for this address, but for no user.
    let codes: Vec<_> =
        (0..4).map(|_| office.wharf.ask("POST", "/.wharf/login", "", &[b'x'; 5000]).code()).collect();
    assert!(codes.contains(&429), "{codes:?}");
    assert_eq!(office.post_login("", "", "anna", PASSWORD).code(), 303);
}

#[test]
fn nothing_of_a_chunked_form_that_is_too_large_is_a_request() {
    let office = Office::open(&[]);
    let head = "POST /.wharf/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("1388\r\n{}\r\n", "x".repeat(0x1388));
    let next = "GET /.wharf/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut whole = office.wharf.connect();
    assert_wrong(&at_the_fixed_time(|| whole.send(format!("{head}{chunk}0\r\n\r\n")).read_answer(false)));
    let mut endless = office.wharf.connect();
    assert_wrong(&at_the_fixed_time(|| endless.send(format!("{head}{chunk}{next}")).read_answer(false)));
    assert!(endless.try_read_answer(false).is_none(), "the connection is closed");
}

#[test]
fn the_present_password_cannot_be_larger_either() {
    let office = Office::open(&[]);
    let anna = office.log_in("anna");
    let answer = at_the_fixed_time(|| {
        let form = format!("present={}&new=battery&again=battery", "x".repeat(LENGTH));
        office.wharf.ask("POST", "/.wharf/password", &anna, form.as_bytes())
    });
    assert_eq!(answer.code(), 403);
    assert!(answer.text().contains("The current password is wrong."), "{}", answer.text());
    assert_eq!(office.post_login("", "", "anna", PASSWORD).code(), 303, "it stays as it was");
}

#[test]
fn basic_passwords_that_nobody_can_have_are_refused_at_the_fixed_time() {
    let office = Office::open(&[]);
    let nul = format!("{PASSWORD}\0");
    let table = [
        ("anna", &*"x".repeat(1025), "one byte too long"),
        ("anna", &*"x".repeat(11_000), "the longest that fits"),
        ("bert", &*"x".repeat(73), "too long for bcrypt"),
        ("bert", &*nul, "a NUL"),
        // Basic has the password after the first colon.
        ("a:b", PASSWORD, "a name with a colon"),
        ("nobody", &*"x".repeat(11_000), "an unknown user"),
    ];
    let answers = table.map(|(name, password, case)| {
        let ask = || office.wharf.ask("GET", "/secret.txt", &basic(name, password), b"");
        let answer = at_the_fixed_time(ask);
        assert_eq!(answer.code(), 401, "{case}: {}", answer.text());
        answer.text()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    // Such a head is never parsed.
    assert_eq!(office.status("/secret.txt", &basic("anna", &"x".repeat(16 * 1024))), 431);
}
