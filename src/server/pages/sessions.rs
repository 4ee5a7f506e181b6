//! The sessions of a user.

use std::sync::Arc;

use maud::{Markup, html};

use crate::accounts::records::{Record, RecordId, WallTime};
use crate::http::response::Head;
use crate::own_paths::{LOGOUT, PASSWORD, SESSIONS};
use crate::server::pages::page::page;
use crate::server::pages::words;

/// What the page shows.
#[derive(Debug)]
pub(crate) struct SessionsPage<'a> {
    /// The relative path to the root of the server, without its final slash.
    pub root: &'a str,
    pub user: &'a str,
    /// The sessions, the oldest first.
    pub sessions: &'a [Arc<Record>],
    /// The session of this browser.
    pub own: Option<RecordId>,
}

impl SessionsPage<'_> {
    /// The page, and its head.
    pub(crate) fn framed(&self, head: Head) -> (Head, String) {
        let others = self.sessions.iter().filter(|session| Some(session.id) != self.own).count();
        let body = html! {
            main .error {
                h1 { (words::SESSIONS) }
                p { (words::phrase(words::WHERE_LOGGED_IN, &[("user", html! { bdi { (self.user) } })])) }
                ul .sessions { @for session in self.sessions { (self.session(session)) } }
                @if others > 0 {
                    form method="post" action={ (self.root) (SESSIONS) } {
                        button name="end" value="others" { @if self.own.is_some() { (words::END_ALL_OTHERS) } @else { (words::END_ALL) } }
                    }
                }
                form action={ (self.root) (PASSWORD) } { button .quiet { (words::CHANGE_PASSWORD) } }
                form action={ (self.root) "/" } { button .quiet name="list" { (words::BACK_TO_FILES) } }
            }
        };
        page(head, words::SESSIONS, &body, self.root)
    }

    fn session(&self, session: &Record) -> Markup {
        let is_own = Some(session.id) == self.own;
        let used = session.last_used().unwrap_or(session.created);
        html! {
            li {
                p {
                    @if is_own { strong { (words::THIS_BROWSER) } ": " }
                    (words::phrase(words::SESSION_TIMES, &[("created", time(session.created)), ("used", time(used))]))
                }
                @if is_own {
                    form method="post" action={ (self.root) (LOGOUT) } { button .quiet { (words::LOG_OUT) } }
                } @else {
                    form method="post" action={ (self.root) (SESSIONS) } {
                        button .quiet name="end" value=(session.id.as_str()) aria-label=(words::fill(words::END_SESSION, &[("id", &session.id.as_str())])) { (words::END) }
                    }
                }
            }
        }
    }
}

/// A time to the minute; the script shows it as local time.
fn time(time: WallTime) -> Markup {
    let text = time.to_string();
    html! {
        time datetime=(text) { (text.get(..10).unwrap_or_default()) " " (text.get(11..16).unwrap_or_default()) " UTC" }
    }
}
