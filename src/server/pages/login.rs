//! The page for logging in.

use maud::html;

use crate::accounts::name::{NAME_LIMIT, UserName};
use crate::http::response::Head;
use crate::http::status::Status;
use crate::own_paths::LOGIN;
use crate::server::base::Base;
use crate::server::login_target::LoginTarget;
use crate::server::pages::page::page;
use crate::server::pages::words;
use crate::server::response::Response;

/// What the page shows.
#[derive(Debug)]
pub(crate) struct LoginPage<'a> {
    /// The relative path to the root of the server, without its final slash.
    pub root: &'a str,
    /// The page that the browser opens after the login.
    pub next: Option<&'a LoginTarget>,
    pub base: &'a Base,
    /// Whether there is one password for everybody.
    pub is_shared: bool,
    /// The name that the user has typed.
    pub name: &'a str,
    /// The user that the browser is logged in as.
    pub user: Option<&'a str>,
    /// Why the login has failed.
    pub failure: Option<&'a str>,
}

impl LoginPage<'_> {
    /// The response. Its challenge does not make browsers ask for a password themselves.
    pub(crate) fn respond(&self, status: Status) -> Response {
        let head = Head::new(status).field("Cache-Control", "no-store");
        let head =
            if status == Status::UNAUTHORIZED { head.field("WWW-Authenticate", "Bearer") } else { head };
        let (head, text) = self.framed(head);
        Response::new(head, text.into_bytes())
    }

    fn framed(&self, head: Head) -> (Head, String) {
        let Self { root, next, base, is_shared, user, failure, .. } = self;
        // Shown only if it can be a name: anything else may be a password.
        let name = Some(self.name).filter(|name| name.parse::<UserName>().is_ok()).unwrap_or_default();
        let begins_with_password = *is_shared || !name.is_empty();
        let action = LoginTarget::login(*next, base);
        debug_assert!(action.starts_with(LOGIN), "a path of this server");
        let body = html! {
            main .error {
                h1 { (words::LOG_IN) }
                @if let Some(failure) = failure { p #failure role="alert" { (failure) } }
                @if let Some(user) = user { p .hint { (words::phrase(words::LOGGED_IN_AS, &[("user", html! { bdi { (user) } })])) } }
                form .fields method="post" action={ (root) (action) } {
                    @if !*is_shared {
                        label for="name" { (words::NAME) }
                        input #name name="name" value=(name) required maxlength=(NAME_LIMIT) autocomplete="username"
                            autocapitalize="none" spellcheck="false" autofocus[!begins_with_password];
                    }
                    label for="password" { (words::PASSWORD) }
                    input #password type="password" name="password" required autocomplete="current-password"
                        autofocus[begins_with_password];
                    button { (words::LOG_IN) }
                }
            }
        };
        page(head, words::LOG_IN, &body, root)
    }
}
