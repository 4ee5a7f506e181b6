//! What people see while the chat is paused, because the store does not respond.

use super::Replicas;
use crate::browser::chat::{hears, join, says};
use crate::browser::driver::Browser;
use crate::chat::terminals::Terminal;
use crate::common::store::Store;

const PAUSED: &str = "The chat is paused: its store does not respond.";
const CONTINUES: &str = "The chat continues.";

#[test]
fn a_terminal_shows_the_pause() {
    let Some(mut store) = Store::durable() else { return };
    let replicas = Replicas::start(1, &store.url());
    let place = tempfile::tempdir().expect("a folder");
    let mut terminal = Terminal::join(&replicas.servers[0], "ann", place.path());
    terminal.shows("Here: ann\n");
    store.kill();
    terminal.shows(&format!("{PAUSED}\n"));
    terminal.line("hello");
    terminal.shows("the chat is paused (try again later)");
    store.run();
    terminal.shows(&format!("{CONTINUES}\n"));
}

#[test]
fn the_page_shows_the_pause() {
    let Some(mut store) = Store::durable() else { return };
    let replicas = Replicas::start(1, &store.url());
    let Some(browser) = Browser::open() else { return };
    browser.go(&replicas.servers[0].url("/?list"));
    join(&browser, "ann");
    let shows = |state: &str| {
        browser.until(&format!("document.querySelector('#state').textContent === {state:?}"));
    };
    shows("1 here");
    store.kill();
    hears(&browser, PAUSED);
    shows("Paused");
    store.run();
    hears(&browser, CONTINUES);
    shows("1 here");
    says(&browser, "hello");
    hears(&browser, "hello");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
