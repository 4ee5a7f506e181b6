//! The pages of links. They work without a script.

use maud::html;

use super::page::page;
use crate::http::response::Head;

/// The page that opens a link. It says nothing about what is shared.
#[derive(Debug)]
pub(crate) struct LinkPage<'a> {
    /// The relative path to the root of the server, without its final slash.
    pub root: &'a str,
    pub has_password: bool,
    /// Why it was not opened.
    pub failure: Option<&'a str>,
}

/// The page of a link that only takes files.
#[derive(Debug)]
pub(crate) struct DropPage<'a> {
    /// The relative path to the root of the link, without its final slash.
    pub root: &'a str,
    /// Whether files were sent just now.
    pub has_arrived: bool,
}

impl LinkPage<'_> {
    /// The page, and its head.
    pub(crate) fn framed(&self, head: Head) -> (Head, String) {
        let body = html! {
            main .error {
                h1 { "Open the link" }
                p { "Somebody has shared something with you." }
                @if let Some(failure) = self.failure { p role="alert" { (failure) } }
                form method="post" {
                    @if self.has_password {
                        p { label { "Password " input type="password" name="password" required autofocus autocomplete="off"; } }
                    }
                    button { "Open" }
                }
            }
        };
        page(head, "Open the link", &body, self.root)
    }
}

impl DropPage<'_> {
    /// The page, and its head.
    pub(crate) fn framed(&self, head: Head) -> (Head, String) {
        let body = html! {
            main .error {
                @if self.has_arrived {
                    h1 { "Thank you" }
                    p role="status" { "Your files have arrived. You can send more." }
                } @else {
                    h1 { "Send files" }
                    p { "Choose files and send them. Nobody else who has this link sees them." }
                }
                form method="post" enctype="multipart/form-data" {
                    p { label { "Files " input type="file" name="file" multiple required; } }
                    button { "Send" }
                }
            }
        };
        page(head, if self.has_arrived { "Thank you" } else { "Send files" }, &body, self.root)
    }
}
