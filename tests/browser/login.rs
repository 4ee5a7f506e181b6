//! Logging in and out with a browser, and a session that is ended while its page is open.

use std::fs;

use super::accessibility::is_for_everybody;
use super::driver::Browser;
use crate::common::eventually;
use crate::login::office::{Office, PASSWORD};

/// A browser at the login page of a server, to which it was led from a folder that needs an account.
pub(super) fn stage(flags: &[&str]) -> Option<(Office, Browser)> {
    let browser = Browser::open()?;
    let office = Office::open(flags);
    browser.go(&office.wharf.url("/?list"));
    browser.until("location.pathname.endsWith('/.wharf/login') && document.querySelector('.fields')");
    Some((office, browser))
}

/// Fills in the form of the login page, and sends it.
pub(super) fn log_in(browser: &Browser, password: &str) {
    browser.js("for (const field of document.querySelectorAll('.fields input')) field.value = ''");
    browser.type_into("#name", "anna");
    browser.type_into("#password", password);
    browser.click(".fields button");
}

pub(super) const IN: &str = "document.querySelector('#account[data-user=anna]')";

#[test]
fn login_wrong_password_and_logout() {
    let Some((office, browser)) = stage(&[]) else { return };
    for script in [true, false] {
        if !script {
            browser.without_script();
            browser.go(&office.wharf.url("/?list"));
        }
        browser.until("document.activeElement.id === 'name'");
        log_in(&browser, "wrong");
        browser.until("document.querySelector('#failure')");
        assert_eq!(browser.text("#failure"), "The name or the password is wrong.");
        // `autofocus` takes effect only when the page is drawn.
        browser.until("document.activeElement.id === 'password'");
        assert_eq!(browser.js("return document.querySelector('#name').value"), "anna");
        log_in(&browser, PASSWORD);
        browser.until(IN);
        assert_eq!(browser.js("return location.pathname + location.search"), "/?list");
        assert_eq!(browser.names(), ["open", "secret.txt"]);
        browser.press("Log out");
        browser.until("document.querySelector('.fields')");
    }
}

#[test]
fn the_pages_of_accounts_are_accessible() {
    let Some((office, browser)) = stage(&[]) else { return };
    is_for_everybody(&browser, "login");
    log_in(&browser, "wrong");
    browser.until("document.querySelector('#failure')");
    is_for_everybody(&browser, "login-failed");
    log_in(&browser, PASSWORD);
    browser.until(IN);
    is_for_everybody(&browser, "logged-in");
    office.log_in("anna");
    browser.press("Sessions");
    browser.until("document.querySelector('.sessions')");
    is_for_everybody(&browser, "sessions");
    browser.press("Change the password");
    browser.until("document.querySelector('#again')");
    is_for_everybody(&browser, "password");
    for (field, text) in [("#present", PASSWORD), ("#new", "battery staple"), ("#again", "battery staple")] {
        browser.type_into(field, text);
    }
    browser.click(".fields button");
    browser.until("document.querySelector('[role=status]')");
    is_for_everybody(&browser, "password-changed");
    browser.go(&office.wharf.url("/open/?list"));
    browser.press("Log out");
    browser.until("location.pathname.endsWith('/.wharf/login')");
    browser.go(&office.wharf.url("/open/?list"));
    browser.until("document.querySelector('form#account')");
    is_for_everybody(&browser, "logged-out");
}

#[test]
fn a_session_that_is_ended_elsewhere_loses_nothing() {
    let Some((office, browser)) = stage(&[]) else { return };
    log_in(&browser, PASSWORD);
    browser.until(IN);
    browser.type_into("#filter", "sec");
    let elsewhere = office.log_in("anna");
    assert_eq!(office.wharf.ask("POST", "/.wharf/sessions", &elsewhere, b"end=others").code(), 303);
    let path = office.wharf.outside_folder().join("report.txt");
    fs::write(&path, "a report").expect("written");
    browser.type_into("#give input", path.to_str().expect("text"));
    browser.until("document.querySelector('#gone a')");
    browser.until("document.querySelector('#uploads small')?.textContent === 'waiting until you log in'");
    assert!(
        browser.text("#gone").starts_with("You are no longer logged in. Log in"),
        "{}",
        browser.text("#gone")
    );
    is_for_everybody(&browser, "session-ended");
    let (old, new) = browser.new_tab();
    browser.turn_to(&old);
    let login = browser.js("return document.querySelector('#gone a').href");
    browser.turn_to(&new);
    browser.go(login.as_str().expect("a link"));
    log_in(&browser, PASSWORD);
    browser.until(IN);
    browser.close_tab();
    browser.turn_to(&old);
    browser.js("window.dispatchEvent(new Event('focus'))");
    browser.until("!document.querySelector('#gone')");
    eventually("the upload goes on", || office.wharf.folder().join("report.txt").exists());
    assert_eq!(browser.js("return document.querySelector('#filter').value"), "sec");
    assert_eq!(office.wharf.read("report.txt"), b"a report");
}

#[test]
fn a_session_is_ended_in_another_window() {
    let Some((office, browser)) = stage(&[]) else { return };
    log_in(&browser, PASSWORD);
    browser.until(IN);
    let other = office.log_in("anna");
    browser.press("Sessions");
    browser.until("document.querySelectorAll('.sessions li').length === 2");
    assert!(!browser.text(".sessions").contains("UTC"), "local times");
    browser.press("End");
    browser.until("document.querySelectorAll('.sessions li').length === 1");
    assert_eq!(office.status("/secret.txt", &other), 401);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
