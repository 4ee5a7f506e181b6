//! The page for changing one's own password.

use maud::{Markup, html};

use crate::http::response::Head;
use crate::http::status::Status;
use crate::own_paths::PASSWORD;
use crate::server::pages::page::page;
use crate::server::pages::words;
use crate::server::response::Response;

/// What the page shows.
#[derive(Debug)]
pub(crate) struct PasswordPage<'a> {
    /// The relative path to the root of the server, without its final slash.
    pub root: &'a str,
    pub user: &'a str,
    /// Whether the password has just been changed.
    pub is_done: bool,
    /// Why it has not been changed.
    pub failure: Option<&'a str>,
}

impl PasswordPage<'_> {
    /// The response.
    pub(crate) fn respond(&self, status: Status) -> Response {
        let body = html! {
            main .error {
                h1 { (words::CHANGE_PASSWORD) }
                @if self.is_done {
                    p role="status" { (words::PASSWORD_CHANGED) }
                } @else {
                    (self.form())
                }
                form action={ (self.root) "/" } { button .quiet name="list" { (words::BACK_TO_FILES) } }
            }
        };
        let head = Head::new(status).field("Cache-Control", "no-store");
        let (head, text) = page(head, words::CHANGE_PASSWORD, &body, self.root);
        Response::new(head, text.into_bytes())
    }

    fn form(&self) -> Markup {
        let fields = [
            ("present", words::PRESENT_PASSWORD, "current-password"),
            ("new", words::NEW_PASSWORD, "new-password"),
            ("again", words::NEW_PASSWORD_AGAIN, "new-password"),
        ];
        html! {
            @if let Some(failure) = self.failure { p #failure role="alert" { (failure) } }
            form .fields method="post" action={ (self.root) (PASSWORD) } {
                // A browser that stores passwords needs the name.
                label for="name" { (words::NAME) }
                input #name value=(self.user) readonly autocomplete="username";
                @for (name, label, autocomplete) in fields {
                    label for=(name) { (label) }
                    input id=(name) type="password" name=(name) required autocomplete=(autocomplete) autofocus[name == "present"];
                }
                button { (words::CHANGE) }
            }
        }
    }
}
