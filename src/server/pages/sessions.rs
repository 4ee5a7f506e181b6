//! The sessions of a user.

use std::sync::Arc;

use maud::{Markup, html};

use crate::accounts::records::{Record, RecordId, WallTime};
use crate::http::response::Head;
use crate::own_paths::{LOGOUT, PASSWORD, SESSIONS};
use crate::server::pages::page::page;

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
                h1 { "Sessions" }
                p { "Where " bdi { (self.user) } " is logged in:" }
                ul .sessions { @for session in self.sessions { (self.session(session)) } }
                @if others > 0 {
                    form method="post" action={ (self.root) (SESSIONS) } {
                        button name="end" value="others" { @if self.own.is_some() { "End all others" } @else { "End all" } }
                    }
                }
                form action={ (self.root) (PASSWORD) } { button .quiet { "Change the password" } }
                form action={ (self.root) "/" } { button .quiet name="list" { "Back to the files" } }
            }
        };
        page(head, "Sessions", &body, self.root)
    }

    fn session(&self, session: &Record) -> Markup {
        let is_own = Some(session.id) == self.own;
        let used = session.last_used().unwrap_or(session.created);
        html! {
            li {
                p {
                    @if is_own { strong { "This browser" } ": " }
                    "logged in " (time(session.created)) ", last used " (time(used))
                }
                @if is_own {
                    form method="post" action={ (self.root) (LOGOUT) } { button .quiet { "Log out" } }
                } @else {
                    form method="post" action={ (self.root) (SESSIONS) } {
                        button .quiet name="end" value=(session.id.as_str()) aria-label={ "End the session " (session.id.as_str()) } { "End" }
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
